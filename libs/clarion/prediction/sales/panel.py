"""Daily series side by side, and why a series cannot be forecast."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.prediction.sales.settings import ForecastSettings

Array = npt.NDArray[np.float64]
ALL = "all"
OTHER = "(other)"
_INTERMITTENT_FROM = 1.32  # mean days between sales; Syntetos and Boylan (2005)


class Key(NamedTuple):
    """Which series it is.

    Args:
        measure: revenue, units, orders, buyers or views.
        level: all, category, brand or channel.
        series: its value; `all` for the total.
    """

    measure: str
    level: str
    series: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Series of equal length that end on the day before the as-of day.

    Args:
        keys: one of each series.
        values: shape (series, days); not a number before a series begins.
        prices: paid for a unit, shape (series, days); not a number where nothing was sold.
        as_of: the day after the last one.
    """

    keys: tuple[Key, ...]
    values: Array
    prices: Array
    as_of: date

    def subset(self, rows: Sequence[int]) -> "Panel":
        """Some of the series."""
        index = list(rows)
        keys = tuple(self.keys[row] for row in index)
        return Panel(keys, self.values[index], self.prices[index], self.as_of)


def panel_of(daily: pd.DataFrame, *, as_of: date) -> Panel:
    """Series from rows; a day without a row after the first one of its series is a zero.

    Args:
        daily: measure, level, series, day, value, price; days from the as-of day on are left out.
        as_of: first day that does not count.
    """
    daily = daily.assign(day=pd.to_datetime(daily["day"]))
    daily = daily[daily["day"] < pd.Timestamp(as_of)]
    if daily.empty:
        nothing = np.empty((0, 0))
        return Panel((), nothing, nothing, as_of)
    days = pd.date_range(daily["day"].min(), pd.Timestamp(as_of), inclusive="left")
    columns = ["measure", "level", "series"]
    values = daily.pivot_table(index=columns, columns="day", values="value", aggfunc="sum")
    prices = daily.pivot_table(
        index=columns, columns="day", values="price", aggfunc="mean", dropna=False
    )
    values = values.reindex(columns=days)
    matrix = values.to_numpy(dtype=np.float64)
    has_begun = np.maximum.accumulate(~np.isnan(matrix), axis=1)
    matrix = np.where(has_begun & np.isnan(matrix), 0.0, matrix)
    paid = prices.reindex(index=values.index, columns=days).to_numpy(dtype=np.float64)
    return Panel(tuple(Key(*key) for key in values.index), matrix, paid, as_of)


def fault(values: Array, settings: ForecastSettings) -> str | None:
    """Why a series is not forecast; None where nothing speaks against it.

    Args:
        values: of each day, shape (days,); not a number before the series begins.
        settings: the days that a backtest needs, and what counts as a gap.
    """
    past = begun(values)
    if not len(past) or not past.any():
        return f"zero: nothing on any of {len(past)} days"
    if (past < 0).any():
        return f"broken: below zero on {int((past < 0).sum())} of {len(past)} days"
    if len(past) < settings.needed_days:
        return f"too short: {len(past)} days, the backtest needs {settings.needed_days}"
    if not past[-settings.horizon_days :].any():
        return f"zero: nothing on the last {settings.horizon_days} days"
    longest = _longest_gap(past)
    if longest >= settings.gap_days and (past > 0).sum() > (len(past) - longest) / 2:
        return f"broken: nothing on {longest} days in a row, though most other days have a value"
    return None


def begun(values: Array) -> Array:
    """The days since the series began."""
    return values[~np.isnan(values)]


def is_intermittent(values: Array) -> bool:
    """Whether a series has a value on fewer than three of four days."""
    past = begun(values)
    return len(past) > _INTERMITTENT_FROM * max(int((past > 0).sum()), 1)


def _longest_gap(past: Array) -> int:
    """Days of the longest run of zeros."""
    is_sold = np.flatnonzero(np.concatenate([[1.0], past, [1.0]]))
    return int(np.diff(is_sold).max()) - 1


def with_others(panel: Panel, is_rejected: Sequence[bool], settings: ForecastSettings) -> Panel:
    """The series that are forecast; what is rejected joins the others of its level.

    So the children of a level still sum to its total. The others begin with the total and count
    at least zero a day; where they sold nothing lately, there are none.

    Args:
        panel: all series.
        is_rejected: of each series.
        settings: what counts as nothing.
    """
    kept = [row for row, rejected in enumerate(is_rejected) if not rejected]
    totals = {panel.keys[row].measure for row in kept if panel.keys[row].level == ALL}
    levels = dict.fromkeys(
        (key.measure, key.level) for key in panel.keys if key.level != ALL and key.measure in totals
    )
    keys = [panel.keys[row] for row in kept]
    values = [panel.values[row] for row in kept]
    prices = [panel.prices[row] for row in kept]
    for measure, level in levels:
        rest = [
            row
            for row, key in enumerate(panel.keys)
            if (key.measure, key.level) == (measure, level)
            and (is_rejected[row] or key.series == OTHER)
        ]
        begins = ~np.isnan(panel.values[panel.keys.index(Key(measure, ALL, ALL))])
        summed = np.nan_to_num(panel.values[rest]).sum(axis=0)
        others = np.where(begins, np.maximum(summed, 0.0), np.nan)
        key = Key(measure, level, OTHER)
        if key in keys:
            values[keys.index(key)] = others
        elif rest and others[-settings.horizon_days :].any():
            keys.append(key)
            values.append(others)
            prices.append(np.full(len(others), np.nan))
    if not keys:
        return panel.subset([])
    return Panel(tuple(keys), np.array(values), np.array(prices), panel.as_of)
