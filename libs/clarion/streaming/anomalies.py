"""Alerts on figures that leave their usual range: orders stop, payments fail, traffic doubles.

A figure is the sum over a window that ends at a minute. It is compared with the sums of earlier
weeks whose windows ended within the same local hour of the week. Short windows are quick where
there is much traffic; long ones see what short ones cannot where there is little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.streaming.baselines import (
    Baseline,
    BaselineKind,
    Floats,
    Numbers,
    local_cells,
    minute_of,
    minute_values,
    window_sums,
)

Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiAlert:
    """A figure outside of its usual range.

    Args:
        metric: its name.
        scope: what of the shop it counts.
        direction: below the usual range or above it.
        opened_at: start of the minute whose end completed the window.
        closed_at: likewise; None while it is open.
        window_minutes: length of the window.
        value: sum over the window that ended at `opened_at`.
        usual: the median that it was compared with.
        z: standard deviations from the median.
        peak_z: the largest so far.
        baseline: usual hour of the week or of the day.
        history_weeks: weeks of history.
    """

    metric: str
    scope: str
    direction: Literal["drop", "surge"]
    opened_at: datetime
    closed_at: datetime | None
    window_minutes: int
    value: float
    usual: float
    z: float
    peak_z: float
    baseline: BaselineKind
    history_weeks: float

    @property
    def alert_id(self) -> str:
        """Metric, scope and time of opening."""
        return f"{self.metric}/{self.scope}/{self.opened_at.isoformat()}"


def evaluate(
    minutes: pd.DataFrame,
    baseline: Baseline,
    alerts: Sequence[KpiAlert],
    *,
    after: datetime,
    until: datetime,
) -> list[KpiAlert]:
    """The alerts that opened, changed or closed in the minutes of (after, until].

    A deviation is z = (x − m) / σ. σ is the spread of the cell, scaled to another level as that of
    a count: below the median to the one half way between x and m, √((x + m) / 2m), and above it to
    x, √(x / m). For a Poisson count that falls silent this gives −√(2m), its deviance; above the
    median, where counts are skewed, it is cautious.

    A metric has at most one open alert. A window opens none as long as it reaches back to before
    the last one closed. Evaluation in pieces gives the same alerts as in one go.

    Args:
        minutes: as for `baseline_of`, from `after` less `rules.reach` on; a minute without a row
            is zero.
        baseline: what is usual, with its rules.
        alerts: those that are open, and the last closed one of each metric.
        after: start of the last minute that has been evaluated.
        until: start of the last minute to evaluate; it must be complete.

    Returns:
        By metric and opening time.
    """
    rules = baseline.rules
    first = minute_of(after) + 1
    end = minute_of(until)
    if end < first:
        return []
    margin = int(rules.reach / timedelta(minutes=1))
    values = minute_values(
        minutes.reindex(columns=list(baseline.metrics)), first=first - margin, until=end
    )
    cells = local_cells(first - margin, end, zone=baseline.zone, kind=baseline.kind)
    changed: list[KpiAlert] = []
    for place in range(len(baseline.metrics)):
        figures = _figures(values[:, place], cells, baseline, place=place, start=first - margin)
        changed += _follow(figures, _latest(alerts, baseline, place=place), first=first)
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """A metric at each minute from `start` on; arrays of shape (windows, minutes)."""

    baseline: Baseline
    metric: str
    start: int
    value: Floats
    usual: Floats
    z: Floats
    is_large: Flags


def _figures(
    values: Floats, cells: Numbers, baseline: Baseline, *, place: int, start: int
) -> _Figures:
    unit = baseline.units[place]
    sums = np.array([window_sums(values / unit, window) for window in baseline.rules.windows])
    usual = baseline.usual[place][:, cells]
    level = np.maximum(usual, 1.0)
    between = np.where(sums < level, (sums + level) / 2, sums)
    sigma = baseline.spread[place][:, cells] * np.sqrt(between / level)
    with np.errstate(invalid="ignore"):  # windows that begin before the series are unknown
        is_large = np.maximum(sums, usual) >= baseline.rules.min_count
        z = (sums - usual) / sigma
    return _Figures(
        baseline=baseline,
        metric=baseline.metrics[place],
        start=start,
        value=sums * unit,
        usual=usual * unit,
        z=np.nan_to_num(z),
        is_large=is_large,
    )


def _follow(figures: _Figures, latest: KpiAlert | None, *, first: int) -> list[KpiAlert]:
    """The alerts of one metric that opened, changed or closed from the minute `first` on."""
    changed: list[KpiAlert] = []
    position = first
    openings = [
        {sign: _openings(figures, row=row, sign=sign) for sign in (-1, 1)}
        for row in range(len(figures.baseline.rules.windows))
    ]
    while True:
        if latest is None or latest.closed_at is not None:
            opened = _next_opening(figures, openings, latest, position=position)
            if opened is None:
                return changed
            latest = opened
            position = minute_of(opened.opened_at) + 1
            changed.append(opened)
        going_on = _next_state(figures, latest, position=position)
        if going_on != latest:
            if changed and changed[-1].alert_id == latest.alert_id:
                changed.pop()
            changed.append(going_on)
        if going_on.closed_at is None:
            return changed
        latest = going_on
        position = minute_of(going_on.closed_at) + 1


def _openings(figures: _Figures, *, row: int, sign: int) -> Numbers:
    """Minutes at which a window has deviated for long enough."""
    rules = figures.baseline.rules
    is_off = (sign * figures.z[row] >= rules.open_at) & figures.is_large[row]
    return np.flatnonzero(_has_held(is_off, rules.open_for)) + figures.start


def _next_opening(
    figures: _Figures,
    openings: list[dict[int, Numbers]],
    latest: KpiAlert | None,
    *,
    position: int,
) -> KpiAlert | None:
    """The first alert that opens from `position` on; of two at once, the shorter window's."""
    rules = figures.baseline.rules
    closed = None if latest is None or latest.closed_at is None else minute_of(latest.closed_at)
    best: tuple[int, int, int] | None = None
    for row, by_sign in enumerate(openings):
        least = position
        if closed is not None:
            least = max(position, closed + rules.windows[row] + rules.open_for - 1)
        for sign, minutes in by_sign.items():
            place = int(np.searchsorted(minutes, least))
            if place < minutes.size and (best is None or (int(minutes[place]), row) < best[:2]):
                best = (int(minutes[place]), row, sign)
    if best is None:
        return None
    minute, row, sign = best
    column = minute - figures.start
    z = round(float(figures.z[row, column]), 6)
    return KpiAlert(
        metric=figures.metric,
        scope=figures.baseline.scope,
        direction="drop" if sign < 0 else "surge",
        opened_at=_moment_of(minute),
        closed_at=None,
        window_minutes=rules.windows[row],
        value=round(float(figures.value[row, column]), 6),
        usual=round(float(figures.usual[row, column]), 6),
        z=z,
        peak_z=z,
        baseline=figures.baseline.kind,
        history_weeks=figures.baseline.history_weeks,
    )


