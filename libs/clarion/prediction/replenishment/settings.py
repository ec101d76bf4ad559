"""Settings of replenishment."""

from clarion.config import settings


@settings("replenish")
class ReplenishSettings:
    """The history that counts, which categories are repeated, and when to remind."""

    window_days: int
    min_history_days: int
    min_buyers: int
    min_repeat_share: float
    min_gap_shape: float
    min_purchases: int
    min_calibration: int
    lead_days: int
    soon_days: int
    lapsed_chance: float
