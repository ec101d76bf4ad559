"""Frames that are computed once, until they are released together."""

from dataclasses import dataclass, field

from pyspark import StorageLevel
from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class PersistedFrames:
    """The frames that a run, or several runs side by side, have persisted."""

    _frames: list[DataFrame] = field(default_factory=list)

    def persist(self, frame: DataFrame) -> DataFrame:
        """The frame, computed at its first use and kept; in memory first, then on disk."""
        persisted = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self._frames.append(persisted)
        return persisted

    def close(self) -> None:
        """Release every frame."""
        # In reverse: a frame that others are computed from would be planned again for them.
        for frame in reversed(self._frames):
            frame.unpersist()
        self._frames.clear()
