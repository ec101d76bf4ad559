"""Early warnings: what competitors do that asks for a decision, with what was seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clarion.measures.statistics.intervals import Interval, NotComputable
from clarion.prediction.market.observed import Observed
from clarion.prediction.market.prices import price_changes
from clarion.prediction.market.settings import MarketSettings

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EarlyWarning:
    """Something that asks for a decision.

    Args:
        kind: price_cuts, price_war, dearer_trend or new_listings.
        evidence: what was seen, in words.
    """

    kind: str
    evidence: str


@dataclass(frozen=True, slots=True)
class WarningRules:
    """What warns.

    Args:
        price_move: relative move from which a price counts as cut.
        settings: shares and numbers.
    """

    price_move: float
    settings: MarketSettings


def price_cuts(seen: Observed, chosen: Bools, rules: WarningRules) -> list[EarlyWarning]:
    """One warning per competitor that cut many of its matched prices within a week.

    Args:
        seen: the market.
        chosen: the listings that count, shape (listings,).
        rules: what counts as a cut, and as many.
    """
    if seen.theirs.shape[1] < 2 or not chosen.any():
        return []
    changes = price_changes(seen.theirs)
    counts = chosen & np.isfinite(changes) & seen.listings["product_id"].notna().to_numpy()
    is_cut = counts & (changes <= -rules.price_move)
    competitor = seen.listings["competitor"].to_numpy()
    found = []
    for name in sorted(set(competitor[is_cut])):
        is_of = competitor == name
        cut, matched = int((is_cut & is_of).sum()), int((counts & is_of).sum())
        if cut >= rules.settings.warn_least and cut >= rules.settings.warn_share * matched:
            text = f"{name} cut {cut} of {matched} matched prices in 7 days"
            found.append(EarlyWarning("price_cuts", text))
    return found


def dearer_trend(
    trend: Interval | NotComputable, weeks: int, settings: MarketSettings
) -> list[EarlyWarning]:
    """A warning where our prices clearly rise against theirs.

    Args:
        trend: relative change of the index per week.
        weeks: weeks with an index.
        settings: change over the window from which it warns.
    """
    if isinstance(trend, NotComputable) or trend.low <= 0:
        return []
    change, low, high = (
        (1 + slope) ** (weeks - 1) - 1 for slope in (trend.value, trend.low, trend.high)
    )
    if change < settings.warn_trend:
        return []
    text = (
        f"our prices rose against theirs by {change:.1%} in {weeks - 1} weeks "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )
    return [EarlyWarning("dearer_trend", text)]


def new_listings(seen: Observed, chosen: Bools, settings: MarketSettings) -> list[EarlyWarning]:
    """A warning where many listings are new; it names the competitor that has most of them.

    Args:
        seen: the market.
        chosen: the listings that count, shape (listings,).
        settings: what is new, and what is many.
    """
    is_new = chosen & seen.is_new(settings.new_days)
    new, on_sale = int(is_new.sum()), int(chosen.sum())
    if new < settings.warn_least or new < settings.warn_share * on_sale:
        return []
    counts = seen.listings["competitor"][is_new].value_counts()
    name, most = min(counts.items(), key=lambda item: (-item[1], item[0]))
    text = (
        f"{new} of {on_sale} listings were first seen in the last {settings.new_days} days, "
        f"most of them of {name} ({most})"
    )
    return [EarlyWarning("new_listings", text)]
