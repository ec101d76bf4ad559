"""The effects of the messages of one day: outcomes, KPIs and the comparison with the holdout."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.campaigns.measurement.kept_orders import kept_orders
from clarion.contracts.sources import MONEY
from clarion.measures.columns.days import start_of

_LINE_COLUMNS = (
    "customer_id", "order_id", "product_id", "kind", "quantity", "amount", "happened_at",
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
    windows = with_window(
        messages.select("message_id", "customer_id", F.lit(sent_on).alias("as_of")),
        window_days=window_days,
        time_zone=time_zone,
    )
    reached = reached_messages(windows, response_times(responses))
    bought = (
        orders_of_buyers(reached, order_lines, conversion_days=conversion_days)
        .groupBy("message_id")
        .agg(F.count("*").alias("orders"), F.sum("amount").cast(MONEY).alias("revenue"))
    )
    return reached.join(bought, "message_id", "left").select(
        "message_id",
        "customer_id",
        F.col("delivered_at").isNotNull().alias("delivered"),
        F.col("clicked_at").isNotNull().alias("clicked"),
        F.coalesce("orders", F.lit(0)).alias("orders"),
        F.coalesce("revenue", F.lit(0)).cast(MONEY).alias("revenue"),
    )


def with_window(messages: DataFrame, *, window_days: int, time_zone: str) -> DataFrame:
    """Messages with the instants between which what comes back from them counts.

    Args:
        messages: with as_of, the day on which they were decided.
        window_days: length of the window.
        time_zone: the shop's zone.

    Returns:
        The messages with window_start and window_end; the end does not belong to the window.
    """
    end = F.date_add("as_of", window_days)
    return messages.withColumns(
        {
            "window_start": start_of(F.col("as_of"), time_zone),
            "window_end": start_of(end, time_zone),
        }
    )


def response_times(responses: DataFrame) -> DataFrame:
    """When the responses to each message happened.

    Args:
        responses: RESPONSES.

    Returns:
        message_id, type, at: each response.
    """
    return responses.select(
        F.col("message_ref").alias("message_id"), "type", F.col("happened_at").alias("at")
    )


def reached_messages(messages: DataFrame, responses: DataFrame) -> DataFrame:
    """When each message was delivered and first clicked, within its window.

    Args:
        messages: rows of `with_window`, with message_id.
        responses: message_id, type, at.

    Returns:
        The messages with delivered_at and clicked_at; null for never.
    """
    type_, at = F.col("type"), F.col("at")
    is_within = (at >= F.col("window_start")) & (at < F.col("window_end"))
    first = (
        responses.join(messages.select("message_id", "window_start", "window_end"), "message_id")
        .where(is_within)
        .groupBy("message_id")
        .agg(
            F.min(F.when(type_.isin("viewed", "clicked"), at)).alias("_read_at"),
            F.min(F.when(type_ == "delivered", at)).alias("_taken_at"),
            F.bool_or(type_ == "bounced").alias("_has_bounced"),
            F.min(F.when(type_ == "clicked", at)).alias("clicked_at"),
        )
    )
    # A message may bounce after its server took it. Who read it has it all the same.
    has_it = F.col("_read_at").isNotNull() | ~F.col("_has_bounced")
    return (
        messages.join(first, "message_id", "left")
        .withColumn("delivered_at", F.when(has_it, F.least("_taken_at", "_read_at")))
        .drop("_read_at", "_taken_at", "_has_bounced")
    )


def orders_of_buyers(
    messages: DataFrame, order_lines: DataFrame, *, conversion_days: int
) -> DataFrame:
    """What buyers kept of their orders after the click, each order once.

    Args:
        messages: rows of `reached_messages`, with customer_id.
        order_lines: ORDER_LINES.
        conversion_days: how many days of 24 hours after the click a first order may come.

    Returns:
        message_id, order_id, at, amount; only orders within the window.
    """
    clicked = messages.where("clicked_at IS NOT NULL").select(
        "message_id", "customer_id", "clicked_at", "window_start", "window_end"
    )
    happened_at = F.col("happened_at")
    counts = (happened_at >= F.col("window_start")) & (happened_at >= F.col("clicked_at"))
    lines = (
        order_lines.select(*_LINE_COLUMNS)
        .join(clicked, "customer_id")
        .where(happened_at < F.col("window_end"))
        .withColumn("counts", counts)
    )
    kept = kept_orders(lines.select("message_id", *_LINE_COLUMNS, "counts"), of="message_id")
    first_at = F.min("at").over(Window.partitionBy("message_id"))
    soon = F.col("clicked_at") + F.make_dt_interval(F.lit(conversion_days))
    return (
        kept.join(clicked.select("message_id", "clicked_at"), "message_id")
        .withColumn("_first_at", first_at)
        .where(F.col("_first_at") < soon)
        .select("message_id", "order_id", "at", "amount")
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


def _lines_of_customers(
    order_lines: DataFrame, sent_on: date, window_days: int, time_zone: str
) -> DataFrame:
    """Lines of customers up to the end of the window, with counts: whether they are within it."""
    end = start_of(sent_on + timedelta(days=window_days), time_zone)
    return (
        order_lines.where("customer_id IS NOT NULL")
        .where(F.col("happened_at") < end)
        .withColumn("counts", _is_within("happened_at", sent_on, window_days, time_zone))
        .select(*_LINE_COLUMNS, "counts")
    )


def _is_within(column: str, first: date, days: int, time_zone: str) -> Column:
    start, end = (start_of(day, time_zone) for day in (first, first + timedelta(days=days)))
    return (F.col(column) >= start) & (F.col(column) < end)
