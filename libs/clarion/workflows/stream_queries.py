"""Streams that run: until nothing is left to read, or until somebody stops them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pyspark.errors import StreamingQueryException
from pyspark.sql.streaming.query import StreamingQuery

from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.runtime import stopping
from clarion.runtime.scope import Scope
from clarion.workflows.stream_intake import CLOCKS, LiveQuery

# A topic that nobody has written to yet is waited for, too.
_LOST_BROKER = (
    "TimeoutException", "KafkaException", "offsets", "DisconnectException",
    "UnknownTopicOrPartition",
)  # fmt: skip
_UNREADABLE_FILE = ("CSV file:", "FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER")
_POLL_SECONDS = 0.5
_TICK_SECONDS = 60.0  # what is found by the clock is found within a minute
_RESTART_SECONDS = (5.0, 10.0, 30.0, 60.0)  # the last one again and again
_LAST_BATCH_SECONDS = 20.0  # what a batch that is running gets to end by itself


@dataclass(slots=True)
class StreamCounts:
    """What does not count in its minute; it is in bronze.

    Args:
        late: later than the watermark.
        ahead: of a clock that is further ahead than the watermark.
    """

    late: int = 0
    ahead: int = 0
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def add(self, query: StreamingQuery) -> None:
        """Count the batches of a query that were not counted before."""
        for progress in query.recentProgress:
            mark = (str(progress["runId"]), int(progress["batchId"]))
            if mark in self._seen:
                continue
            self._seen.add(mark)
            self._add_batch(progress)

    def _add_batch(self, progress: Any) -> None:
        observed = progress["observedMetrics"].get(CLOCKS)
        if observed is None:
            return
        self.ahead += int(observed["ahead"])
        for operator in progress["stateOperators"]:
            self.late += int(operator["numRowsDroppedByWatermark"])


@dataclass(slots=True)
class _Running:
    """A query that is running, or that waits for its broker.

    Args:
        query: what it is.
        stream: Spark's handle of its last start.
        failures: starts in a row after which its broker was lost.
        restart_at: when it is started again; None while it runs.
    """

    query: LiveQuery
    stream: StreamingQuery
    failures: int = 0
    restart_at: float | None = None


def drain(
    scope: Scope, queries: Sequence[LiveQuery], sources: Mapping[str, Source]
) -> StreamCounts:
    """Run queries until they have read what is available.

    Args:
        scope: the run.
        queries: what runs.
        sources: the source that each query follows, by the query's name.

    Raises:
        SourceError: a message broker is unreachable, or a file cannot be read.
        StreamingQueryException: a query failed for another reason.
    """
    running = [_Running(query, _start(scope, query, every=None)) for query in queries]
    for one in running:
        try:
            one.stream.awaitTermination()
        except StreamingQueryException as error:
            _stop_all(running, seconds=0.0)
            raise _readable(scope, sources[one.query.name], error) from error
    counts = StreamCounts()
    for one in running:
        counts.add(one.stream)
    return counts


def follow(
    scope: Scope,
    queries: Sequence[LiveQuery],
    sources: Mapping[str, Source],
    *,
    every: timedelta,
    is_over: Callable[[], bool],
    tick: Callable[[], None],
) -> StreamCounts:
    """Run queries until the process is asked to stop, or the time is over.

    A query whose broker is away is started again, at the latest every minute, and continues where
    it was. A batch that is running is ended first.

    Args:
        scope: the run.
        queries: what runs.
        sources: the source that each query follows, by the query's name.
        every: time between the starts of two batches.
        is_over: whether the time is over.
        tick: is called every minute.

    Raises:
        StreamingQueryException: a query failed for another reason than its broker.
    """
    counts = StreamCounts()
    running = [_Running(query, _start(scope, query, every=every)) for query in queries]
    next_tick = time.monotonic() + _TICK_SECONDS
    try:
        while not (stopping.wait(_POLL_SECONDS) or is_over()):
            for one in running:
                _restart_if_lost(scope, one, sources[one.query.name], every=every)
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + _TICK_SECONDS
                _count(counts, running)
                tick()
    finally:
        _stop_all(running, seconds=_LAST_BATCH_SECONDS)
    _count(counts, running)
    return counts


def _start(scope: Scope, query: LiveQuery, *, every: timedelta | None) -> StreamingQuery:
    writer = (
        query.frame.writeStream.outputMode(query.output_mode)
        .option("checkpointLocation", scope.checkpoint(query.name))
        .foreachBatch(query.sink)
    )
    if every is None:
        return writer.trigger(availableNow=True).start()
    pause = max(every, query.pause).total_seconds()
    return writer.trigger(processingTime=f"{pause * 1000:.0f} milliseconds").start()


def _restart_if_lost(scope: Scope, one: _Running, source: Source, *, every: timedelta) -> None:
    """Start a query again whose broker was away.

    Raises:
        SourceError: a file cannot be read.
        StreamingQueryException: it failed for another reason.
    """
    if one.restart_at is not None:
        if time.monotonic() >= one.restart_at:
            one.restart_at = None
            one.stream = _start(scope, one.query, every=every)
        return
    if one.stream.isActive:
        if one.failures and one.stream.lastProgress is not None:
            scope.note(f"{one.query.name}: {source.where} answers again")
            one.failures = 0
        return
    error = one.stream.exception()
    if error is None:
        raise StreamingQueryException(f"{one.query.name} ended by itself")
    if not _is_lost_broker(source, error):
        raise _readable(scope, source, error) from error
    pause = _RESTART_SECONDS[min(one.failures, len(_RESTART_SECONDS) - 1)]
    if one.failures == 0:
        reason = _readable(scope, source, error)
        scope.note(f"{one.query.name}: {reason}; it is tried again until it answers")
    one.failures += 1
    one.restart_at = time.monotonic() + pause


def _stop_all(running: Sequence[_Running], *, seconds: float) -> None:
    """Stop every query; one in a batch gets some seconds to end it."""
    until = time.monotonic() + seconds
    waiting = [(one.stream, _last_batch(one.stream)) for one in running if one.stream.isActive]
    while waiting and time.monotonic() < until:
        waiting = [
            (stream, batch)
            for stream, batch in waiting
            if not _stopped_between_batches(stream, batch)
        ]
        time.sleep(_POLL_SECONDS / 5)
    for one in running:
        one.stream.stop()


def _stopped_between_batches(stream: StreamingQuery, batch: int | None) -> bool:
    """Stop a stream that is in no batch, or has ended one since; returns whether it was stopped.

    A batch that has only begun is begun again by the next run.
    """
    if stream.isActive and stream.status["isTriggerActive"] and _last_batch(stream) == batch:
        return False
    stream.stop()
    return True


def _last_batch(stream: StreamingQuery) -> int | None:
    progress = stream.lastProgress
    return None if progress is None else int(progress["batchId"])


def _count(counts: StreamCounts, running: Sequence[_Running]) -> None:
    for one in running:
        counts.add(one.stream)


def _is_lost_broker(source: Source, error: Exception) -> bool:
    return not source.is_of_files and any(name in str(error) for name in _LOST_BROKER)


def _readable(scope: Scope, source: Source, error: Exception) -> Exception:
    """An error about the source where its broker or a file is at fault; otherwise the error."""
    is_about_a_file = source.is_of_files and any(name in str(error) for name in _UNREADABLE_FILE)
    if not (is_about_a_file or _is_lost_broker(source, error)):
        return error
    return reader_of(scope.spark, source, scope.config.secret).explain(error, path=source.where)
