"""What the masking scan checks."""

from clarion.config.settings import settings


@settings("scan")
class ScanSettings:
    """Accepted columns and values, and the files beside the tables that are scanned."""

    accepted: tuple[str, ...]
    files: tuple[str, ...]
