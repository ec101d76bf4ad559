"""Names of groups, from what sets them apart from the population."""

from collections.abc import Mapping, Sequence

from clarion.customers.segments.settings import ComparedFeature


def group_names(
    centres: Sequence[Sequence[float]],
    features: Sequence[str],
    words: Mapping[str, ComparedFeature],
) -> list[tuple[str, str]]:
    """A name for each group in English and Chinese, unique among them.

    The two features in which a group lies farthest from the population (0 in standardised features) name it; where two
    groups would share a name each takes further features until they differ, and at last a number.

    Args:
        centres: standardised means, shape (k, d).
        features: the d features.
        words: what much and little of each is called.
    """
    orders = [
        sorted(range(len(features)), key=lambda place: (-abs(centre[place]), place))
        for centre in centres
    ]
    lengths = [min(2, len(features))] * len(centres)

    def key(group: int) -> tuple[tuple[str, bool], ...]:
        return tuple(
            (features[place], centres[group][place] > 0)
            for place in orders[group][: lengths[group]]
        )

    while True:
        keys = [key(group) for group in range(len(centres))]
        shared = [
            group
            for group in range(len(centres))
            if [frozenset(other) for other in keys].count(frozenset(keys[group])) > 1
        ]
        growing = [group for group in shared if lengths[group] < len(features)]
        if not growing:
            break
        for group in growing:
            lengths[group] += 1
    seen: dict[frozenset[tuple[str, bool]], int] = {}
    found = []
    for group in range(len(centres)):
        parts = [words[name].high if much else words[name].low for name, much in keys[group]]
        seen[frozenset(keys[group])] = number = seen.get(frozenset(keys[group]), 0) + 1
        suffix = f" {number}" if number > 1 else ""
        english = ", ".join(part[0] for part in parts)
        found.append(
            (
                f"{english[:1].upper()}{english[1:]} customers{suffix}",
                f"{'、'.join(part[1] for part in parts)}客户{suffix}",
            )
        )
    return found