def _next_state(figures: _Figures, alert: KpiAlert, *, position: int) -> KpiAlert:
    """An open alert after the minutes from `position` on, up to its close."""
    rules = figures.baseline.rules
    sign = -1 if alert.direction == "drop" else 1
    signed = sign * figures.z[rules.windows.index(alert.window_minutes)]
    quiet = np.flatnonzero(_has_held(signed < rules.close_at, rules.close_for)) + figures.start
    earliest = max(position, minute_of(alert.opened_at) + rules.close_for)
    place = int(np.searchsorted(quiet, earliest))
    closed = int(quiet[place]) if place < quiet.size else None
    end = figures.start + signed.size if closed is None else closed + 1
    seen = signed[position - figures.start : end - figures.start]
    peak = max(abs(alert.peak_z), float(seen.max(initial=0.0)))
    return replace(
        alert,
        peak_z=sign * round(peak, 6),
        closed_at=None if closed is None else _moment_of(closed),
    )


def _latest(alerts: Sequence[KpiAlert], baseline: Baseline, *, place: int) -> KpiAlert | None:
    metric = baseline.metrics[place]
    own = [item for item in alerts if (item.metric, item.scope) == (metric, baseline.scope)]
    return max(own, key=lambda item: item.opened_at, default=None)


def _has_held(flags: Flags, length: int) -> Flags:
    """Whether the last `length` flags are all true."""
    total = np.concatenate(([0], np.cumsum(flags)))
    held = np.zeros(flags.size, dtype=np.bool_)
    held[length - 1 :] = total[length:] - total[: flags.size - length + 1] == length
    return held


def _moment_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, tz=UTC)
