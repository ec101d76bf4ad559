"""What the masking scan looks at."""

from clarion.config.settings import settings


@settings("scan")
class ScanSettings:
    """Columns that are let pass, and files beside the tables that are looked at."""

    accepted: tuple[str, ...]
    files: tuple[str, ...]
