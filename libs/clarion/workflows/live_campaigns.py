"""What running campaigns achieve: the queries of responses and orders, and the minutes."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.campaigns.measurement.minutes import campaign_minutes
from clarion.campaigns.measurement.settings import MeasureSettings
from clarion.campaigns.measurement.transforms import (
    orders_of_buyers,
    reached_messages,
    with_window,
)
from clarion.collect.cleaning.order_states import SaleSettings, sale_columns
from clarion.collect.sources.mapping import Source
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.live_campaigns import (
    CAMPAIGN_MINUTES,
    MESSAGE_ORDERS,
    MESSAGE_RESPONSES,
)
from clarion.runtime.scope import Scope
from clarion.workflows.live_customers import customer_facts, of_persons
from clarion.workflows.live_records import accepted_records, in_shop_currency
from clarion.workflows.stream_intake import LiveQuery, LiveSource

# The columns of MESSAGE_RESPONSES, and which types of responses each is the first time of.
_TIMES = {
    "taken_at": ("delivered",),
    "bounced_at": ("bounced",),
    "read_at": ("viewed", "clicked"),
    "clicked_at": ("clicked",),
}


def message_responses_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps MESSAGE_RESPONSES; a repeated batch changes nothing."""

    def write(responses: DataFrame, _: int) -> None:
        type_ = F.col("type")
        times = [
            F.min(F.when(type_.isin(*types), F.col("happened_at"))).alias(name)
            for name, types in _TIMES.items()
        ]
        new = responses.groupBy(F.col("message_ref").alias("message_id")).agg(*times)
        with scope.exclusively(MESSAGE_RESPONSES):
            old = scope.own(MESSAGE_RESPONSES).withColumnsRenamed({n: f"_{n}" for n in _TIMES})
            first = {name: F.least(name, f"_{name}") for name in _TIMES}
            merged = new.join(old, "message_id", "left").withColumns(first)
            names = MESSAGE_RESPONSES.column_names
            scope.merge(MESSAGE_RESPONSES, merged.where(_has_any_time()).select(*names))

    return LiveQuery(f"{live.source.name}.messages", accepted_records(scope, live), write)


def message_orders_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps MESSAGE_ORDERS: of a line that is delivered again, the newest version.

    Without line numbers equal lines of an order may both be meant, so that each counts.
    """
    source = live.source

    def write(lines: DataFrame, number: int) -> None:
        customers = _customers_with_messages(scope)
        if customers is None:
            return
        facts = customer_facts(scope, source, lines).withColumnRenamed("order_ref", "order_id")
        own = facts.join(customers, "customer_id", "left_semi")
        newest = Window.partitionBy("line_id").orderBy(F.desc("arrived_at"), "quantity", "amount")
        versions = own.withColumn("line_id", _line_id(source, batch=number)).withColumn(
            "_version", F.row_number().over(newest)
        )
        scope.merge(
            MESSAGE_ORDERS,
            versions.where("_version = 1").select(*MESSAGE_ORDERS.column_names),
            only_if="s.arrived_at >= t.arrived_at",
        )

    lines = in_shop_currency(scope, live, accepted_records(scope, live), money=("amount", "refund"))
    return LiveQuery(f"{source.name}.message_orders", lines, write)


def _line_id(source: Source, *, batch: int) -> Column:
    """What names a line in its source; without line numbers, its place among its equals, too."""
    of_line = ("order_id", "line_no", "product_id")
    if "line_no" in source.columns:
        return _digest(F.lit(source.name), *of_line)
    own = ("happened_at", "quantity", "amount")
    equal = Window.partitionBy(*of_line, *own).orderBy("arrived_at")
    return _digest(F.lit(source.name), *of_line, *own, F.lit(batch), F.row_number().over(equal))


def forget_old_campaigns(scope: Scope) -> None:
    """Remove what belongs to no campaign that still runs from the tables behind the minutes."""
    first = _first_day(scope)
    old = f"TIMESTAMP'{first} 00:00:00'"
    times = ", ".join(_TIMES)
    scope.delete(MESSAGE_RESPONSES, where=f"greatest({times}) < {old}")
    scope.delete(MESSAGE_ORDERS, where=f"happened_at < {old}")


class CampaignWatch:
    """Keeps CAMPAIGN_MINUTES current; it works only when something has come in.

    Args:
        scope: the run.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._seen: tuple[int, ...] | None = None

    def update(self) -> None:
        """Write the minutes of every campaign whose window was open on the run's day."""
        scope = self._scope
        if not (scope.exists(MESSAGES) and scope.exists(MESSAGE_RESPONSES)):
            return
        tables = (MESSAGES, MESSAGE_RESPONSES, MESSAGE_ORDERS)
        versions = tuple(scope.version(table) for table in tables)
        if versions == self._seen:
            return
        window_days = scope.settings(StrategySettings).window_days
        first = _first_day(scope)
        reached = reached_messages(
            with_window(
                _sent_messages(scope, first), window_days=window_days, time_zone=scope.time_zone
            ),
            _responses(scope),
        ).persist()
        try:
            orders = orders_of_buyers(
                reached, _order_lines(scope),
                conversion_days=scope.settings(MeasureSettings).conversion_days,
            )  # fmt: skip
            minutes = campaign_minutes(reached, orders)
            scope.replace(CAMPAIGN_MINUTES, minutes, where=f"as_of >= DATE'{first}'")
        finally:
            reached.unpersist()
        self._seen = versions


