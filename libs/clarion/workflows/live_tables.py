"""Queries that keep the live tables current: minutes, customers, competitors' prices."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import active_resolution_rows, assign_persons
from clarion.collect.identity.surrogates import surrogate
from clarion.collect.privacy.suppression import reference_field
from clarion.collect.sources.mapping import Source
from clarion.contracts.live import CUSTOMER_STATE, KPI_MINUTES, MARKET_ALERTS, MARKET_STATE
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.runtime.scope import Scope
from clarion.streaming.customers import next_customer_state
from clarion.streaming.market import next_market_state, price_alerts
from clarion.streaming.minutes import kpi_minutes
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.intake import consenting_people, suppression_list
from clarion.workflows.stream_intake import LiveQuery, LiveSource, follow_source, typed_records


def minutes_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps KPI_MINUTES; update mode hands over whole minutes, so a repeat changes nothing."""

    def write(minutes: DataFrame, _: int) -> None:
        scope.merge(KPI_MINUTES, minutes)

    minutes = kpi_minutes(_distinct_events(scope, live))
    return LiveQuery(f"{live.source.name}.minutes", minutes, write, output_mode="update")


def customer_state_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps CUSTOMER_STATE; a batch that was merged before is not merged again."""
    half_life = scope.settings(MonitorSettings).interest_half_life_hours
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

    return LiveQuery(f"{live.source.name}.states", _distinct_events(scope, live), write)


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


def _distinct_events(scope: Scope, live: LiveSource) -> DataFrame:
    """Readable events, each once within the watermark."""
    minutes = scope.settings(MonitorSettings).watermark_minutes
    events = typed_records(live.source, follow_source(scope, live)).where(
        "event_ref IS NOT NULL AND happened_at IS NOT NULL AND type IS NOT NULL"
    )
    return events.withWatermark("happened_at", f"{minutes} minutes").dropDuplicatesWithinWatermark(
        ["event_ref"]
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
        "type",
        F.col("product_ref").alias("product_id"),
    )
