"""What is usual in each hour of the week, for alerts on figures."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.int64]
BaselineKind = Literal["hour_of_week", "hour_of_day"]

_CELLS: dict[BaselineKind, int] = {"hour_of_week": 168, "hour_of_day": 24}
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_LEAST_DAYS = 7
_LEAST_WEEKS = 4
_LEAST_RANGE = (
    1.5  # of the levels of hours: in a range that is narrower φ and c cannot be told apart
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """When a deviation is an alert.

    Args:
        windows: lengths in minutes of the windows that end at each minute, shortest first.
        open_at: least absolute deviation that opens an alert.
        open_for: minutes in a row for which it is reached.
        close_at: an alert closes when its deviation is below this ...
        close_for: ... for so many minutes in a row.
        min_count: no alert where neither the usual value nor the value reaches it; of an amount,
            in orders of the size that makes up its variance.
        history_weeks: weeks before `now` that make the baseline, at most.
        amounts: sums of money, each with the metric that counts what is summed.
    """

    # Measured on 14 simulated shops of 2 to 200 events a minute (test_kpi_alerts_on_traffic.py):
    # open_at 5.0, 4.5 and 4.0 gave .03, .07 and .27 false alarms per metric and quiet week (at
    # most .5, 1 and 2.25 for a metric of a shop). They found .98, .99 and 1.00 of outages, .95, .98
    # and .98 of stops of orders, and .90, .94 and .96 of rises of failing payments, where a fault
    # changed 40 events or more. By 4.5 the median outage was found after 5 minutes with 20 events
    # a minute or more, after 6 with 5 or 10, and after 15 with 2.
    windows: tuple[int, ...] = (5, 15, 60)
    open_at: float = 4.5
    open_for: int = 2
    close_at: float = 2.5
    close_for: int = 10
    min_count: float = 10.0
    history_weeks: int = 8
    amounts: tuple[tuple[str, str], ...] = (("revenue", "orders"),)

    def __post_init__(self) -> None:
        if not self.windows or min(self.windows) < 1 or list(self.windows) != sorted(self.windows):
            raise ValueError("windows are lengths in minutes, shortest first")
        if not 0 < self.close_at < self.open_at:
            raise ValueError("close_at is above 0 and below open_at")
        if min(self.open_for, self.close_for, self.history_weeks) < 1:
            raise ValueError("open_for, close_for and history_weeks are 1 at least")

    @property
    def reach(self) -> timedelta:
        """How far before the first evaluated minute the series of minutes must begin."""
        return timedelta(minutes=max(self.windows) + max(self.open_for, self.close_for))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """What is usual in each hour.

    Args:
        kind: whether a cell is a local hour of the week (168) or of the day (24).
        history_weeks: weeks of history, a part of one included.
        zone: time zone of the shop.
        scope: what of the shop the minutes count.
        rules: those that it was made by.
        metrics: names.
        units: of shape (metrics,), what makes the variance of a metric equal to its mean: 1 for a
            count.
        usual: medians in units, of shape (metrics, windows, cells).
        spread: standard deviations in units, of the same shape.
    """

    kind: BaselineKind
    history_weeks: float
    zone: str
    scope: str
    rules: AlertRules
    metrics: tuple[str, ...]
    units: Floats
    usual: Floats
    spread: Floats


def baseline_of(
    minutes: pd.DataFrame, *, zone: str, rules: AlertRules, now: datetime, scope: str = "shop"
) -> Baseline | None:
    """What is usual in each hour before `now`.

    The median of a cell is over all windows that end in its hour. Its standard deviation is the
    largest of 1.4826 · MAD and a floor, √(φ·m + c²·m²): counts vary more than Poisson (φ ≥ 1), and
    whole hours are better or worse than others (c). Both are measured over all cells. An amount is
    a compound Poisson sum: its variance is E[V²]/E[V] times its mean, V the value of an order, so
    that the amount divided by E[V²]/E[V] is treated as a count.

    Args:
        minutes: a column for each metric, indexed by the start of the minute (with a time zone).
            History begins with its first row; a minute without a row is zero.
        zone: time zone of the shop.
        rules: windows, and how far back history counts.
        now: minutes from then on do not count.
        scope: what of the shop the minutes count.

    Returns:
        The usual hour of the week; with less than four weeks of history, of the day; None with
        less than seven days.
    """
    end = minute_of(now)
    numbers = _minute_numbers(minutes)
    first = int(numbers.min()) if numbers.size else end
    days = (end - first) / (24 * 60)
    if days < _LEAST_DAYS:
        return None
    weeks = min(days / 7, float(rules.history_weeks))
    kind: BaselineKind = "hour_of_week" if weeks >= _LEAST_WEEKS else "hour_of_day"
    first = max(first, end - rules.history_weeks * 7 * 24 * 60)
    values = minute_values(minutes, first=first, until=end - 1)
    metrics = tuple(map(str, minutes.columns))
    units = _units(values, metrics, rules)
    cells = local_cells(first, end - 1, zone=zone, kind=kind)
    levels = [
        [_levels(column, cells, window=window, kind=kind) for window in rules.windows]
        for column in (values / units).T
    ]
    both = np.array(levels)  # metrics, windows, (median, standard deviation), cells
    return Baseline(
        kind=kind,
        history_weeks=round(weeks, 1),
        zone=zone,
        scope=scope,
        rules=rules,
        metrics=metrics,
        units=units,
        usual=both[:, :, 0],
        spread=both[:, :, 1],
    )


def local_cells(first: int, until: int, *, zone: str, kind: BaselineKind) -> Numbers:
    """The local hour of the week or of the day of each minute."""
    instants = pd.DatetimeIndex(np.arange(first, until + 1).astype("datetime64[m]"))
    local = instants.tz_localize("UTC").tz_convert(ZoneInfo(zone))
    hour = np.asarray(local.hour, dtype=np.int64)
    if kind == "hour_of_day":
        return hour
    return np.asarray(local.dayofweek, dtype=np.int64) * 24 + hour


def minute_values(minutes: pd.DataFrame, *, first: int, until: int) -> Floats:
    """Values of shape (minutes, metrics) without gaps, from `first` to `until`."""
    values = np.zeros((until - first + 1, minutes.shape[1]))
    places = _minute_numbers(minutes) - first
    is_inside = (places >= 0) & (places < values.shape[0])
    known = minutes.to_numpy(dtype=np.float64, na_value=0.0)
    values[places[is_inside]] = known[is_inside]
    return values


def _minute_numbers(minutes: pd.DataFrame) -> Numbers:
    index = minutes.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise ValueError("minutes are indexed by instants with a time zone")
    numbers: Numbers = (
        index.tz_convert("UTC")
        .tz_localize(None)
        .to_numpy()
        .astype("datetime64[m]")
        .astype(np.int64)
    )
    return numbers


def minute_of(instant: datetime) -> int:
    """The number of the minute of an instant, from 1970 on."""
    return int(instant.timestamp() // 60)


def _levels(
    values: Floats, cells: Numbers, *, window: int, kind: BaselineKind
) -> tuple[Floats, Floats]:
    """Median and standard deviation of the window's sums in each cell, each of shape (cells,)."""
    step = max(1, window // 5)  # windows that overlap by more than four fifths say little new
    ends = np.arange(window - 1, values.size, step)
    sums = window_sums(values, window)[ends]
    grouped = _Cells.of(cells[ends], size=_CELLS[kind])
    median = grouped.medians(sums)
    mad = grouped.medians(np.abs(sums - median[cells[ends]]))
    own = _MAD_TO_SIGMA * mad
    return median, np.maximum(own, _floor(median, own))


def _floor(median: Floats, own: Floats) -> Floats:
    """√(φ·m + c²·m²) with φ ≥ 1 and c ≥ 0 from the lower and the upper half of the cells.

    Medians of halves stand where least squares would follow the few hours in which traffic rises
    or falls within the hour.
    """
    level = np.maximum(median, 1.0)
    ratio = own**2 / level
    order = np.argsort(median, kind="stable")
    lower, upper = order[: order.size // 2], order[order.size // 2 :]
    low, high = float(np.median(level[lower])), float(np.median(level[upper]))
    slope, dispersion = 0.0, float(np.median(ratio))
    if high > _LEAST_RANGE * low:
        rise = float(np.median(ratio[upper]) - np.median(ratio[lower]))
        slope = max(0.0, rise / (high - low))
        dispersion = float(np.median(ratio[upper])) - slope * high
    dispersion = max(1.0, dispersion)
    result: Floats = np.sqrt(dispersion * level + slope * level**2)
    return result


@dataclass(frozen=True, slots=True)
class _Cells:
    """Positions of values in a table of one row per cell, for medians of all cells at once."""

    rows: Numbers
    columns: Numbers
    sizes: Numbers

    @classmethod
    def of(cls, cells: Numbers, *, size: int) -> "_Cells":
        order = np.argsort(cells, kind="stable")
        sizes = np.bincount(cells, minlength=size)
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        columns = np.empty(cells.size, dtype=np.int64)
        columns[order] = np.arange(cells.size) - np.repeat(starts, sizes)
        return cls(cells, columns, sizes)

    def medians(self, values: Floats) -> Floats:
        """Median of each cell; 0 where a cell has no value."""
        table = np.full((self.sizes.size, max(1, int(self.sizes.max()))), np.inf)
        table[self.rows, self.columns] = values
        table.sort(axis=1)
        cells = np.arange(self.sizes.size)
        low = table[cells, np.maximum(self.sizes - 1, 0) // 2]
        high = table[cells, np.minimum(self.sizes // 2, table.shape[1] - 1)]
        return np.where(self.sizes > 0, (low + high) / 2, 0.0)


def _units(values: Floats, metrics: tuple[str, ...], rules: AlertRules) -> Floats:
    """E[V²]/E[V] for amounts, of the values V of what they sum; 1 for counts.

    With n orders in a minute its amount has mean n·E[V] and variance n·Var[V].
    """
    units = np.ones(len(metrics))
    for amount, count in rules.amounts:
        if amount not in metrics or count not in metrics:
            continue
        money = values[:, metrics.index(amount)]
        orders = values[:, metrics.index(count)]
        has_orders = orders > 0
        if not has_orders.any() or money[has_orders].sum() <= 0:
            continue
        number = orders[has_orders].sum()
        mean = money[has_orders].sum() / number
        variance = ((money - mean * orders)[has_orders] ** 2).sum() / number
        units[metrics.index(amount)] = (mean**2 + variance) / mean
    return units


def window_sums(values: Floats, window: int) -> Floats:
    """Sum over the `window` minutes that end at each; NaN where the series is too short."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    sums = np.full(values.size, np.nan)
    sums[window - 1 :] = total[window:] - total[: values.size - window + 1]
    return sums
