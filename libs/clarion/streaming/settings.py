"""Settings of the streams."""

from clarion.config import settings


@settings("monitor")
class MonitorSettings:
    """Rate, lateness, half-life of interest, and what raises alerts and requests."""

    interval_seconds: float | None
    bronze_seconds: float
    watermark_minutes: int
    landing_minutes: int
    files_per_trigger: int
    messages_per_trigger: int
    interest_half_life_hours: float
    price_move: float
    abandoned_cart_minutes: int
    abandoned_cart_hours: int
    payment_failures_minutes: int
    sudden_interest_days: int
    quiet_days: int
    low_rating: float
    given_up_least: int
    given_up_share: float
