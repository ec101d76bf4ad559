"""What the targets of the scorecard count, summed by two queries over all their tables."""

from collections.abc import Iterator, Mapping
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.consent import consenting_when_kept
from clarion.contracts.gold import (
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    FORECASTS,
    SEGMENT_MEMBERS,
    STRATEGY_KPIS,
)
from clarion.contracts.ops import BATCHES, FILES, QUALITY
from clarion.contracts.silver import (
    CONSENTS,
    CUSTOMERS,
    EVENTS,
    EXPOSURES,
    INVALID_ACTIVITY,
    ORDER_LINES,
    TOUCHES,
)
from clarion.declarations.shop import sources
from clarion.lake.frames import union_all
from clarion.runtime.scope import Scope
from clarion.workflows.collection_sums import Sums, collection_frames
from clarion.workflows.intake import needs_consent

_FORMED, _STATED = "in standard form of ", "stated of "


def target_sums(scope: Scope) -> Sums:
    """Everything that targets count, by name; 0 where there are no rows.

    `landed of <group>` and `declared of <group>` stand for each group of kinds whose files are
    declared by manifests, `in standard form of <column>` and `stated of <column>` for each column
    of a source that has such a form; `authorised` and `rows_of_people` only where a source asks
    for recorded consent.
    """
    frames = [
        *_of_batches(scope),
        *_of_customers(scope),
        *_of_campaigns(scope),
        *collection_frames(scope),
        *_of_streams(scope),
        *_of_facts(scope),
        *_of_consent(scope),
    ]
    # Planning takes longer than counting: two plans at the same time.
    halves = scope.run_concurrently(
        partial(union_all(half).collect) for half in (frames[::2], frames[1::2])
    )
    # One row a measure, and one a kind of source.
    rows = [row for half in halves for row in half]
    return {name: float(value or 0.0) for row in rows for name, value in row["sums"].items()}


def formed_and_stated(sums: Sums) -> dict[str, tuple[float, float]]:
    """Values in standard form, and values stated, by source and column."""
    names = (name.removeprefix(_STATED) for name in sums if name.startswith(_STATED))
    return {name: (sums[f"{_FORMED}{name}"], sums[f"{_STATED}{name}"]) for name in names}


def _named(values: Mapping[str, Column]) -> Column:
    """Values by name, the one column of every frame here."""
    entries = [part for name, value in values.items() for part in (F.lit(name), value)]
    return F.create_map(*entries).cast("map<string,double>").alias("sums")


def _sum_of(frame: DataFrame, **sums: Column | str) -> DataFrame:
    """One row with the sum of each column, by name."""
    return frame.agg(_named({name: F.sum(column) for name, column in sums.items()}))


def _rows_of(frame: DataFrame, name: str) -> DataFrame:
    """One row with the number of rows."""
    return frame.agg(_named({name: F.count("*")}))


def _of_batches(scope: Scope) -> Iterator[DataFrame]:
    names = ("rows_in", "accepted", "quarantined", "duplicates", "warned")
    batches = scope.raw(BATCHES)
    yield _sum_of(batches, **{name: name for name in names})
    forms = (
        scope.raw(QUALITY)
        .where("rule = 'standard_form' AND checked > 0")
        .join(
            batches.select("_batch", "_source", "mapping_hash"),
            ["_batch", "_source", "mapping_hash"],
            "left_semi",
        )
        .groupBy(F.concat_ws(".", "_source", "column").alias("name"))
        .agg(F.sum("checked").alias("checked"), F.sum("failed").alias("failed"))
    )
    yield forms.select(
        F.create_map(
            F.concat(F.lit(_STATED), "name"), F.col("checked"),
            F.concat(F.lit(_FORMED), "name"), F.col("checked") - F.col("failed"),
        ).cast("map<string,double>").alias("sums")
    )  # fmt: skip


def _of_customers(scope: Scope) -> Iterator[DataFrame]:
    customers = scope.current(CUSTOMER_PROFILES).select("customer_id")
    yield _rows_of(customers, "customers")
    for table, name in ((SEGMENT_MEMBERS, "grouped"), (CUSTOMER_TAGS, "tagged")):
        rows = scope.current(table).select("customer_id")
        yield _rows_of(rows.join(customers, "customer_id", "left_semi"), name)
    decisions = scope.current(DECISIONS).join(customers, "customer_id", "left_semi")
    yield _rows_of(decisions, "decided")


def _of_campaigns(scope: Scope) -> Iterator[DataFrame]:
    series = (
        scope.current(FORECASTS)
        .groupBy("measure", "level", "series")
        .agg(F.first("mase").alias("mase"), F.first("mase_naive").alias("naive"))
    )
    is_better = F.col("mase") < F.col("naive")
    yield _sum_of(series, series=F.lit(1), better_series=is_better.cast("int"))
    names = ("delivered", "clickers", "buyers", "repeat_buyers")
    yield _sum_of(scope.current(STRATEGY_KPIS), **{name: name for name in names})


def _of_streams(scope: Scope) -> Iterator[DataFrame]:
    # A batch has several rows; the one that states its delay counts for all.
    live_batches = (
        scope.raw(FILES)
        .where("state = 'taken'")
        .groupBy("_source", "_batch")
        .agg(F.sum("records").alias("records"), F.max("prompt").alias("prompt"))
        .where("prompt IS NOT NULL")
    )
    yield _sum_of(live_batches, streamed="records", prompt="prompt")


def _of_facts(scope: Scope) -> Iterator[DataFrame]:
    yield _rows_of(scope.raw(INVALID_ACTIVITY).select("record_id").distinct(), "invalid")
    order_lines = scope.newest(ORDER_LINES)
    yield _rows_of(order_lines, "order_lines")
    yield _rows_of(scope.in_shop_currency(ORDER_LINES, order_lines), "converted")


def _of_consent(scope: Scope) -> Iterator[DataFrame]:
    """Facts that name a person and came through sources that ask for recorded consent."""
    asking = [source.name for source in sources(scope.config) if needs_consent(source)]
    if not asking:
        return
    batches = _kept_batches(scope)
    # What the ledger does not know counts as known from the beginning, and as kept just now.
    statements = (
        scope.raw(CONSENTS)
        .join(batches, ["_source", "_batch"], "left")
        .withColumn("known_at", F.coalesce("planned_at", F.timestamp_seconds(F.lit(0))))
    )
    contacts = [table for table in (TOUCHES, EXPOSURES) if scope.exists(table)]
    kept_at = F.coalesce("taken_at", F.current_timestamp()).alias("kept_at")
    rows_kept = union_all(
        scope.newest(table)
        .where("customer_id IS NOT NULL")
        .where(F.col("_source").isin(asking))
        .join(batches, ["_source", "_batch"], "left")
        .groupBy("customer_id", kept_at)
        .agg(F.count("*").alias("rows"))
        for table in (CUSTOMERS, EVENTS, ORDER_LINES, *contacts)
    )
    rows_kept = rows_kept.groupBy("customer_id", "kept_at").agg(F.sum("rows").alias("rows"))
    yield _sum_of(rows_kept, rows_of_people="rows")
    yield _sum_of(consenting_when_kept(rows_kept, statements), authorised="rows")


def _kept_batches(scope: Scope) -> DataFrame:
    """When each batch was planned, at the start of its run, and taken, at the end of it."""
    return (
        scope.raw(FILES)
        .groupBy("_source", "_batch")
        .agg(
            F.min("_taken_at").alias("planned_at"),
            F.max(F.when(F.col("state") == "taken", F.col("_taken_at"))).alias("taken_at"),
        )
    )
