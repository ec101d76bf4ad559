"""When upkeep compacts a table."""

from clarion.config.settings import settings


@settings("upkeep")
class UpkeepSettings:
    """From how many small files on a table is compacted, and how large a small file is."""

    small_files: int
    small_file_mb: float
