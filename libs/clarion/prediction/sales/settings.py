"""Settings of the sales forecast."""

from clarion.config import settings


@settings("forecast")
class ForecastSettings:
    """Horizon, backtest, candidates and limits."""

    horizon_days: int
    history_days: int
    folds: int
    untouched_folds: int
    step_days: int
    min_days: int
    gap_days: int
    series: int
    models: list[str]
    boosted_rows: int
    workers_from: int

    @property
    def needed_days(self) -> int:
        """Days of history without which a series is not forecast."""
        origins = self.step_days * (self.folds + self.untouched_folds - 2)
        return max(self.min_days, 2 * self.horizon_days + origins + 28)
