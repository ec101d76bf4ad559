"""Settings of paths."""

from clarion.config import settings


@settings("paths")
class PathSettings:
    """The window, the gap between sessions, the length of a path, and how many are kept."""

    window_days: int
    gap_minutes: int
    max_steps: int
    paths_kept: int
