"""Follow live sources: streams of records, and the query that writes them to bronze."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Literal

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import parse_records, without_faulty_ids
from clarion.collect.sources.manifests import declared_files
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.readers.protocol import RateLimits, Reader
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

CLOCKS = "clocks"  # what queries of minutes observe: `ahead`, events of clocks that are ahead


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
        pause: least time between the starts of two batches of a stream that runs on.
    """

    name: str
    frame: DataFrame
    sink: Callable[[DataFrame, int], None]
    output_mode: Literal["append", "update"] = "append"
    pause: timedelta = timedelta()


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
    settings = scope.settings(MonitorSettings)
    limits = RateLimits(settings.files_per_trigger, settings.messages_per_trigger)
    try:
        return live.reader.follow(live.columns, limits=limits)
    except PySparkException as error:
        raise live.reader.explain(error, path=live.source.where) from error


def typed_records(source: Source, raw_records: DataFrame) -> DataFrame:
    """Records of a stream with the columns of their kind; null where an id is damaged."""
    spec = parse_spec(source)
    return without_faulty_ids(parse_records(with_provenance(source, raw_records), spec), spec)


def with_provenance(source: Source, raw_records: DataFrame) -> DataFrame:
    """Records of a stream in the shape of BRONZE; where they come from is not known."""
    return raw_records.withColumns(
        {
            "_hash": F.lit(""),
            "_person_removed": F.lit(False),
            "_source": F.lit(source.name),
            "_file_hash": F.lit(""),
            "_row": F.lit(0),
            "_batch": F.lit(""),
            "_ingested_at": F.lit(None).cast("timestamp"),
        }
    )


def _has_been_live(scope: Scope, source: Source) -> bool:
    """Whether an earlier batch of the source held records of less than a day."""
    measured = (F.col("_source") == F.lit(source.name)) & F.col("delays").isNotNull()
    return not scope.own(FILES).where(measured).isEmpty()


def bronze_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Writes every record to bronze as it arrived; a repeated batch replaces itself.

    Nobody looks at bronze from second to second: its batches leave the processors to what is seen.
    """
    source, reader = live.source, live.reader
    key = cache(partial(sealing_key, scope))

    def write(frame: DataFrame, number: int) -> None:
        records = with_position(frame).persist()  # read four times
        try:
            store(records, number)
        finally:
            records.unpersist()

    def store(records: DataFrame, number: int) -> None:
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
        if not delays.is_old or (number > 0 and _has_been_live(scope, source)):
            rows[0] |= {"delays": delays.delays, "prompt": delays.prompt}
        # A repeated batch appends the same rows again.
        scope.append(FILES, rows_as_frame(scope.spark, FILES, rows))

    pause = timedelta(seconds=scope.settings(MonitorSettings).bronze_seconds)
    return LiveQuery(f"{source.name}.bronze", follow_source(scope, live), write, pause=pause)
