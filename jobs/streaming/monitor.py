"""Follow the live sources: minutes, customers' carts and interest, competitors' moves; each event once."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from clarion.access.resolution import active_resolution_rows, assign_persons
from clarion.collect.cleaning.parsing import parse_records
from clarion.collect.identity.surrogates import surrogate
from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.suppression import reference_field
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.readers.values import with_position
from clarion.collect.sources.records import file_stats, number_records
from clarion.contracts.bronze import BRONZE
from clarion.contracts.live import CUSTOMER_STATE, KPI_MINUTES, MARKET_ALERTS, MARKET_STATE
from clarion.contracts.ops import FILES
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import parse_spec, sources
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.streaming import transforms as live
from clarion.streaming.metrics import delays
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.intake import (
    IntakeBatch,
    consenting_people,
    ledger_rows,
    suppression_list,
    write_bronze,
)

Sink = Callable[[DataFrame, int], None]
WRITTEN = {"events": (KPI_MINUTES, CUSTOMER_STATE), "market": (MARKET_STATE, MARKET_ALERTS)}


def run(scope: Scope) -> None:
    streams = [source for source in sources(scope.config) if source.mode == "stream"]
    kinds = {source.kind.name for source in streams}
    written = [table for kind, tables in WRITTEN.items() if kind in kinds for table in tables]
    run_concurrently([partial(scope.ensure, table) for table in written])
    queries: list[StreamingQuery] = []
    for source in streams:
        queries.append(_to_bronze(scope, source))
        if source.kind.name == "events":
            queries += [_to_minutes(scope, source), _to_states(scope, source)]
        if source.kind.name == "market":
            queries.append(_to_alerts(scope, source))
    try:
        for query in queries:
            query.awaitTermination()
    except StreamingQueryException as error:
        for query in queries:
            query.stop()
        raise _stopped(scope, streams, error) from error
    late = sum(
        int(operator["numRowsDroppedByWatermark"])
        for query in queries
        for step in query.recentProgress
        for operator in step["stateOperators"]
    )
    if late:
        scope.note(f"{late} late rows did not count in their minutes; they are in bronze")
    if not streams:
        scope.note("no live sources")


def _records(scope: Scope, source: Source) -> DataFrame:
    """The source's files or messages as a stream of records."""
    settings = scope.settings(MonitorSettings)
    reader = reader_of(scope.spark, source, scope.config.secret)
    try:
        return reader.follow(reader.stream_columns(), files_per_trigger=settings.files_per_trigger)
    except PySparkException as error:
        raise reader.explain(error, path=source.where) from error


def _stopped(scope: Scope, streams: list[Source], error: StreamingQueryException) -> Exception:
    """What a person can do about a broker that went away; else the error itself."""
    topics = [source for source in streams if not source.is_of_files]
    lost = any(
        name in str(error)
        for name in ("TimeoutException", "KafkaException", "offsets", "DisconnectException")
    )
    if not topics or not lost:
        return error
    reader = reader_of(scope.spark, topics[0], scope.config.secret)
    return reader.explain(error, path=topics[0].where)


def _typed(source: Source, found: DataFrame) -> DataFrame:
    """The kind's columns of records on their way."""
    bare = found.withColumns(
        {
            "_hash": F.lit(""), "_person_removed": F.lit(False), "_source": F.lit(source.name), "_file_hash": F.lit(""), "_row": F.lit(0), "_batch": F.lit(""),
            "_ingested_at": F.lit(None).cast("timestamp"), "_duplicate": F.lit(False),
        }
    )  # fmt: skip
    return parse_records(bare, parse_spec(source))


def _start(
    scope: Scope, source: Source, frame: DataFrame, sink: Sink, *, name: str, mode: str = "append"
) -> StreamingQuery:
    checkpoint = scope.checkpoint(f"{source.name}.{name}")
    return (
        frame.writeStream.outputMode(mode)
        .option("checkpointLocation", checkpoint)
        .trigger(availableNow=True)
        .foreachBatch(sink)
        .start()
    )


