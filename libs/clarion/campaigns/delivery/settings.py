"""Settings of delivery."""

from clarion.config import settings


@settings("deliver")
class DeliverSettings:
    """Where message files go."""

    folder: str | None
