"""Settings of the forecast."""

from clarion.config import settings


@settings("forecast")
class ForecastSettings:
    """Horizon, backtest, limits."""

    horizon_days: int
    folds: int
    min_days: int
    series: int
