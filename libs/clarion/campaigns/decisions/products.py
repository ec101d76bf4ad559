"""Which products are shown with an offer, and why."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_SHOWN = "array<struct<product_id:string,reason:string>>"


def _top(scored: DataFrame, *, limit: int, name: str) -> DataFrame:
    order = Window.partitionBy("customer_id").orderBy(F.round("score", 9).desc(), "product_id")
    best = scored.withColumn("place", F.row_number().over(order)).where(F.col("place") <= limit)
    listed = F.sort_array(F.collect_list(F.struct("place", "product_id", "reason")))
    return best.groupBy("customer_id").agg(
        F.transform(
            listed,
            lambda item: F.struct(
                item["product_id"].alias("product_id"), item["reason"].alias("reason")
            ),
        ).alias(name)
    )


def by_interest(interactions: DataFrame, *, limit: int) -> DataFrame:
    """The products of most interest to each customer.

    Args:
        interactions: INTERACTIONS of the day.
        at_most: products per customer.

    Returns:
        customer_id, interests (array of product_id and reason).
    """
    reason = F.when(F.col("orders") > 0, "bought before").otherwise("looked at lately")
    return _top(
        interactions.select(
            "customer_id", "product_id", F.col("interest").alias("score"), reason.alias("reason")
        ),
        limit=limit,
        name="interests",
    )


def by_similarity(interactions: DataFrame, neighbours: DataFrame, *, limit: int) -> DataFrame:
    """Products like those of interest that the customer has not bought: score = sum of interest x cosine.

    Args:
        interactions: INTERACTIONS of the day.
        neighbours: PRODUCT_NEIGHBOURS of the day.
        at_most: products per customer.

    Returns:
        customer_id, neighbours (array of product_id and reason).
    """
    mine = interactions.select("customer_id", "product_id", "interest", "orders")
    bought = mine.where("orders > 0").select("customer_id", "product_id")
    scored = (
        mine.join(neighbours.select("product_id", "neighbour_id", "cosine"), "product_id")
        .groupBy("customer_id", "neighbour_id")
        .agg(
            F.sum(F.col("interest") * F.col("cosine")).alias("score"),
            F.max_by(
                "product_id",
                F.struct(F.round(F.col("interest") * F.col("cosine"), 9), "product_id"),
            ).alias("because"),
        )
        .withColumnRenamed("neighbour_id", "product_id")
        .join(bought, ["customer_id", "product_id"], "left_anti")
        .withColumn("reason", F.format_string("like %s", "because"))
    )
    return _top(
        scored.select("customer_id", "product_id", "score", "reason"),
        limit=limit,
        name="neighbours",
    )


def alerted(
    interactions: DataFrame, alerts: DataFrame, *, as_of: date, days: int, limit: int
) -> DataFrame:
    """Products of interest whose price a competitor has cut lately.

    Args:
        interactions: INTERACTIONS of the day.
        alerts: MARKET_ALERTS.
        as_of: first day that does not count.
        days: how long an alert matters.
        at_most: products per customer.

    Returns:
        customer_id, alerted (array of product_id and reason).
    """
    recent = F.col("observed_at").between(
        F.lit(as_of).cast("timestamp") - F.make_dt_interval(F.lit(days)),
        F.lit(as_of).cast("timestamp"),
    )
    cuts = (
        alerts.where(recent & (F.col("change") < 0))
        .groupBy("product_id")
        .agg(F.min_by("competitor", F.struct("change", "competitor")).alias("who"))
    )
    scored = interactions.join(cuts, "product_id").select(
        "customer_id",
        "product_id",
        F.col("interest").alias("score"),
        F.format_string("%s cut its price", "who").alias("reason"),
    )
    return _top(scored, limit=limit, name="alerted")


def in_cart(state: DataFrame) -> DataFrame:
    """What customers have left in their carts.

    Args:
        state: CUSTOMER_STATE.

    Returns:
        customer_id, open_cart (array of product_id and reason).
    """
    full = state.where("size(open_cart) > 0")
    listed: Column = F.transform(
        F.array_sort("open_cart"),
        lambda name: F.struct(name.alias("product_id"), F.lit("in the cart").alias("reason")),
    )
    return full.select("customer_id", listed.cast(_SHOWN).alias("open_cart"))
