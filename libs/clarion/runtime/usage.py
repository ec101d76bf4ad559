"""What runs cost Spark: rows and bytes read and written, bytes shuffled and spilled."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.sql import SparkSession, is_remote

_BUS_WAIT_MS = 5_000
_PREFIX = "clarion-run-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one run cost, summed over the stages of its Spark jobs.

    Args:
        rows_read: rows read from files and from memory; a row read twice counts twice.
        bytes_read: bytes read from files and from memory.
        bytes_written: bytes written to files.
        bytes_shuffled: bytes written for other tasks to read.
        bytes_spilled: bytes written to disk because they did not fit into memory.
        processor_seconds: processor time of the tasks; planning is not in it.
    """

    rows_read: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    bytes_shuffled: int = 0
    bytes_spilled: int = 0
    processor_seconds: float = 0.0


@contextmanager
def spark_jobs_of(run_id: str, spark: SparkSession) -> Iterator[None]:
    """Mark the Spark jobs that this thread starts as those of a run.

    Threads of `run_concurrently`, and streams that are started here, inherit the mark.

    Args:
        run_id: the run.
        spark: the session; one of Spark Connect is left as it is.
    """
    if is_remote():
        yield
        return
    spark.sparkContext.addJobTag(_PREFIX + run_id)
    try:
        yield
    finally:
        spark.sparkContext.removeJobTag(_PREFIX + run_id)


def read_usage(spark: SparkSession, run_ids: Sequence[str]) -> dict[str, Usage]:
    """What each run has cost so far.

    Spark keeps a limited number of jobs and stages (`spark.ui.retainedJobs`,
    `spark.ui.retainedStages`); a run is left out where some of its stages are gone.

    Args:
        spark: the session of the runs.
        run_ids: the runs.

    Returns:
        By run; empty with Spark Connect, which does not say.
    """
    if is_remote():
        return {}
    context = spark.sparkContext._jsc.sc()
    try:
        context.listenerBus().waitUntilEmpty(_BUS_WAIT_MS)
    except Py4JJavaError:
        return {}  # Spark has not counted everything yet: no figure is better than a wrong one
    jobs, stages = _jobs_and_stages(spark.sparkContext)
    usages = {}
    for run_id in run_ids:
        ids = {
            stage for job in jobs if _PREFIX + run_id in job["jobTags"] for stage in job["stageIds"]
        }
        if ids <= stages.keys():
            usages[run_id] = _sum(attempt for stage in ids for attempt in stages[stage])
    return usages


def _jobs_and_stages(
    context: SparkContext,
) -> tuple[list[dict[str, Any]], dict[int, list[dict[str, Any]]]]:
    """Jobs, and the attempts of each stage, as Spark's own web pages see them.

    They come as one text each: a call for each figure took ten times as long.
    """
    jvm = context._jvm
    store = context._jsc.sc().statusStore()
    mapper = _json_mapper(jvm)
    anything = jvm.java.util.ArrayList()  # type: ignore[union-attr]
    no_quantiles = context._gateway.new_array(jvm.double, 0)  # type: ignore[union-attr]
    listed = store.stageList(anything, False, False, no_quantiles, anything)
    stages: dict[int, list[dict[str, Any]]] = {}
    for attempt in json.loads(mapper.writeValueAsString(listed)):
        stages.setdefault(attempt["stageId"], []).append(attempt)
    return json.loads(mapper.writeValueAsString(store.jobsList(None))), stages


@cache
def _json_mapper(jvm: Any) -> Any:
    mapper = jvm.com.fasterxml.jackson.databind.ObjectMapper()
    module = jvm.com.fasterxml.jackson.module.scala
    mapper.registerModule(getattr(getattr(module, "DefaultScalaModule$"), "MODULE$"))
    return mapper


def _sum(attempts: Iterable[dict[str, Any]]) -> Usage:
    total = Usage()
    for attempt in attempts:
        total = Usage(
            rows_read=total.rows_read + attempt["inputRecords"],
            bytes_read=total.bytes_read + attempt["inputBytes"],
            bytes_written=total.bytes_written + attempt["outputBytes"],
            bytes_shuffled=total.bytes_shuffled + attempt["shuffleWriteBytes"],
            bytes_spilled=total.bytes_spilled + attempt["diskBytesSpilled"],
            processor_seconds=total.processor_seconds + attempt["executorCpuTime"] / 1e9,
        )
    return total
