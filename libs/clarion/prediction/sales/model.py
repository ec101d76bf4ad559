"""Daily revenue ahead: seasonal naive, and Theta where a rolling backtest shows it to be better."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales.settings import ForecastSettings

Array = npt.NDArray[np.float64]
SEASON, LEVEL = 7, 80
NAIVE, THETA = "seasonal naive", "optimised theta"


@dataclass(frozen=True, slots=True)
class Score:
    """What a model did in the backtest.

    Args:
        mase: mean absolute error over all folds, each scaled by the seasonal naive error on its training days.
        coverage: share of days inside the interval.
    """

    mase: float
    coverage: float


def models() -> dict[str, Any]:
    """The competitors; Theta of Fiorucci et al. (2016), from statsforecast."""
    from statsforecast.models import DynamicOptimizedTheta, SeasonalNaive  # 7 s: only this job pays

    return {
        NAIVE: SeasonalNaive(season_length=SEASON),
        THETA: DynamicOptimizedTheta(season_length=SEASON),
    }


def ahead(model: Any, past: Array, horizon: int) -> tuple[Array, Array, Array]:
    """Expectation and ends of the interval for each day ahead, none below zero; arrays of length `horizon`."""
    found = model.forecast(y=past, h=horizon, level=[LEVEL])
    middle, low, high = (
        np.maximum(np.asarray(found[key], dtype=np.float64), 0.0)
        for key in ("mean", f"lo-{LEVEL}", f"hi-{LEVEL}")
    )
    return middle, np.minimum(low, middle), np.maximum(high, middle)


def backtest(model: Any, series: Array, *, horizon: int, folds: int) -> Score | NotComputable:
    """Rolling origins: each fold trains on the days before its own and is judged on the next `horizon` days."""
    errors, inside = [], []
    for fold in range(folds, 0, -1):
        cut = len(series) - fold * horizon
        past, future = series[:cut], series[cut : cut + horizon]
        if cut < 2 * SEASON:
            return NotComputable("too few days to train on")
        scale = float(np.abs(past[SEASON:] - past[:-SEASON]).mean())
        if scale == 0.0:
            return NotComputable("the series does not vary")
        middle, low, high = ahead(model, past, horizon)
        errors.append(float(np.abs(future - middle).mean()) / scale)
        inside.append(float(((future >= low) & (future <= high)).mean()))
    return Score(float(np.mean(errors)), float(np.mean(inside)))


def forecast(history: pd.DataFrame, *, as_of: date, settings: ForecastSettings) -> pd.DataFrame:
    """The forecast of one series.

    Args:
        history: series, day, revenue; days without a row sold nothing.
        as_of: first day that is forecast.
        settings: horizon and backtest.

    Returns:
        FORECASTS rows; none for a series that is too short or does not vary.
    """
    days = pd.date_range(
        pd.to_datetime(history["day"]).min(), pd.Timestamp(as_of), inclusive="left"
    )
    by_day = history.assign(day=pd.to_datetime(history["day"])).groupby("day")["revenue"].sum()
    series = by_day.reindex(days, fill_value=0.0).to_numpy(dtype=np.float64)
    needed = max(settings.min_days, settings.folds * settings.horizon_days + 2 * SEASON)
    if len(series) < needed:
        return pd.DataFrame()
    competitors = models()
    scores = {
        name: backtest(model, series, horizon=settings.horizon_days, folds=settings.folds)
        for name, model in competitors.items()
    }
    naive, theta = scores[NAIVE], scores[THETA]
    if isinstance(naive, NotComputable) or isinstance(theta, NotComputable):
        return pd.DataFrame()
    chosen = THETA if theta.mase < naive.mase else NAIVE
    score = theta if chosen == THETA else naive
    middle, low, high = ahead(competitors[chosen], series, settings.horizon_days)
    return pd.DataFrame(
        {
            "as_of": as_of,
            "series": history["series"].iloc[0],
            "day": pd.date_range(pd.Timestamp(as_of), periods=settings.horizon_days).date,
            "model": chosen,
            "expected": middle,
            "low": low,
            "high": high,
            "mase": score.mase,
            "mase_naive": naive.mase,
            "coverage": score.coverage,
        }
    )
