"""Queries that keep the live tables current: minutes, customers, competitors' prices."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import active_resolution_rows, assign_persons
from clarion.collect.identity.surrogates import surrogate
from clarion.collect.privacy.suppression import reference_field
from clarion.collect.sources.mapping import Source
from clarion.contracts.live import CUSTOMER_STATE, KPI_MINUTES, MARKET_ALERTS, MARKET_STATE
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.runtime.scope import Scope
from clarion.streaming.carts import CART_EVENTS
from clarion.streaming.clocks import bound_event_times
from clarion.streaming.customers import next_customer_state
from clarion.streaming.market import next_market_state, price_alerts
from clarion.streaming.minutes import kpi_minutes
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.intake import consenting_people, suppression_list
from clarion.workflows.stream_intake import (
    CLOCKS,
    LiveQuery,
    LiveSource,
    follow_source,
    typed_records,
)

CLOCK_TOLERANCE = timedelta(days=1)  # as the rule in_the_future of conf/rules/every.yml


def minutes_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps KPI_MINUTES; update mode hands over whole minutes, so a repeat changes nothing."""
    watermark = timedelta(minutes=scope.settings(MonitorSettings).watermark_minutes)

    def write(minutes: DataFrame, _: int) -> None:
        scope.merge(KPI_MINUTES, minutes)

    ahead = F.count_if(F.col("ahead_s") > watermark.total_seconds()).alias("ahead")
    events = _events(scope, live).observe(CLOCKS, ahead)
    minutes = kpi_minutes(_distinct_events(events, watermark=watermark))
    return LiveQuery(f"{live.source.name}.minutes", minutes, write, output_mode="update")


def customer_state_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps CUSTOMER_STATE; a batch that was merged before is not merged again.

    A cart takes every event, however late, since repeated ones change nothing; interest takes
    each event once, and so none that is later than the watermark.
    """
    settings = scope.settings(MonitorSettings)
    half_life = settings.interest_half_life_hours
    persons = _persons(scope)

    def write(events: DataFrame, number: int) -> None:
        permitted = _permitted_events(scope, live.source, events)
        customer_events = _with_surrogates(scope, live.source, permitted)
        if persons is not None:
            customer_events = assign_persons(customer_events, persons)
        state = next_customer_state(
            customer_events, scope.own(CUSTOMER_STATE), half_life_hours=half_life, batch=number
        )
        scope.merge(CUSTOMER_STATE, state, only_if="t._stream_batch < s._stream_batch")

    events = _events(scope, live)
    interest = _distinct_events(events, watermark=timedelta(minutes=settings.watermark_minutes))
    carts = events.where(
        F.col("type").isin(*CART_EVENTS) & (F.col("ahead_s") <= CLOCK_TOLERANCE.total_seconds())
    )
    frame = interest.withColumn("adds_interest", F.lit(True)).unionByName(
        carts.withColumn("adds_interest", F.lit(False))
    )
    return LiveQuery(f"{live.source.name}.states", frame, write)


def market_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps MARKET_STATE, and appends to MARKET_ALERTS."""
    threshold = scope.settings(MonitorSettings).price_move

    def write(records: DataFrame, _: int) -> None:
        prices = records.where(
            "product_ref IS NOT NULL AND price > 0 AND observed_at IS NOT NULL"
        ).withColumnRenamed("product_ref", "product_id")
        state = scope.own(MARKET_STATE)
        # Alerts first: they compare with the state that the second write replaces. A repeat of
        # the batch finds them and changes nothing.
        scope.merge(MARKET_ALERTS, price_alerts(prices, state, threshold=threshold), update=False)
        scope.merge(MARKET_STATE, next_market_state(prices, state))

    prices = typed_records(live.source, follow_source(scope, live))
    return LiveQuery(f"{live.source.name}.alerts", prices, write)


def _persons(scope: Scope) -> DataFrame | None:
    """The active rows of RESOLUTIONS; None where no account stands for another."""
    if not scope.exists(IDENTITY_MODELS):
        return None
    return active_resolution_rows(
        scope.raw(IDENTITY_MODELS), scope.raw(RESOLUTIONS), as_of=scope.as_of
    )


def _events(scope: Scope, live: LiveSource) -> DataFrame:
    """Readable events, none later than it arrived."""
    events = typed_records(live.source, follow_source(scope, live)).where(
        "event_ref IS NOT NULL AND happened_at IS NOT NULL AND type IS NOT NULL"
    )
    # In a stream this is the time of the micro-batch, which a repeated batch keeps.
    return bound_event_times(events, landed_at=F.current_timestamp())


def _distinct_events(events: DataFrame, *, watermark: timedelta) -> DataFrame:
    """Events with a credible time, each once within the watermark.

    A clock that is further ahead than the watermark is wrong. Its events would count in a minute
    that is not theirs, and move the watermark beyond events that have yet to be read.
    """
    return (
        events.where(F.col("ahead_s") <= watermark.total_seconds())
        .withWatermark("happened_at", f"{watermark.total_seconds():.0f} seconds")
        .dropDuplicatesWithinWatermark(["event_ref"])
    )


def _permitted_events(scope: Scope, source: Source, events: DataFrame) -> DataFrame:
    """Events of named customers who consent to collection and were not erased."""
    permitted = events.where("customer_ref IS NOT NULL")
    consenting = consenting_people(scope, source)
    if consenting is not None:
        permitted = permitted.join(
            consenting, permitted["customer_ref"] == F.col("ref"), "left_semi"
        )
    suppressed = suppression_list(scope)
    if suppressed is not None:
        is_suppressed = suppressed.matches_name(reference_field("customer_ref", source.namespace))
        permitted = permitted.where(~is_suppressed(F.col("customer_ref")))
    return permitted


def _with_surrogates(scope: Scope, source: Source, events: DataFrame) -> DataFrame:
    """Events with customer_id; a new customer gets the surrogate that cleaning will record."""
    identities = (
        scope.raw(IDENTITIES)
        .where(F.col("namespace") == source.namespace)
        .select(F.col("ref").alias("customer_ref"), "customer_id")
    )
    new_surrogate = surrogate(source.namespace, F.col("customer_ref"))
    return events.join(identities, "customer_ref", "left").select(
        F.coalesce("customer_id", new_surrogate).alias("customer_id"),
        "happened_at",
        "stated_at",
        "sequence_no",
        "type",
        F.col("product_ref").alias("product_id"),
        "adds_interest",
    )
