"""Sums of customers and products by day."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.sources import MONEY
from clarion.measures.columns.days import local_day

_STORE_VISITS = ("visit", "arrival", "trial", "dwell")


def customer_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """What each customer did on each day, by the day on which the shop learned of it.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        time_zone: the shop's zone.

    Returns:
        CUSTOMER_DAYS.
    """
    keys = ("customer_id", "day", "known_on")
    # Orders first: counting distinct orders in the second step would triple the cost.
    orders = (
        order_lines.where("customer_id IS NOT NULL")
        .withColumns(day_columns(time_zone))
        .groupBy(*keys, "order_id")
        .agg(
            F.count(_of_sale("amount")).alias("lines"),
            F.sum(_of_sale("quantity")).alias("quantity"),
            F.sum(_of_sale("amount")).alias("amount"),
            F.sum(_of_sale("discount")).alias("discount"),
            F.sum(_of_return("amount")).alias("returned"),
        )
        .withColumn("orders", F.when(F.col("lines") > 0, 1))
        .drop("order_id")
    )

    def count_of(*types: str) -> Column:
        return F.count_if(F.col("type").isin(*types))

    actions = (
        events.where("customer_id IS NOT NULL")
        .withColumns(day_columns(time_zone))
        .groupBy(*keys)
        .agg(
            count_of("view", "review_view").alias("views"),
            count_of("search").alias("searches"),
            count_of("cart_add").alias("cart_adds"),
            count_of("login").alias("logins"),
            count_of(*_STORE_VISITS).alias("visits"),
            F.count("*").alias("events"),
        )
    )
    types = {
        "orders": "bigint",
        "lines": "bigint",
        "quantity": MONEY,
        "amount": MONEY,
        "discount": MONEY,
        "returned": MONEY,
        "views": "bigint",
        "searches": "bigint",
        "cart_adds": "bigint",
        "logins": "bigint",
        "visits": "bigint",
        "events": "bigint",
    }
    return _sum_by(orders.unionByName(actions, allowMissingColumns=True), keys, types=types)


def product_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """Sales and views of each product on each day, by the day on which the shop learned of them.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        time_zone: the shop's zone.

    Returns:
        PRODUCT_DAYS.
    """
    keys = ("product_id", "day", "known_on")
    orders = (
        order_lines.withColumns(day_columns(time_zone))
        .groupBy(*keys, "order_id")
        .agg(
            F.sum(_of_sale("quantity")).alias("quantity"),
            F.sum(_of_sale("amount")).alias("amount"),
            F.sum(_of_return("amount")).alias("returned"),
        )
        .withColumn("orders", F.when(F.col("quantity").isNotNull(), 1))
        .drop("order_id")
    )
    actions = (
        events.where("product_id IS NOT NULL")
        .withColumns(day_columns(time_zone))
        .groupBy(*keys)
        .agg(
            F.count_if(F.col("type") == "view").alias("views"),
            F.count_if(F.col("type") == "cart_add").alias("cart_adds"),
        )
    )
    types = {
        "orders": "bigint",
        "views": "bigint",
        "cart_adds": "bigint",
        "quantity": MONEY,
        "amount": MONEY,
        "returned": MONEY,
    }
    return _sum_by(orders.unionByName(actions, allowMissingColumns=True), keys, types=types)


def day_columns(time_zone: str) -> dict[str, Column]:
    """The columns day and known_on of a fact, on the shop's calendar."""
    day = local_day("happened_at", time_zone)
    # A fact known before its own time (a wrong clock) counts as known on its day.
    return {"day": day, "known_on": F.greatest(day, local_day("arrived_at", time_zone))}


def _of_sale(value: str) -> Column:
    return F.when(F.col("kind") == "sale", F.col(value))


def _of_return(value: str) -> Column:
    return F.when(F.col("kind") == "return", F.col(value))


def _sum_by(frame: DataFrame, keys: tuple[str, ...], *, types: dict[str, str]) -> DataFrame:
    """Sums by key, each in its type; a sum of nothing is zero."""

    def total(name: str, type_: str) -> Column:
        return F.coalesce(F.sum(name), F.lit(0)).cast(type_).alias(name)

    return frame.groupBy(*keys).agg(*(total(name, type_) for name, type_ in types.items()))
