"""Settings of next needs."""

from clarion.config import settings


@settings("needs")
class NeedSettings:
    """Candidates, horizon, cuts and limits."""

    models: tuple[str, ...]
    horizon_days: int
    cuts: int
    window_days: int
    min_window_days: int
    min_trials: int
    max_customers: int
    max_categories: int
