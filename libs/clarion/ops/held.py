"""Frames that are kept while they are used more than once, and let go afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark import StorageLevel
from pyspark.sql import DataFrame


@contextmanager
def held(*frames: DataFrame) -> Iterator[tuple[DataFrame, ...]]:
    """The frames, computed once; memory first, then disk."""
    kept = tuple(frame.persist(StorageLevel.MEMORY_AND_DISK) for frame in frames)
    try:
        yield kept
    finally:
        for frame in kept:
            frame.unpersist()
