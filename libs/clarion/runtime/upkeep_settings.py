"""When upkeep lays a table together anew."""

from clarion.config.settings import settings


@settings("upkeep")
class UpkeepSettings:
    """How many files are many, and how large a small one is."""

    small_files: int
    small_file_mb: float
