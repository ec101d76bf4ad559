"""Names of groups, from what sets them apart from the population."""

from collections import Counter
from collections.abc import Mapping, Sequence

from clarion.customers.segments.settings import ComparedFeature

_Key = tuple[tuple[str, bool], ...]  # features in order of distance, and whether they are high


def group_names(
    centres: Sequence[Sequence[float]],
    features: Sequence[str],
    words: Mapping[str, ComparedFeature],
) -> list[tuple[str, str]]:
    """A name for each group in English and Chinese, unique among them.

    A group is named by the two features in which it lies farthest from the population, which is 0
    in standardised features. Groups that share a name take further features until they differ; if
    they never do, a number is added.

    Args:
        centres: standardised means, shape (k, d).
        features: names of the d features.
        words: what high and low values of each feature are called.
    """
    names = []
    uses: Counter[frozenset[tuple[str, bool]]] = Counter()
    for key in _distinct_keys(centres, features):
        uses[frozenset(key)] += 1
        number = uses[frozenset(key)]
        suffix = f" {number}" if number > 1 else ""
        labels = [words[name].high if is_high else words[name].low for name, is_high in key]
        english = ", ".join(label[0] for label in labels)
        chinese = "、".join(label[1] for label in labels)
        names.append(
            (
                f"{english[:1].upper()}{english[1:]} customers{suffix}",
                f"{chinese}客户{suffix}",
            )
        )
    return names


def _distinct_keys(centres: Sequence[Sequence[float]], features: Sequence[str]) -> list[_Key]:
    """The features that name each group: two, or more where groups would share a name."""
    keys = [_ranked_features(centre, features) for centre in centres]
    lengths = [min(2, len(features))] * len(centres)
    while True:
        short_keys = [key[:length] for key, length in zip(keys, lengths, strict=True)]
        uses = Counter(frozenset(key) for key in short_keys)
        extendable = [
            group
            for group, key in enumerate(short_keys)
            if uses[frozenset(key)] > 1 and lengths[group] < len(features)
        ]
        if not extendable:
            return short_keys
        for group in extendable:
            lengths[group] += 1


def _ranked_features(centre: Sequence[float], features: Sequence[str]) -> _Key:
    order = sorted(range(len(features)), key=lambda index: (-abs(centre[index]), index))
    return tuple((features[index], centre[index] > 0) for index in order)
