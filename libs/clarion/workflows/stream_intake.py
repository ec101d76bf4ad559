"""Follow live sources: start a stream of records, and write them to bronze."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Literal

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from clarion.collect.cleaning.parsing import parse_records, without_faulty_ids
from clarion.collect.sources.manifests import declared_files
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.readers.protocol import Reader
from clarion.collect.sources.readers.values import with_position
from clarion.collect.sources.records import file_stats, number_records
from clarion.contracts.ops import FILES
from clarion.declarations.shop import parse_spec
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope
from clarion.streaming.metrics import delay_stats
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.intake import (
    IntakeBatch,
    Protection,
    consenting_people,
    ledger_rows,
    sealing_key,
    suppression_list,
    write_bronze,
)

CLOCKS = "clocks"  # what the query of minutes observes: `ahead`, events of clocks that are ahead
_LOST_BROKER = ("TimeoutException", "KafkaException", "offsets", "DisconnectException")


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A source that is followed.

    Args:
        reader: who reads it.
        columns: its columns; empty where each record states its own.
    """

    reader: Reader
    columns: tuple[str, ...]

    @property
    def source(self) -> Source:
        """Where the records come from."""
        return self.reader.source


@dataclass(frozen=True, slots=True)
class LiveQuery:
    """A stream and what is done with each of its batches.

    Args:
        name: name of the checkpoint; unique in a lake.
        frame: the stream.
        sink: takes a batch and its number; a repeat must change nothing.
        output_mode: whether the stream hands over new rows or updated ones.
    """

    name: str
    frame: DataFrame
    sink: Callable[[DataFrame, int], None]
    output_mode: Literal["append", "update"] = "append"


@dataclass(frozen=True, slots=True)
class UncountedEvents:
    """Events that do not count in their minutes; they are in bronze.

    Args:
        late: later than the watermark.
        ahead: of a clock that is further ahead than the watermark.
    """

    late: int
    ahead: int


def start_query(scope: Scope, query: LiveQuery) -> StreamingQuery:
    """The started query; it ends when it has read what is available."""
    return (
        query.frame.writeStream.outputMode(query.output_mode)
        .option("checkpointLocation", scope.checkpoint(query.name))
        .trigger(availableNow=True)
        .foreachBatch(query.sink)
        .start()
    )


def await_queries(
    scope: Scope, queries: Sequence[StreamingQuery], sources: Sequence[Source]
) -> UncountedEvents:
    """Wait for all queries; returns how many events do not count in their minutes.

    Args:
        scope: the run.
        queries: started queries.
        sources: the sources that they follow.

    Raises:
        SourceError: a message broker is unreachable.
        StreamingQueryException: a query failed for another reason.
    """
    try:
        for query in queries:
            query.awaitTermination()
    except StreamingQueryException as error:
        for query in queries:
            query.stop()
        raise _failure(scope, sources, error) from error
    counts = [_uncounted_events(query) for query in queries]
    return UncountedEvents(
        late=sum(count.late for count in counts), ahead=sum(count.ahead for count in counts)
    )


def _failure(scope: Scope, sources: Sequence[Source], error: StreamingQueryException) -> Exception:
    """An error about the source where its broker was lost; otherwise the error itself."""
    topics = [source for source in sources if not source.is_of_files]
    is_lost_broker = any(name in str(error) for name in _LOST_BROKER)
    if not topics or not is_lost_broker:
        return error
    reader = reader_of(scope.spark, topics[0], scope.config.secret)
    return reader.explain(error, path=topics[0].where)


def _uncounted_events(query: StreamingQuery) -> UncountedEvents:
    """What the query of minutes left out; 0 for any other query."""
    late = ahead = 0
    for progress in query.recentProgress:
        observed = progress["observedMetrics"].get(CLOCKS)
        if observed is None:
            continue
        ahead += int(observed["ahead"])
        for operator in progress["stateOperators"]:
            late += int(operator["numRowsDroppedByWatermark"])
    return UncountedEvents(late, ahead)


def live_source(scope: Scope, source: Source) -> LiveSource:
    """A source with its columns, which are read once for all queries that follow it.

    Raises:
        SourceError: the source cannot be followed.
    """
    reader = reader_of(scope.spark, source, scope.config.secret)
    return LiveSource(reader, reader.stream_columns())


def follow_source(scope: Scope, live: LiveSource) -> DataFrame:
    """The source's files or messages as a stream of records.

    Raises:
        SourceError: the source cannot be followed or is unreachable.
    """
    rate = scope.settings(MonitorSettings).files_per_trigger
    try:
        return live.reader.follow(live.columns, files_per_trigger=rate)
    except PySparkException as error:
        raise live.reader.explain(error, path=live.source.where) from error


def typed_records(source: Source, raw_records: DataFrame) -> DataFrame:
    """Records of a stream with the columns of their kind; null where an id is damaged."""
    provenance = {
        "_hash": F.lit(""),
        "_person_removed": F.lit(False),
        "_source": F.lit(source.name),
        "_file_hash": F.lit(""),
        "_row": F.lit(0),
        "_batch": F.lit(""),
        "_ingested_at": F.lit(None).cast("timestamp"),
    }
    spec = parse_spec(source)
    return without_faulty_ids(parse_records(raw_records.withColumns(provenance), spec), spec)


def bronze_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Writes every record to bronze as it arrived; a repeated batch replaces itself."""
    source, reader = live.source, live.reader
    key = cache(partial(sealing_key, scope))

    def write(frame: DataFrame, number: int) -> None:
        records = with_position(frame)
        chunks = reader.stream_chunks(records)
        if not chunks:
            return
        batch = IntakeBatch(
            source=source,
            name=digest(source.name, "stream", number)[:16],
            chunks=chunks,
            columns=live.columns,
            stats=file_stats(reader, records, chunks=chunks),
            declared=declared_files(source),
        )
        # Looked up for each batch: an erasure counts at once.
        protection = Protection(
            key() if source.seals_values else None,
            suppression_list(scope) if source.kind.people else None,
        )
        numbered = number_records(records, batch.stats)
        people = consenting_people(scope, source)
        write_bronze(scope, batch, numbered, protection, people=people)
        delays = delay_stats(
            typed_records(source, records), time=source.kind.time, landed_at=datetime.now(UTC)
        )
        rows = ledger_rows(batch, state="taken", as_of=scope.as_of)
        rows[0] |= asdict(delays)
        # A repeated batch appends the same rows again.
        scope.append(FILES, rows_as_frame(scope.spark, FILES, rows))

    return LiveQuery(f"{source.name}.bronze", follow_source(scope, live), write)
