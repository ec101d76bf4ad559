"""Features that say nothing of a shop's customers, and why.

A source without rows gives zeros, or nothing, and what is alike for everybody separates nobody. Yet
an expression over several features can vary with the others: a discount share that is smoothed
becomes a function of how much was bought. Therefore the features themselves decide.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from clarion.customers.features.definitions import SOURCES_OF_ONE_ROW, Feature
from clarion.kernel.expressions import names

_ENOUGH = 20  # customers with one and the same value: fewer may be alike by chance


@dataclass(frozen=True, slots=True)
class Spread:
    """How a feature is spread over customers.

    Args:
        customers: those with a known value.
        lowest: smallest value; None for a text, or where none is known.
        highest: largest value, likewise.
    """

    customers: int
    lowest: float | None
    highest: float | None

    @property
    def is_unseen(self) -> bool:
        """Whether nobody has a value, or everybody zero: nothing of the kind has happened."""
        return self.customers == 0 or self.lowest == self.highest == 0

    @property
    def is_constant(self) -> bool:
        """Whether all customers who have a value, and not just a few, have the same."""
        is_number = self.lowest is not None
        return is_number and self.lowest == self.highest and self.customers >= _ENOUGH

    def __str__(self) -> str:
        if self.customers == 0:
            return "unknown for every customer"
        return f"{self.lowest:g} for every customer"


def features_left_out(
    features: tuple[Feature, ...], spreads: Mapping[str, Spread]
) -> dict[str, str]:
    """The features that take no part in groups, tags and models, with the reason of each.

    Left out is what nobody has or what is zero for everybody, what rests on such a feature, and
    what has the same value for all customers who have one.

    Args:
        features: declared features, each after those it rests on.
        spreads: the spread of each over the customers.

    Example:
        >>> reviews = Feature(
        ...     name="reviews", source="reviews", value="count(*)", where=None, within=None,
        ...     empty=0, type="number", unit="reviews", meaning="reviews written",
        ...     label_en="reviews", label_zh="评价",
        ... )
        >>> features_left_out((reviews,), {"reviews": Spread(90, 0.0, 0.0)})
        {'reviews': 'there are no reviews'}
    """
    silent_sources = _silent_sources(features, spreads)
    unseen: dict[str, str] = {}
    constant: dict[str, str] = {}
    for feature in features:
        spread = spreads[feature.name]
        missing = next((name for name in _named(feature) if name in unseen), None)
        if feature.source in silent_sources:
            unseen[feature.name] = f"there are no {feature.source}"
        elif missing is not None:
            unseen[feature.name] = f"it rests on {missing}: {unseen[missing]}"
        elif spread.is_unseen:
            unseen[feature.name] = str(spread)
        elif spread.is_constant:
            constant[feature.name] = str(spread)
    reasons = unseen | constant
    return {feature.name: reasons[feature.name] for feature in features if feature.name in reasons}


def inputs_left_out(
    inputs: Mapping[str, Collection[str]], left_out: Mapping[str, str]
) -> dict[str, str]:
    """The inputs of a model that take no part, with the reason of each.

    Args:
        inputs: the features that each input rests on.
        left_out: features that take no part, with the reason of each.

    Example:
        >>> inputs_left_out({"discount": ["discount_share"]}, {"discount_share": "0 for everybody"})
        {'discount': 'discount_share: 0 for everybody'}
    """
    missing = {
        name: next((feature for feature in features if feature in left_out), None)
        for name, features in inputs.items()
    }
    return {
        name: f"{feature}: {left_out[feature]}"
        for name, feature in missing.items()
        if feature is not None
    }


def listed(left_out: Mapping[str, str]) -> str:
    """What is left out as a text: names that share a reason stand together.

    Example:
        >>> listed({"views": "there are no events", "clicks": "there are no events"})
        'views, clicks (there are no events)'
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(group)} ({reason})" for reason, group in by_reason.items())


def features_named(text: str, features: Iterable[Feature]) -> tuple[str, ...]:
    """The declared features that an expression names."""
    words = set(names(text))
    return tuple(feature.name for feature in features if feature.name in words)


def _named(feature: Feature) -> tuple[str, ...]:
    if feature.source != "features":
        return ()
    return feature.rests_on or names(f"{feature.value} {feature.where or ''}")


def _silent_sources(features: tuple[Feature, ...], spreads: Mapping[str, Spread]) -> set[str]:
    """The sources of which no customer has a row, as far as their features can tell."""
    by_source: dict[str, list[Feature]] = {}
    for feature in features:
        if feature.source not in (*SOURCES_OF_ONE_ROW, "days"):
            by_source.setdefault(feature.source, []).append(feature)
    return {
        source
        for source, of_source in by_source.items()
        if all(_has_no_rows(feature, spreads[feature.name]) for feature in of_source)
        # One that counts only some rows says nothing of the others.
        and any(feature.where is None for feature in of_source)
    }


def _has_no_rows(feature: Feature, spread: Spread) -> bool:
    is_empty = feature.empty is not None and spread.lowest == spread.highest == feature.empty
    return spread.customers == 0 or is_empty
