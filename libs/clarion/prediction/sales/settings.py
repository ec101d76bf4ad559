"""Settings of the sales forecast."""

from clarion.config import settings


@settings("forecast")
class ForecastSettings:
    """Horizon, backtest and limits."""

    horizon_days: int
    folds: int
    min_days: int
    series: int
