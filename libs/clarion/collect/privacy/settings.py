"""What the masking scan looks at."""

from clarion.config.settings import settings


@settings("scan")
class ScanSettings:
    """Columns, and values in files, that are let pass; files beside the tables that are looked at."""

    accepted: tuple[str, ...]
    files: tuple[str, ...]
