"""The query that keeps CUSTOMER_STATE current."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.sources.mapping import Source
from clarion.contracts.live import CUSTOMER_STATE
from clarion.kernel import sql
from clarion.measures.columns.days import local_day
from clarion.runtime.scope import Scope
from clarion.streaming.carts import CART_EVENTS
from clarion.streaming.customers import StreamBatch, next_customer_state
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_customers import customer_facts
from clarion.workflows.live_records import accepted_events, each_once, with_category
from clarion.workflows.stream_intake import LiveQuery, LiveSource

CLOCK_TOLERANCE = timedelta(days=1)  # as the rule in_the_future of conf/rules/every.yml


def customer_state_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps CUSTOMER_STATE; a batch that was merged before is not merged again.

    A cart takes every event, however late, since repeated ones change nothing; interest takes
    each event once, and so none that is later than the watermark.
    """
    settings = scope.settings(MonitorSettings)

    def write(events: DataFrame, number: int) -> None:
        batch = customer_facts(scope, live.source, events).persist()
        try:
            _enter_by_day(scope, live.source, batch, number)
        finally:
            batch.unpersist()

    events = with_category(scope, accepted_events(scope, live)).withColumn(
        "day", local_day(F.least("arrived_at", F.current_timestamp()), scope.time_zone)
    )
    watermark = timedelta(minutes=settings.watermark_minutes)
    interest = each_once(events, key=("event_ref",), watermark=watermark)
    carts = events.where(
        F.col("type").isin(*CART_EVENTS) & (F.col("ahead_s") <= CLOCK_TOLERANCE.total_seconds())
    )
    frame = interest.withColumn("adds_interest", F.lit(True)).unionByName(
        carts.withColumn("adds_interest", F.lit(False))
    )
    return LiveQuery(f"{live.source.name}.customers", frame, write)


def _enter_by_day(scope: Scope, source: Source, events: DataFrame, number: int) -> None:
    """Merge the events of a batch into the state, those of each day of arrival by themselves.

    A backlog then leaves the rows that a stream without delay would have left.
    """
    half_life = scope.settings(MonitorSettings).interest_half_life_hours
    days = sorted(row["day"] for row in events.select("day").distinct().collect())
    for day in days:
        batch = StreamBatch(source.name, number, day)
        # Another stream must not change a row between its reading and its merge.
        with scope.exclusively(CUSTOMER_STATE):
            rows = next_customer_state(
                events.where(F.col("day") == F.lit(day)).drop("day"),
                scope.own(CUSTOMER_STATE),
                half_life_hours=half_life,
                batch=batch,
            )
            entered = f"t._stream_batches[{sql.text(source.name)}]"
            mark = f"named_struct('batch', {number}L, 'day', DATE'{day}')"
            scope.merge(
                CUSTOMER_STATE,
                rows,
                only_if=f"s.valid_to IS NOT NULL OR {entered} IS NULL OR {entered} < {mark}",
            )
