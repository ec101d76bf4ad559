"""Names of groups, from what sets their centres apart from the population."""

from collections.abc import Sequence

PHRASES: dict[tuple[str, bool], tuple[str, str]] = {
    ("recency", True): ("lapsed", "久未下单"),
    ("recency", False): ("recent", "近期活跃"),
    ("frequency", True): ("frequent", "高频"),
    ("frequency", False): ("occasional", "低频"),
    ("spend", True): ("high-spending", "高消费"),
    ("spend", False): ("low-spending", "低消费"),
    ("basket", True): ("big-basket", "大单"),
    ("basket", False): ("small-basket", "小单"),
    ("discount", True): ("deal-seeking", "偏好优惠"),
    ("discount", False): ("full-price", "少用优惠"),
    ("browsing", True): ("browsing", "爱逛"),
    ("browsing", False): ("seldom-browsing", "少逛"),
    ("cart", True): ("cart-filling", "爱加购"),
    ("cart", False): ("cart-shy", "少加购"),
}


def names(centres: Sequence[Sequence[float]], features: Sequence[str]) -> list[tuple[str, str]]:
    """A name for each centre in English and Chinese, unique among them.

    The two features in which a centre lies farthest from the population (0 in standardised features) name it; where two
    centres would share a name each takes further features until they differ, and at last a number.

    Args:
        centres: standardised centres, shape (k, d).
        features: the d features.
    """
    orders = [sorted(range(len(features)), key=lambda place: (-abs(centre[place]), place)) for centre in centres]
    lengths = [min(2, len(features))] * len(centres)

    def key(group: int) -> tuple[tuple[str, bool], ...]:
        return tuple((features[place], centres[group][place] > 0) for place in orders[group][: lengths[group]])

    while True:
        keys = [key(group) for group in range(len(centres))]
        shared = [group for group in range(len(centres)) if [frozenset(other) for other in keys].count(frozenset(keys[group])) > 1]
        growing = [group for group in shared if lengths[group] < len(features)]
        if not growing:
            break
        for group in growing:
            lengths[group] += 1
    seen: dict[frozenset[tuple[str, bool]], int] = {}
    found = []
    for group in range(len(centres)):
        parts = [PHRASES[part] for part in keys[group]]
        seen[frozenset(keys[group])] = number = seen.get(frozenset(keys[group]), 0) + 1
        suffix = f" {number}" if number > 1 else ""
        english = ", ".join(part[0] for part in parts)
        found.append((f"{english[:1].upper()}{english[1:]} customers{suffix}", f"{'、'.join(part[1] for part in parts)}客户{suffix}"))
    return found
