"""Features as conf/features.yml declares them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import names, refuse_unsafe_sql
from clarion.kernel.safe_sql import filter_aggregates, has_aggregate, null_on_error

Source = Literal[
    "days",
    "orders",
    "deliveries",
    "events",
    "visits",
    "interactions",
    "profile",
    "reviews",
    "responses",
    "redemptions",
    "contacts",
    "traits",
    "ties",
    "registrations",
    "features",
]
ValueType = Literal["number", "text"]

SOURCES_OF_ONE_ROW: tuple[Source, ...] = ("profile", "features")
_SOURCES_WITHOUT_AGE: tuple[Source, ...] = ("profile", "features", "interactions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One value that describes a customer.

    Args:
        name: the name that models, tags and audiences use.
        source: the view of the facts it is computed from.
        value: SQL. Aggregates over a customer's rows of the view, or an expression where a
            customer has a single row.
        where: SQL condition on the rows that count; None for all.
        within: days before the as-of day that count; None for all that the view holds.
        empty: value of a customer without such rows; None if it is unknown then.
        type: number or text.
        unit: unit of the value.
        meaning: what the value means, in words.
        label_en: English label.
        label_zh: Chinese label.
        rests_on: of a feature over features, those without which it says nothing; empty for all
            that it names.
    """

    name: str
    source: Source
    value: str
    where: str | None
    within: int | None
    empty: float | None
    type: ValueType
    unit: str
    meaning: str
    label_en: str
    label_zh: str
    rests_on: tuple[str, ...] = ()

    @property
    def is_aggregate(self) -> bool:
        """Whether it sums up several rows of a customer."""
        return self.source not in SOURCES_OF_ONE_ROW

    @property
    def sql(self) -> str:
        """SQL of the value: of the rows that count, and null where it would fail."""
        value = null_on_error(self.value)
        parts = [f"({null_on_error(self.where)})"] if self.where else []
        if self.within:
            parts.append(f"age <= {self.within}")
        condition = " AND ".join(parts)
        if not condition:
            return value
        if self.is_aggregate:
            return filter_aggregates(value, condition)
        return f"IF({condition}, {value}, NULL)"


class _Entry(BaseModel):
    """One entry of the file; several windows stand for several features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source
    value: str
    where: str | None = None
    within: int | list[int] | None = None
    empty: float | None = None
    type: ValueType = "number"
    unit: str
    meaning: str
    en: str
    zh: str
    rests_on: tuple[str, ...] = ()

    def feature(self, name: str, *, days: int | None) -> Feature:
        """The feature of one window; `{days}` in a text stands for the window's length."""

        def fill(text: str) -> str:
            return text.replace("{days}", str(days))

        return Feature(
            name=name,
            source=self.source,
            value=fill(self.value),
            where=self.where,
            within=days,
            empty=self.empty,
            type=self.type,
            unit=self.unit,
            meaning=fill(self.meaning),
            label_en=fill(self.en),
            label_zh=fill(self.zh),
            rests_on=self.rests_on,
        )


def parse(entries: Mapping[str, Any]) -> tuple[Feature, ...]:
    """The features of a file; an entry with several windows gives one feature per window.

    Args:
        entries: content of the file, by name.

    Raises:
        ConfigError: an unknown key or source, an invalid or repeated name, or more than an
            expression.
    """
    features: dict[str, Feature] = {}
    for name, body in entries.items():
        where = f"features.yml: {name}"
        for feature in _features_of(name, _valid_entry(body, where=where)):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", feature.name):
                raise ConfigError(
                    f"{where}: the name is invalid",
                    found=feature.name,
                    fix="use lower-case letters, digits and _",
                )
            if feature.name in features:
                raise ConfigError(
                    f"{where} is declared twice", found=feature.name, fix="rename one of them"
                )
            _refuse_unknown_rests(feature, features, where=where)
            features[feature.name] = feature
    return tuple(features.values())


def required_features(
    features: tuple[Feature, ...], expressions: Iterable[str]
) -> tuple[Feature, ...]:
    """The features that some expressions use, directly or through other features.

    Args:
        features: all declared features, in the file's order.
        expressions: SQL over features.

    Returns:
        The features in use, in the file's order.

    Raises:
        ConfigError: an expression uses no declared feature.
    """
    declared_names = {feature.name for feature in features}
    used: set[str] = set()
    for text in expressions:
        direct = declared_names.intersection(names(text))
        if not direct:
            raise ConfigError(
                "an input of a model uses no declared feature",
                found=text,
                fix="use the features of features.yml",
            )
        used |= direct
    # A feature over others stands after them, so one pass from the end reaches them all.
    for feature in reversed(features):
        if feature.name in used and feature.source == "features":
            used |= declared_names.intersection(names(f"{feature.value} {feature.where or ''}"))
    return tuple(feature for feature in features if feature.name in used)


def levels(features: tuple[Feature, ...]) -> list[tuple[Feature, ...]]:
    """Features over other features, in groups that can each be computed at once.

    Args:
        features: those with the source `features`, each after those it names.

    Returns:
        The same features; none names another one of its own group.
    """
    groups: list[tuple[Feature, ...]] = []
    for feature in features:
        named = names(f"{feature.value} {feature.where or ''}")
        if groups and not {item.name for item in groups[-1]}.intersection(named):
            groups[-1] = (*groups[-1], feature)
        else:
            groups.append((feature,))
    return groups


def _valid_entry(body: object, *, where: str) -> _Entry:
    entry = parse_model(_Entry, body, where=where)
    refuse_unsafe_sql(entry.value, where=where)
    if entry.where is not None:
        refuse_unsafe_sql(entry.where, where=where)
    if entry.source not in SOURCES_OF_ONE_ROW and not has_aggregate(entry.value):
        raise ConfigError(
            f"{where}: 'value' has no aggregate, and a customer has several rows of "
            f"'{entry.source}'",
            found=entry.value,
            fix="write an aggregate such as max(column), or max_by(column, age)",
        )
    if entry.within is not None and entry.source in _SOURCES_WITHOUT_AGE:
        raise ConfigError(
            f"{where}: rows of '{entry.source}' have no age",
            found=f"within: {entry.within}",
            fix="remove 'within'",
        )
    return entry


def _refuse_unknown_rests(feature: Feature, earlier: Mapping[str, Feature], *, where: str) -> None:
    if feature.rests_on and feature.source != "features":
        raise ConfigError(
            f"{where}: only a feature over features rests on others",
            found=f"source: {feature.source}",
            fix="remove 'rests_on'",
        )
    for name in feature.rests_on:
        if name not in earlier:
            raise ConfigError(
                f"{where}: it rests on a feature that is not above it",
                found=name,
                fix="name features that are declared above it",
            )


def _features_of(name: str, entry: _Entry) -> list[Feature]:
    if isinstance(entry.within, list):
        return [entry.feature(f"{name}_{days}d", days=days) for days in entry.within]
    return [entry.feature(name, days=entry.within)]
