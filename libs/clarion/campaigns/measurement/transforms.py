"""The effects of the messages of one day: outcomes, KPIs and the comparison with the holdout."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.measurement.kept_orders import kept_orders
from clarion.contracts.sources import MONEY
from clarion.measures.columns.days import start_of

_LINE_COLUMNS = (
    "customer_id", "order_id", "product_id", "kind", "quantity", "amount", "happened_at", "counts",
)  # fmt: skip


def outcomes(
    messages: DataFrame,
    responses: DataFrame,
    order_lines: DataFrame,
    *,
    sent_on: date,
    window_days: int,
    conversion_days: int,
    time_zone: str,
) -> DataFrame:
    """The outcome of each message within its window.

    A buyer is a customer who clicked and ordered soon after that click, within the window, and did
    not send all of it back within the window. What a buyer orders later in the window counts, too.

    Args:
        messages: MESSAGES that were sent.
        responses: RESPONSES.
        order_lines: ORDER_LINES.
        sent_on: first day of the window.
        window_days: its length.
        conversion_days: how many days of 24 hours after the click are soon.
        time_zone: the shop's zone.

    Returns:
        One row per message: message_id, customer_id, delivered and clicked (booleans), orders and
        revenue of a buyer after the click, less returns of these orders.
    """
    reactions = _reactions(
        responses.where(_is_within("happened_at", sent_on, window_days, time_zone))
    )
    messages_with_reactions = messages.select("message_id", "customer_id").join(
        reactions, "message_id", "left"
    )
    lines_of_clickers = (
        messages_with_reactions.where("clicked_at IS NOT NULL")
        .join(_lines_of_customers(order_lines, sent_on, window_days, time_zone), "customer_id")
        .withColumn("counts", F.col("counts") & (F.col("happened_at") >= F.col("clicked_at")))
    )
    bought = (
        kept_orders(lines_of_clickers, of="message_id")
        .groupBy("message_id")
        .agg(
            F.min("at").alias("bought_at"),
            F.count("*").alias("orders"),
            F.sum("amount").cast(MONEY).alias("revenue"),
        )
    )
    soon = F.col("clicked_at") + F.make_dt_interval(F.lit(conversion_days))
    is_buyer = F.col("bought_at") < soon
    return messages_with_reactions.join(bought, "message_id", "left").select(
        "message_id",
        "customer_id",
        F.coalesce("delivered", F.lit(False)).alias("delivered"),
        F.col("clicked_at").isNotNull().alias("clicked"),
        F.when(is_buyer, F.col("orders")).otherwise(0).alias("orders"),
        F.when(is_buyer, F.col("revenue")).otherwise(0).cast(MONEY).alias("revenue"),
    )


def strategy_kpis(
    decisions: DataFrame,
    message_outcomes: DataFrame,
    *,
    as_of: date,
    decided_on: date,
    window_days: int,
) -> DataFrame:
    """The four KPIs of each strategy.

    CTR = clickers / delivered, CR = buyers / clickers, APU = revenue / buyers,
    RPR = repeat buyers / buyers; a KPI whose denominator is 0 is unknown.

    Args:
        decisions: DECISIONS of the day that is measured.
        message_outcomes: outcomes of its messages.
        as_of: day of the measurement.
        decided_on: day of the decisions.
        window_days: length of the window.

    Returns:
        STRATEGY_KPIS without the columns of the comparison with the holdout.
    """
    has_clicked = F.col("delivered") & F.col("clicked")
    revenue = F.sum(F.when(F.col("delivered"), F.col("revenue")))
    counts = (
        decisions.select("customer_id", "strategy_id", "strategy_version")
        .join(message_outcomes, "customer_id", "left")
        .groupBy("strategy_id", "strategy_version")
        .agg(
            F.count_if("delivered").alias("delivered"),
            F.count_if(has_clicked).alias("clickers"),
            F.count_if(has_clicked & (F.col("orders") > 0)).alias("buyers"),
            F.coalesce(revenue, F.lit(0)).cast(MONEY).alias("revenue"),
            F.count_if(has_clicked & (F.col("orders") > 1)).alias("repeat_buyers"),
        )
    )
    return counts.select(
        F.lit(as_of).alias("as_of"),
        F.lit(decided_on).alias("decided_on"),
        "strategy_id",
        "strategy_version",
        F.lit(window_days).alias("window_days"),
        "delivered",
        "clickers",
        "buyers",
        "revenue",
        "repeat_buyers",
        F.try_divide("clickers", "delivered").alias("ctr"),
        F.try_divide("buyers", "clickers").alias("cr"),
        F.try_divide("revenue", "buyers").cast(MONEY).alias("apu"),
        F.try_divide("repeat_buyers", "buyers").alias("rpr"),
    )


def arms(
    decisions: DataFrame, order_lines: DataFrame, *, sent_on: date, window_days: int, time_zone: str
) -> DataFrame:
    """Revenue per customer within the window, by strategy, in and outside the holdout.

    Revenue is what was bought within the window, less what of it came back within the window. A
    customer of whose orders something is left has ordered.

    Args:
        decisions: DECISIONS of the day that is measured.
        order_lines: ORDER_LINES.
        sent_on: first day of the window.
        window_days: its length.
        time_zone: the shop's zone.

    Returns:
        strategy_id, is_holdout, n, buyers (customers who ordered), and mean and m2 of the revenue
        per customer.
    """
    lines = _lines_of_customers(order_lines, sent_on, window_days, time_zone)
    spent = (
        kept_orders(lines, of="customer_id")
        .groupBy("customer_id")
        .agg(F.sum("amount").cast("double").alias("spent"))
    )
    return (
        decisions.select("customer_id", "strategy_id", "is_holdout")
        .join(spent, "customer_id", "left")
        .withColumn("spent", F.coalesce("spent", F.lit(0.0)))
        .groupBy("strategy_id", "is_holdout")
        .agg(
            F.count("*").alias("n"),
            F.count_if(F.col("spent") > 0).alias("buyers"),
            F.avg("spent").alias("mean"),
            (F.var_pop("spent") * F.count("*")).alias("m2"),
        )
    )


def _reactions(responses: DataFrame) -> DataFrame:
    """One row per message with responses: message_id, delivered, clicked_at (the first time)."""
    type_ = F.col("type")
    # A message may bounce after its server took it. Who read it has it all the same.
    has_been_read = F.bool_or(type_.isin("viewed", "clicked"))
    has_stayed = F.bool_or(type_ == "delivered") & ~F.bool_or(type_ == "bounced")
    return responses.groupBy(F.col("message_ref").alias("message_id")).agg(
        (has_been_read | has_stayed).alias("delivered"),
        F.min(F.when(type_ == "clicked", F.col("happened_at"))).alias("clicked_at"),
    )


def _lines_of_customers(
    order_lines: DataFrame, sent_on: date, window_days: int, time_zone: str
) -> DataFrame:
    """Lines of customers up to the end of the window, with counts: whether they are within it."""
    end = start_of(sent_on + timedelta(days=window_days), time_zone)
    return (
        order_lines.where("customer_id IS NOT NULL")
        .where(F.col("happened_at") < end)
        .withColumn("counts", _is_within("happened_at", sent_on, window_days, time_zone))
        .select(*_LINE_COLUMNS)
    )


def _is_within(column: str, first: date, days: int, time_zone: str) -> Column:
    start, end = (start_of(day, time_zone) for day in (first, first + timedelta(days=days)))
    return (F.col(column) >= start) & (F.col(column) < end)
