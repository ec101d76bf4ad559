"""Forecasts of many series: models compete in a backtest, the better one forecasts, sums add up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from clarion.measures.calendar import Calendar
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales.backtest import (
    Origins,
    Scores,
    interval,
    interval_share,
    origins,
    scores,
)
from clarion.prediction.sales.boosted import Learning, boosted_forecasts
from clarion.prediction.sales.local import (
    BOOSTED,
    COMBINED,
    NAIVE,
    PARTS,
    check_models,
    local_candidates,
    local_forecasts,
)
from clarion.prediction.sales.panel import Array, Panel, fault, is_intermittent, with_others
from clarion.prediction.sales.reconcile import add_up
from clarion.prediction.sales.settings import ForecastSettings


@dataclass(frozen=True, slots=True)
class LocalTask:
    """What the models of one series have to forecast.

    Args:
        values: of each day, shape (days,).
        names: models.
    """

    values: Array
    names: tuple[str, ...]


LocalForecasts = dict[str, Array]
RunLocal = Callable[[Sequence[LocalTask], Sequence[int], int], list[LocalForecasts]]


@dataclass(frozen=True, slots=True)
class SalesForecast:
    """What is expected, and how each series was judged.

    Args:
        forecasts: rows of FORECASTS.
        backtests: rows of FORECAST_BACKTESTS.
    """

    forecasts: list[dict[str, Any]]
    backtests: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Choice:
    """The model of a series.

    Args:
        group_model: the one with the lowest error over the group.
        model: the one that forecasts.
        errors: MASE of each candidate on the choosing origins.
        own: of the model that forecasts, on untouched origins; None where nothing scales.
        naive: of the seasonal naive model, likewise.
        reason: why the seasonal naive model forecasts; None where another does.
    """

    group_model: str
    model: str
    errors: dict[str, float]
    own: Scores | None
    naive: Scores | None
    reason: str | None


def one_by_one(
    tasks: Sequence[LocalTask], cuts: Sequence[int], horizon: int
) -> list[LocalForecasts]:
    """The forecasts of each task, in this process."""
    return [
        local_forecasts(task.values, cuts=cuts, names=task.names, horizon=horizon) for task in tasks
    ]


def forecast_panel(
    panel: Panel,
    *,
    calendar: Calendar,
    settings: ForecastSettings,
    seed: int,
    run_local: RunLocal = one_by_one,
) -> SalesForecast:
    """Forecasts of all series of a shop.

    Args:
        panel: series, each level of a measure beside its total.
        calendar: holidays and festivals.
        settings: horizon, backtest and candidates.
        seed: of the boosted trees.
        run_local: runs the models of single series.

    Raises:
        ConfigError: a candidate is unknown.
    """
    check_models(settings.models)
    reasons = [fault(values, settings) for values in panel.values]
    rejected = panel.subset([row for row, reason in enumerate(reasons) if reason])
    judged = _rejected_rows(rejected, [reason for reason in reasons if reason])
    panel = with_others(panel, [reason is not None for reason in reasons], settings)
    if not panel.keys:
        return SalesForecast([], judged)
    looks_ahead = origins(panel.values.shape[1], settings)
    candidates = _candidates(panel, calendar, settings, seed, run_local)
    choices = _choices(panel, candidates, looks_ahead, settings)
    ahead = np.array(
        [found[choice.model] for found, choice in zip(candidates, choices, strict=True)]
    )
    expected = add_up(panel, ahead, looks_ahead.cuts)
    return _rows(panel, ahead, expected, choices, looks_ahead, settings, judged)


def _candidates(
    panel: Panel,
    calendar: Calendar,
    settings: ForecastSettings,
    seed: int,
    run_local: RunLocal,
) -> list[LocalForecasts]:
    """Of each series and model, the forecasts from all origins and from the as-of day."""
    found = _single_models(panel, calendar, settings, seed, run_local)
    if COMBINED not in settings.models:
        return found
    return [
        {**of_series, COMBINED: np.mean([of_series[name] for name in parts], axis=0)}
        for of_series in found
        if (parts := [name for name in PARTS if name in of_series] or [NAIVE])
    ]


def _single_models(
    panel: Panel,
    calendar: Calendar,
    settings: ForecastSettings,
    seed: int,
    run_local: RunLocal,
) -> list[LocalForecasts]:
    days = panel.values.shape[1]
    looks_ahead = origins(days, settings)
    cuts = (*looks_ahead.cuts, days)
    tasks = [
        LocalTask(
            values,
            tuple(local_candidates(settings.models, intermittent=is_intermittent(values))),
        )
        for values in panel.values
    ]
    found = run_local(tasks, cuts, settings.horizon_days)
    if BOOSTED not in settings.models:
        return found
    first = panel.as_of - timedelta(days)
    learning = Learning(
        calendar=calendar.regressors(first, days + settings.horizon_days),
        horizon=settings.horizon_days,
        rows=settings.boosted_rows,
        seed=seed,
    )
    # Learned before the choosing origins, before the untouched ones, and at the end: three times.
    phases = (looks_ahead.choosing, looks_ahead.untouched, (days,))
    boosted = np.concatenate(
        [boosted_forecasts(panel, learning, cut=phase[0], origins=phase) for phase in phases],
        axis=1,
    )
    return [{**of_series, BOOSTED: boosted[row]} for row, of_series in enumerate(found)]


def _choices(
    panel: Panel,
    candidates: list[LocalForecasts],
    looks_ahead: Origins,
    settings: ForecastSettings,
) -> list[_Choice]:
    """The model of each series: the best of its group, if it beats the seasonal naive one."""
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for row, key in enumerate(panel.keys):
        group = (key.measure, key.level, is_intermittent(panel.values[row]))
        groups.setdefault(group, []).append(row)
    number = len(looks_ahead.choosing)
    errors = [
        {
            name: _mase(panel.values[row], forecasts[:number], looks_ahead.choosing)
            for name, forecasts in of_series.items()
        }
        for row, of_series in enumerate(candidates)
    ]
    choices: dict[int, _Choice] = {}
    for rows in groups.values():
        best = _best(candidates, errors, rows, settings.models)
        for row in rows:
            choices[row] = _choice(
                panel.values[row], candidates[row], best, errors[row], looks_ahead
            )
    return [choices[row] for row in range(len(panel.keys))]


def _best(
    candidates: list[LocalForecasts],
    errors: list[dict[str, float]],
    rows: list[int],
    names: Sequence[str],
) -> str:
    """The model with the lowest mean error over a group; the first of equal ones.

    One that gives no number for a series of the group does not compete.
    """
    competing = [
        name
        for name in names
        if name in errors[rows[0]] and all(np.isfinite(candidates[row][name]).all() for row in rows)
    ]
    means = {}
    for name in competing:
        scored = [errors[row][name] for row in rows if not np.isnan(errors[row][name])]
        means[name] = float(np.mean(scored)) if scored else float("inf")
    best = min(competing, key=lambda name: means[name])
    return best if np.isfinite(means[best]) else NAIVE


def _choice(
    values: Array,
    forecasts: LocalForecasts,
    best: str,
    errors: dict[str, float],
    looks_ahead: Origins,
) -> _Choice:
    number = len(looks_ahead.choosing)
    cuts = looks_ahead.untouched
    own, naive = (scores(values, forecasts[name][number:-1], cuts=cuts) for name in (best, NAIVE))
    if isinstance(own, NotComputable) or isinstance(naive, NotComputable):
        return _Choice(best, NAIVE, errors, None, None, NOTHING_SCALES)
    if best == NAIVE:
        reason = f"{NAIVE} has the lowest error of its group"
    elif own.mase < naive.mase:
        return _Choice(best, best, errors, own, naive, None)
    else:
        reason = (
            f"{best}, the best of its group, does not beat it on untouched origins: scaled error "
            f"{own.mase:.3f} against {naive.mase:.3f}"
        )
    return _Choice(best, NAIVE, errors, naive, naive, reason)


NOTHING_SCALES = "every week was like the one before it: there is no scale to compare by"


def _mase(values: Array, expected: Array, cuts: tuple[int, ...]) -> float:
    found = scores(values, expected, cuts=cuts)
    return float("nan") if isinstance(found, NotComputable) else found.mase


def _rejected_rows(panel: Panel, reasons: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "as_of": panel.as_of, **key._asdict(), "days": int((~np.isnan(values)).sum()),
            "reason": reason,
        }
        for key, values, reason in zip(panel.keys, panel.values, reasons, strict=True)
    ]  # fmt: skip


def _rows(
    panel: Panel,
    ahead: Array,
    expected: Array,
    choices: list[_Choice],
    looks_ahead: Origins,
    settings: ForecastSettings,
    judged: list[dict[str, Any]],
) -> SalesForecast:
    """Rows of both tables; `ahead` does not add up yet, `expected` does.

    Both have shape (series, origins and the as-of day, horizon).
    """
    days = [panel.as_of + timedelta(k) for k in range(settings.horizon_days)]
    found = SalesForecast([], list(judged))
    for row, (key, choice) in enumerate(zip(panel.keys, choices, strict=True)):
        share = interval_share(panel.values[row], ahead[row, :-1], cuts=looks_ahead.cuts)
        low, high = _interval(ahead[row, -1:], expected[row, -1:], share)
        series = {"as_of": panel.as_of, **key._asdict()}
        quality = {
            "mase": choice.own.mase if choice.own else None,
            "mase_naive": choice.naive.mase if choice.naive else None,
            "rmsse": choice.own.rmsse if choice.own else None,
            "coverage": _coverage(panel.values[row], ahead[row], expected[row], looks_ahead),
        }
        model = {"model": choice.model, "reason": choice.reason}
        columns = (days, expected[row, -1].tolist(), low[0].tolist(), high[0].tolist())
        found.forecasts.extend(
            series
            | model
            | quality
            | {"day": day, "expected": expected_, "low": low_, "high": high_}
            for day, expected_, low_, high_ in zip(*columns, strict=True)
        )
        details = {
            "days": int((~np.isnan(panel.values[row])).sum()),
            "intermittent": is_intermittent(panel.values[row]),
            "group_model": choice.group_model,
            "errors": {name: mase for name, mase in choice.errors.items() if mase == mase},
        }
        found.backtests.append(series | model | quality | details)
    return found


def _coverage(values: Array, ahead: Array, expected: Array, looks_ahead: Origins) -> float:
    """Share of untouched days inside intervals that the choosing origins measured."""
    number = len(looks_ahead.choosing)
    share = interval_share(values, ahead[:number], cuts=looks_ahead.choosing)
    low, high = _interval(ahead[number:-1], expected[number:-1], share)
    actual = np.array([values[cut : cut + ahead.shape[1]] for cut in looks_ahead.untouched])
    return float(((actual >= low) & (actual <= high)).mean())


def _interval(ahead: Array, expected: Array, share: float) -> tuple[Array, Array]:
    """The interval around the model's own forecast, as measured, wide enough for the sum's."""
    low, high = interval(ahead, share=share, level=ahead.mean(axis=1, keepdims=True))
    return np.minimum(low, expected), np.maximum(high, expected)
