"""Forecast of daily revenue: seasonal naive, or Theta where a rolling backtest shows it better."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales.settings import ForecastSettings

Array = npt.NDArray[np.float64]
SEASON = 7
LEVEL = 80
NAIVE = "seasonal naive"
THETA = "optimised theta"


@dataclass(frozen=True, slots=True)
class BacktestScore:
    """How well a model did in the backtest.

    Args:
        mase: mean absolute error over all folds, each scaled by the seasonal naive error on its
            training days.
        coverage: share of days inside the interval.
    """

    mase: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected revenue with its interval; none is below zero.

    Args:
        expected: shape (days,).
        low: lower end of the interval, shape (days,).
        high: upper end of the interval, shape (days,).
    """

    expected: Array
    low: Array
    high: Array


def candidate_models() -> dict[str, Any]:
    """The models that compete; Theta of Fiorucci et al. (2016), from statsforecast."""
    from statsforecast.models import DynamicOptimizedTheta, SeasonalNaive  # takes 7 s

    return {
        NAIVE: SeasonalNaive(season_length=SEASON),
        THETA: DynamicOptimizedTheta(season_length=SEASON),
    }


def forecast_days(model: Any, past: Array, days: int) -> Forecast:
    """The forecast of a model for the days that follow the past.

    Args:
        model: a model of statsforecast, or one with its method `forecast`.
        past: revenue of each day, shape (n,).
        days: number of days ahead.
    """
    forecast = model.forecast(y=past, h=days, level=[LEVEL])

    def not_negative(key: str) -> Array:
        return np.maximum(np.asarray(forecast[key], dtype=np.float64), 0.0)

    expected = not_negative("mean")
    low = np.minimum(not_negative(f"lo-{LEVEL}"), expected)
    high = np.maximum(not_negative(f"hi-{LEVEL}"), expected)
    return Forecast(expected, low, high)


def backtest(
    model: Any, series: Array, *, horizon: int, folds: int
) -> BacktestScore | NotComputable:
    """The score of a model over rolling origins.

    Each fold trains on the days before its own and is scored on the next `horizon` days.

    Args:
        model: as in `forecast_days`.
        series: revenue of each day, shape (n,).
        horizon: days per fold.
        folds: number of folds.
    """
    errors = []
    coverages = []
    for fold in range(folds, 0, -1):
        cut = len(series) - fold * horizon
        if cut < 2 * SEASON:
            return NotComputable("too few days to train on")
        past = series[:cut]
        future = series[cut : cut + horizon]
        scale = float(np.abs(past[SEASON:] - past[:-SEASON]).mean())
        if scale == 0.0:
            return NotComputable("the series does not vary")
        forecast = forecast_days(model, past, horizon)
        is_inside = (future >= forecast.low) & (future <= forecast.high)
        errors.append(float(np.abs(future - forecast.expected).mean()) / scale)
        coverages.append(float(is_inside.mean()))
    return BacktestScore(float(np.mean(errors)), float(np.mean(coverages)))


def needed_days(settings: ForecastSettings) -> int:
    """Days of history without which a series is not forecast."""
    return max(settings.min_days, settings.folds * settings.horizon_days + 2 * SEASON)


def forecast_series(
    history: pd.DataFrame, *, as_of: date, settings: ForecastSettings
) -> pd.DataFrame:
    """The forecast of one series, by the model with the lower error.

    Args:
        history: series, day, revenue; days without a row sold nothing.
        as_of: first day that is forecast.
        settings: horizon and backtest.

    Returns:
        FORECASTS rows; none for a series that is too short or does not vary.
    """
    revenue = _daily_revenue(history, as_of)
    if len(revenue) < needed_days(settings):
        return pd.DataFrame()
    models = candidate_models()
    scores = {
        name: backtest(model, revenue, horizon=settings.horizon_days, folds=settings.folds)
        for name, model in models.items()
    }
    naive = scores[NAIVE]
    theta = scores[THETA]
    if isinstance(naive, NotComputable) or isinstance(theta, NotComputable):
        return pd.DataFrame()
    name, score = (THETA, theta) if theta.mase < naive.mase else (NAIVE, naive)
    forecast = forecast_days(models[name], revenue, settings.horizon_days)
    return pd.DataFrame(
        {
            "as_of": as_of,
            "series": history["series"].iloc[0],
            "day": pd.date_range(pd.Timestamp(as_of), periods=settings.horizon_days).date,
            "model": name,
            "expected": forecast.expected,
            "low": forecast.low,
            "high": forecast.high,
            "mase": score.mase,
            "mase_naive": naive.mase,
            "coverage": score.coverage,
        }
    )


def _daily_revenue(history: pd.DataFrame, as_of: date) -> Array:
    """Revenue of each day from the first one to the as-of day, shape (n,)."""
    day = pd.to_datetime(history["day"])
    by_day = history.assign(day=day).groupby("day")["revenue"].sum()
    days = pd.date_range(day.min(), pd.Timestamp(as_of), inclusive="left")
    return by_day.reindex(days, fill_value=0.0).to_numpy(dtype=np.float64)
