"""Price index of the shop against competitors, over matched listings, and its trend."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit
from scipy.stats import theilslopes

from clarion.measures.statistics.intervals import Interval, NotComputable

Array = npt.NDArray[np.float64]
_DIGITS = 9  # 0.9 / 1 - 1 is a little less than a tenth


@dataclass(frozen=True, slots=True)
class PriceIndex:
    """Our prices relative to theirs, over listings of which both prices are known.

    Args:
        listings: how many there are.
        index: geometric mean of our price / theirs; above 1 we are dearer.
        low: lower end of its 95 % interval; None for one listing.
        high: upper end.
        cheaper_share: share of the listings than which we are cheaper.
        dearer_share: share than which we are dearer; the rest costs the same.
    """

    listings: int
    index: float
    low: float | None
    high: float | None
    cheaper_share: float
    dearer_share: float


def price_index(log_ratios: Array) -> PriceIndex | NotComputable:
    """The price index of some listings, with Student's interval on the logarithm.

    Args:
        log_ratios: logarithm of our price over theirs, shape (listings,); NaN without either.

    Returns:
        The index; or why there is none.

    Example:
        We ask half of one competitor's price, and twice another's:

        >>> found = price_index(np.log([0.5, 2.0]))
        >>> round(found.index, 6), found.cheaper_share, found.dearer_share
        (1.0, 0.5, 0.5)
    """
    known = log_ratios[np.isfinite(log_ratios)].round(12)
    n = len(known)
    if n == 0:
        return NotComputable("no listing on sale is matched with a product that has a price")
    mean = float(known.mean())
    low = high = None
    if n > 1:
        half = float(stdtrit(n - 1, 0.975)) * float(known.std(ddof=1)) / math.sqrt(n)
        low, high = math.exp(mean - half), math.exp(mean + half)
    return PriceIndex(
        listings=n,
        index=math.exp(mean),
        low=low,
        high=high,
        cheaper_share=float((known < 0).mean()),
        dearer_share=float((known > 0).mean()),
    )


def chained_index(log_ratios: Array) -> Array:
    """The index of each week without the effect of listings that come and go, newest first.

    The newest week has its plain index. From week to week it changes as the listings do that are
    known in both.

    Args:
        log_ratios: as in `price_index`, by week, newest first; shape (listings, weeks).

    Returns:
        Shape (weeks,); NaN before the first week to which a chain of common listings leads.

    Example:
        The second listing is new; of the first one our price is as it was:

        >>> chained_index(np.log([[1.0, 1.0], [2.0, np.nan]])).round(4).tolist()
        [1.4142, 1.4142]
    """
    weeks = log_ratios.shape[1]
    chained = np.full(weeks, np.nan)
    newest = log_ratios[:, 0][np.isfinite(log_ratios[:, 0])]
    if len(newest) == 0:
        return chained
    chained[0] = newest.mean()
    changes = log_ratios[:, :-1] - log_ratios[:, 1:]
    for week in range(1, weeks):
        common = changes[:, week - 1][np.isfinite(changes[:, week - 1])]
        if len(common) == 0:
            break
        chained[week] = chained[week - 1] - common.mean()
    indices: Array = np.exp(chained)
    return indices


def weekly_trend(index: Array, *, least: int) -> Interval | NotComputable:
    """Relative change of an index per week: the slope of Theil and Sen, with its 95 % interval.

    The median of the slopes between all pairs of weeks (Sen, 1968). It supposes that weeks vary
    independently around a straight line.

    Args:
        index: newest first, shape (weeks,); NaN where it is not known.
        least: number of weeks without which there is no trend.

    Example:
        >>> trend = weekly_trend(1.01 ** -np.arange(8.0), least=6)
        >>> round(trend.value, 6), round(trend.low, 6), round(trend.high, 6)
        (0.01, 0.01, 0.01)
        >>> weekly_trend(np.ones(3), least=6)
        NotComputable(reason='weeks with an index: 3; a trend needs 6')
    """
    is_known = np.isfinite(index)
    weeks = int(is_known.sum())
    if weeks < least:
        return NotComputable(f"weeks with an index: {weeks}; a trend needs {least}")
    time = -np.flatnonzero(is_known).astype(float)
    slope, _, low, high = theilslopes(np.log(index[is_known]), time, alpha=0.95)
    return Interval(math.expm1(slope), math.expm1(low), math.expm1(high))


def price_changes(theirs: Array) -> Array:
    """Relative change of each listing's price within the last week, shape (listings,).

    Args:
        theirs: prices by week, newest first; shape (listings, weeks), of two weeks or more.
    """
    changes: Array = (theirs[:, 0] / theirs[:, 1] - 1).round(_DIGITS)
    return changes
