"""Rolling origins: errors scaled on the training days, models chosen, and intervals."""

from dataclasses import dataclass

import numpy as np

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales.local import SEASON
from clarion.prediction.sales.panel import Array
from clarion.prediction.sales.settings import ForecastSettings

_ROUNDING = 1e-9
INSIDE = 0.8  # share of days that an interval should hold


@dataclass(frozen=True, slots=True)
class Origins:
    """From where a backtest looks ahead, as numbers of days before.

    Args:
        choosing: origins that choose the model.
        untouched: later ones, whose days no earlier origin looks at.
    """

    choosing: tuple[int, ...]
    untouched: tuple[int, ...]

    @property
    def cuts(self) -> tuple[int, ...]:
        """All of them."""
        return (*self.choosing, *self.untouched)


def origins(days: int, settings: ForecastSettings) -> Origins:
    """The origins of a backtest over some days.

    Args:
        days: length of the series.
        settings: horizon, step and number of the origins.
    """
    last = days - settings.horizon_days
    untouched = [last - settings.step_days * k for k in range(settings.untouched_folds)]
    last = min(untouched) - settings.horizon_days
    choosing = [last - settings.step_days * k for k in range(settings.folds)]
    return Origins(tuple(reversed(choosing)), tuple(reversed(untouched)))


@dataclass(frozen=True, slots=True)
class Scores:
    """How well forecasts did.

    Args:
        mase: mean absolute error, scaled.
        rmsse: root of the mean squared error, scaled.
    """

    mase: float
    rmsse: float


def scores(values: Array, expected: Array, *, cuts: tuple[int, ...]) -> Scores | NotComputable:
    """The scaled errors of one series, as the mean over its origins.

    Each error is divided by that of the seasonal naive model on the days before its origin.

    Args:
        values: shape (days,); not a number before the series begins.
        expected: shape (origins, horizon).
        cuts: number of days before each origin.
    """
    absolute = []
    squared = []
    for cut, forecast in zip(cuts, expected, strict=True):
        past = values[:cut]
        steps = past[SEASON:] - past[:-SEASON]
        steps = steps[~np.isnan(steps)]
        if not steps.any():
            continue  # a week like the one before it: nothing to scale with
        error = values[cut : cut + len(forecast)] - forecast
        absolute.append(np.abs(error).mean() / np.abs(steps).mean())
        squared.append(np.sqrt((error**2).mean() / (steps**2).mean()))
    if not absolute:
        return NotComputable("every week is like the one before it: there is no scale")
    return Scores(float(np.mean(absolute)), float(np.mean(squared)))


def interval_share(values: Array, expected: Array, *, cuts: tuple[int, ...]) -> float:
    """Half the width of an interval, as a share of the mean that is expected of the days ahead.

    It is the conformal quantile of the errors of a backtest: of n of them, the k-th smallest
    with k = ⌈0.8 (n + 1)⌉. Not a number where nothing was ever expected.

    Args:
        values: shape (days,).
        expected: shape (origins, horizon).
        cuts: number of days before each origin.
    """
    level = expected.mean(axis=1, keepdims=True)
    actual = np.array([values[cut : cut + expected.shape[1]] for cut in cuts])
    is_expected = level[:, 0] > 0
    if not is_expected.any():
        return float("nan")
    shares = np.sort(np.abs(actual - expected)[is_expected] / level[is_expected], axis=None)
    k = min(int(np.ceil(INSIDE * (len(shares) + 1))), len(shares))
    return float(shares[k - 1])


def interval(expected: Array, *, share: float, level: Array) -> tuple[Array, Array]:
    """The ends of an interval; none is below zero.

    Args:
        expected: shape (..., horizon).
        share: half its width, as a share of the level.
        level: mean that is expected of the days ahead, shape (..., 1).
    """
    width = np.nan_to_num(share) * level
    low = expected - width
    # A day without sales is inside where the width is all that is expected, whatever is rounded.
    return np.where(low < _ROUNDING * level, 0.0, low), expected + width
