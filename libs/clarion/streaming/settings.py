"""Settings of the streams."""

from clarion.config import settings


@settings("monitor")
class MonitorSettings:
    """Watermark, half-life of interest, threshold of alerts, and rate."""

    watermark_minutes: int
    interest_half_life_hours: float
    price_move: float
    files_per_trigger: int
