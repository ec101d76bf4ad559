"""Settings of the stream."""

from clarion.config import settings


@settings("monitor")
class MonitorSettings:
    """Lateness, half-life, threshold, rate."""

    watermark_minutes: int
    interest_half_life_hours: float
    price_move: float
    files_per_trigger: int