def _first_day(scope: Scope) -> date:
    """The first day whose campaigns may still run on the run's day."""
    return scope.as_of - timedelta(days=scope.settings(StrategySettings).window_days + 1)


def _customers_with_messages(scope: Scope) -> DataFrame | None:
    """Customers with a message whose window may be open: customer_id; None without messages."""
    if not scope.exists(MESSAGES):
        return None
    first = _first_day(scope)
    messages = scope.raw(MESSAGES).where(F.col("as_of") >= F.lit(first)).select("customer_id")
    return of_persons(scope, messages).distinct()


def _sent_messages(scope: Scope, first: date) -> DataFrame:
    """Messages from a day on that were sent to people who consent to analytics.

    Returns:
        message_id, campaign_id, as_of, customer_id (of the person), expected_cost.
    """
    is_recent = F.col("as_of") >= F.lit(first)
    costs = scope.raw(DECISIONS).where(is_recent).select("as_of", "decision_id", "expected_cost")
    sent = scope.raw(MESSAGES).where(is_recent & (F.col("state") == "sent"))
    messages = sent.join(costs, ["as_of", "decision_id"]).select(
        "message_id", "campaign_id", "as_of", "customer_id", "expected_cost"
    )
    consenting = scope.consenting_customers("analytics").select("customer_id")
    return of_persons(scope, messages).join(consenting, "customer_id", "left_semi")


def _responses(scope: Scope) -> DataFrame:
    """MESSAGE_RESPONSES as responses: message_id, type, at."""
    pairs = [
        F.struct(F.lit(types[0]).alias("type"), F.col(name).alias("at"))
        for name, types in _TIMES.items()
    ]
    return (
        scope.own(MESSAGE_RESPONSES)
        .select("message_id", F.inline(F.array(*pairs)))
        .where("at IS NOT NULL")
    )


def _order_lines(scope: Scope) -> DataFrame:
    """MESSAGE_ORDERS with the columns of ORDER_LINES that say what became of a line."""
    lines = scope.own(MESSAGE_ORDERS)
    return lines.withColumns(sale_columns(scope.settings(SaleSettings)))


def _has_any_time() -> Column:
    return F.coalesce(*_TIMES).isNotNull()


def _digest(*parts: Column | str) -> Column:
    """SHA-256 of values, of which some may be missing."""
    columns = [F.col(part) if isinstance(part, str) else part for part in parts]
    named = [column.cast("string").alias(f"_{place}") for place, column in enumerate(columns)]
    return F.sha2(F.to_json(F.struct(*named)), 256)
