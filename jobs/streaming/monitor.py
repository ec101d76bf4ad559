"""Follow the live sources: minutes, customers' carts and interest, competitors' moves; each event once."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath

from pyspark.errors import PySparkException, StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from clarion.access.resolution import active_resolution_rows, assign_persons
from clarion.collect.cleaning.parsing import parse_records
from clarion.collect.identity.surrogates import surrogate
from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.suppression import reference_field
from clarion.collect.sources import files, records, topics
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Source
from clarion.contracts.bronze import BRONZE
from clarion.contracts.live import CUSTOMER_STATE, KPI_MINUTES, MARKET_ALERTS, MARKET_STATE
from clarion.contracts.ops import FILES
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import parse_spec, sources
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.streaming import transforms as live
from clarion.streaming.metrics import delays
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.intake import allowed, ledger_rows, suppression_list, write_bronze

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
        raise _stopped(streams, error) from error
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
    folder, pattern = _split(source.where) if source.of_files else ("", "")
    per_trigger, secrets = settings.files_per_trigger, scope.config.secret
    try:
        return records.follow(
            scope.spark,
            source,
            folder,
            pattern,
            _columns(scope, source),
            files_per_trigger=per_trigger,
            secrets=secrets,
        )
    except PySparkException as error:
        raise topics.unreachable(source, error) from error


def _columns(scope: Scope, source: Source) -> tuple[str, ...]:
    return (
        records.columns_of(
            scope.spark,
            source,
            files.find(source.where, source=source.name)[0],
            scope.config.secret,
        )
        if source.of_files
        else ()
    )


def _stopped(streams: list[Source], error: StreamingQueryException) -> Exception:
    """A broker that went away is a source's fault and can be mended; anything else as it came."""
    asked = [source for source in streams if source.format == "kafka"]
    lost = any(
        name in str(error)
        for name in ("TimeoutException", "KafkaException", "offsets", "DisconnectException")
    )
    return topics.unreachable(asked[0], error) if asked and lost else error


def _split(where: str) -> tuple[str, str]:
    """Folder and file pattern of a source."""
    path = PurePosixPath(where)
    if set("*?[") & set(str(path.parent)):
        raise SourceError(
            f"{where} cannot be followed",
            found="a pattern in the folder's name",
            fix="name one folder and a file pattern",
        )
    return str(path.parent), path.name


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
    columns = _columns(scope, source)

    def sink(frame: DataFrame, number: int) -> None:
        placed = records.placed(frame)
        if arrived := _arrived(source, placed):
            found = records.file_stats(placed, source, arrived)
            batch = digest(source.name, "stream", number)[:16]
            write_bronze(
                scope,
                source,
                records.numbered(placed, found),
                batch=batch,
                columns=columns,
                people=allowed(scope, source),
            )
            rows = ledger_rows(
                source, arrived, batch=batch, columns=columns, state="taken", found=found
            )
            rows[0] |= delays(
                _typed(source, placed), time=source.kind.time, landed_at=datetime.now(UTC)
            )
            scope.append(
                FILES, rows_as_frame(scope.spark, FILES, rows)
            )  # of a repeated batch it says the same twice

    return _start(scope, source, _records(scope, source), sink, name="bronze")


def _arrived(source: Source, placed: DataFrame) -> tuple[SourceChunk, ...]:
    """The files or ranges of messages that a stream's batch holds."""
    if source.of_files:
        paths = placed.select("_file").distinct().collect()
        return tuple(
            files.examine(records.path_of(row[0]), source=source.name, form=source.format)
            for row in paths
        )
    blocks = (
        placed.groupBy("_file")
        .agg(F.min("_place").alias("first"), F.max("_place").alias("last"))
        .collect()
    )
    return topics.portions_in(source, [(row["_file"], row["first"], row["last"]) for row in blocks])


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
        consenting = allowed(scope, source)
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
