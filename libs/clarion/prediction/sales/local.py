"""Models of one series at a time, from statsforecast."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clarion.kernel.errors import ConfigError
from clarion.prediction.sales.panel import Array, begun

SEASON = 7
NAIVE = "seasonal naive"
MEAN = "seasonal mean"
THETA = "optimised theta"
ETS = "ets"
CROSTON = "croston sba"
ADIDA = "adida"
IMAPA = "imapa"
BOOSTED = "boosted trees"
COMBINED = "combination"
PARTS = (MEAN, THETA, BOOSTED)  # of the combination: each errs in its own way
_STEADY = (NAIVE, MEAN, THETA, ETS)
_INTERMITTENT = (NAIVE, MEAN, THETA, ETS, CROSTON, ADIDA, IMAPA)
MODELS = (*dict.fromkeys((*_STEADY, *_INTERMITTENT)), BOOSTED, COMBINED)
_WEEKS = 4  # of the seasonal mean


def check_models(names: Sequence[str]) -> None:
    """Refuse candidates that nobody knows, and a competition without the seasonal naive model.

    Raises:
        ConfigError: a name is unknown, or the seasonal naive model is left out.
    """
    unknown = [name for name in names if name not in MODELS]
    if unknown or NAIVE not in names:
        raise ConfigError(
            "forecast.models: an unknown model" if unknown else f"forecast.models lacks {NAIVE}",
            found=", ".join(unknown or names),
            fix=f"use some of {', '.join(MODELS)}; {NAIVE} always competes",
        )


def local_candidates(names: Sequence[str], *, intermittent: bool) -> list[str]:
    """The models of one series that compete: Croston's family where sales are intermittent."""
    suited = _INTERMITTENT if intermittent else _STEADY
    return [name for name in names if name in suited]


def local_model(name: str) -> Any:
    """A model of statsforecast."""
    from statsforecast import models  # takes 2 s

    made: dict[str, Callable[[], Any]] = {
        NAIVE: lambda: models.SeasonalNaive(season_length=SEASON),
        MEAN: lambda: models.SeasonalWindowAverage(season_length=SEASON, window_size=_WEEKS),
        THETA: lambda: models.DynamicOptimizedTheta(season_length=SEASON),
        ETS: lambda: models.AutoETS(season_length=SEASON),
        CROSTON: models.CrostonSBA,
        ADIDA: models.ADIDA,
        IMAPA: models.IMAPA,
    }
    return made[name]()


def local_forecasts(
    values: Array, *, cuts: Sequence[int], names: Sequence[str], horizon: int
) -> dict[str, Array]:
    """Forecasts of one series from several origins; none is below zero.

    Args:
        values: of each day, shape (days,); not a number before the series begins.
        cuts: number of days before each origin.
        names: models.
        horizon: days ahead.

    Returns:
        For each model, shape (origins, horizon).
    """
    pasts = [begun(values[:cut]) for cut in cuts]
    return {
        name: np.array([_forecast(local_model(name), past, horizon) for past in pasts])
        for name in names
    }


def _forecast(model: Any, past: Array, horizon: int) -> Array:
    if past.min() == past.max():
        return np.full(horizon, past[-1])  # some models divide by the variance
    mean = np.asarray(model.forecast(y=past, h=horizon)["mean"], dtype=np.float64)
    return np.maximum(mean, 0.0)