def _to_bronze(scope: Scope, source: Source) -> StreamingQuery:
    """Every record as it arrived; a repeated batch replaces itself."""
    reader = reader_of(scope.spark, source, scope.config.secret)
    columns = reader.stream_columns()

    def sink(frame: DataFrame, number: int) -> None:
        records = with_position(frame)
        chunks = reader.stream_chunks(records)
        if not chunks:
            return
        batch = IntakeBatch(
            source=source,
            name=digest(source.name, "stream", number)[:16],
            chunks=chunks,
            columns=columns,
            stats=file_stats(reader, records, chunks=chunks),
        )
        numbered = number_records(records, batch.stats)
        write_bronze(scope, batch, numbered, people=consenting_people(scope, source))
        rows = ledger_rows(batch, state="taken")
        rows[0] |= delays(
            _typed(source, records), time=source.kind.time, landed_at=datetime.now(UTC)
        )
        # A repeated batch appends the same rows again.
        scope.append(FILES, rows_as_frame(scope.spark, FILES, rows))

    return _start(scope, source, _records(scope, source), sink, name="bronze")


def _once(scope: Scope, source: Source) -> DataFrame:
    """Readable events, each once within the watermark."""
    minutes = scope.settings(MonitorSettings).watermark_minutes
    events = _typed(source, _records(scope, source)).where(
        "event_ref IS NOT NULL AND happened_at IS NOT NULL AND type IS NOT NULL"
    )
    watermarked = events.withWatermark("happened_at", f"{minutes} minutes")
    return watermarked.dropDuplicatesWithinWatermark(["event_ref"])


def _to_minutes(scope: Scope, source: Source) -> StreamingQuery:
    """Update mode hands over whole minutes, so that a repeated merge changes nothing."""

    def sink(frame: DataFrame, number: int) -> None:
        scope.merge(KPI_MINUTES, frame)

    return _start(
        scope, source, live.kpi_minutes(_once(scope, source)), sink, name="minutes", mode="update"
    )


def _to_states(scope: Scope, source: Source) -> StreamingQuery:
    half_life = scope.settings(MonitorSettings).interest_half_life_hours
    persons = active_resolution_rows(
        scope.raw(IDENTITY_MODELS), scope.raw(RESOLUTIONS), as_of=scope.as_of
    )

    def sink(frame: DataFrame, number: int) -> None:
        mine = frame.where("customer_ref IS NOT NULL")
        consenting = consenting_people(scope, source)
        if consenting is not None:
            mine = mine.join(consenting, mine["customer_ref"] == F.col("ref"), "left_semi")
        if (erased := suppression_list(scope)) is not None:
            mine = mine.where(
                ~erased.matches_name(reference_field("customer_ref", source.namespace))(
                    F.col("customer_ref")
                )
            )
        names = (
            scope.raw(IDENTITIES)
            .where(F.col("namespace") == source.namespace)
            .select(F.col("ref").alias("customer_ref"), "customer_id")
        )
        known = mine.join(names, "customer_ref", "left").select(
            # A customer seen here first gets the surrogate under which cleaning will enter the name.
            F.coalesce("customer_id", surrogate(source.namespace, F.col("customer_ref"))).alias(
                "customer_id"
            ),
            "happened_at",
            "type",
            F.col("product_ref").alias("product_id"),
        )
        if persons is not None:
            known = assign_persons(known, persons)
        state = live.next_state(
            known, scope.own(CUSTOMER_STATE), half_life_hours=half_life, batch=number
        )
        scope.merge(CUSTOMER_STATE, state, only_if="t._stream_batch < s._stream_batch")

    return _start(scope, source, _once(scope, source), sink, name="states")


def _to_alerts(scope: Scope, source: Source) -> StreamingQuery:
    threshold = scope.settings(MonitorSettings).price_move

    def sink(frame: DataFrame, number: int) -> None:
        prices = frame.where(
            "product_ref IS NOT NULL AND price > 0 AND observed_at IS NOT NULL"
        ).withColumnRenamed("product_ref", "product_id")
        before = scope.own(MARKET_STATE)
        # Alerts first: they are held against the state that the second write replaces, and a repeat finds them there.
        scope.merge(
            MARKET_ALERTS, live.price_moves(prices, before, threshold=threshold), update=False
        )
        scope.merge(MARKET_STATE, live.market_state(prices, before))

    return _start(scope, source, _typed(source, _records(scope, source)), sink, name="alerts")


JOB = Job(
    name="monitor",
    summary=__doc__,
    reads=(BRONZE["consents"],),
    reads_earlier=(IDENTITIES, IDENTITY_MODELS, RESOLUTIONS, SUPPRESSED),
    writes=(
        *BRONZE.values(),
        FILES,
        PERSONAL_DATA,
        KEYS,
        KPI_MINUTES,
        CUSTOMER_STATE,
        MARKET_STATE,
        MARKET_ALERTS,
    ),
    purpose="operations",
    settings=(MonitorSettings, PrivacySettings),
    run=run,
)
