"""Frames that are computed once, until they are released together."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from py4j.java_gateway import JavaClass
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql.classic.dataframe import DataFrame as ClassicDataFrame


@dataclass(frozen=True, slots=True)
class PersistedFrames:
    """The frames that a run, or several runs side by side, have persisted."""

    _frames: list[DataFrame] = field(default_factory=list)

    def persist(self, frame: DataFrame) -> DataFrame:
        """The frame, computed at its first use and kept; in memory first, then on disk."""
        persisted = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self._frames.append(persisted)
        return _with_short_plan(persisted)

    def close(self) -> None:
        """Release every frame."""
        # In reverse: a frame that others are computed from would be planned again for them.
        for frame in reversed(self._frames):
            frame.unpersist()
        self._frames.clear()


def _with_short_plan(persisted: DataFrame) -> DataFrame:
    """The rows of a persisted frame, by a plan that starts with them (ADR 22).

    The plan of a persisted frame still says how it is computed, and Spark analyses all of it again
    for each query on top: half of the time that cleaning a small shop took. A remote session has
    no such plans; there the frame is returned as it is.
    """
    if not isinstance(persisted, ClassicDataFrame):
        return persisted
    session: Any = persisted.sparkSession
    datasets = _datasets(session._jvm)
    if datasets is None:
        return persisted
    plan = persisted._jdf.queryExecution().withCachedData()
    if plan.nodeName() != "InMemoryRelation":
        return persisted  # a hint stands above it
    # Spark gives the columns of a join with itself new ids, and forgets those of the ordering. The
    # rows' own plan knows in what order they are.
    rows = plan.copy(plan.output(), plan.cacheBuilder(), plan.output().take(0))
    getattr(rows, "statsOfPlanToCache_$eq")(plan.statsOfPlanToCache())
    return ClassicDataFrame(datasets.ofRows(session._jsparkSession, rows), session)


@cache
def _datasets(jvm: Any) -> Any:
    """Spark's class that makes frames of plans; None where it is another engine's."""
    # Looked up once: each part of the name is searched for in every jar.
    found = jvm.org.apache.spark.sql.classic.Dataset
    return found if isinstance(found, JavaClass) else None
