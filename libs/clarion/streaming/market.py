"""Competitors' prices: the latest ones, and alerts on moves; for streams and for batches."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def price_alerts(prices: DataFrame, state: DataFrame, *, threshold: float) -> DataFrame:
    """Moves of competitors' prices, each compared with the price before.

    Args:
        prices: competitor, product_id, price, observed_at, promotion.
        state: MARKET_STATE before them.
        threshold: least relative move.

    Returns:
        MARKET_ALERTS.
    """
    old_prices = state.select(
        "competitor",
        "product_id",
        "price",
        "observed_at",
        F.lit(None).cast("string").alias("promotion"),
        F.lit(False).alias("is_new"),
    )
    new_prices = prices.select(
        "competitor", "product_id", "price", "observed_at", "promotion", F.lit(True).alias("is_new")
    )
    by_time = Window.partitionBy("competitor", "product_id").orderBy("observed_at", "price")
    change = F.col("price").cast("double") / F.col("price_before").cast("double") - 1
    alert_key = F.to_json(F.struct("competitor", "product_id", "observed_at"))
    return (
        new_prices.unionByName(old_prices)
        .withColumn("price_before", F.lag("price").over(by_time))
        .where("is_new AND price_before IS NOT NULL")
        .withColumn("change", change)
        .where(F.abs("change") >= threshold)
        .select(
            F.sha2(alert_key, 256).alias("alert_id"),
            "competitor",
            "product_id",
            "observed_at",
            "price_before",
            F.col("price").alias("price_after"),
            F.round("change", 9).alias("change"),
            "promotion",
        )
        .dropDuplicates(["alert_id"])
    )


def next_market_state(prices: DataFrame, state: DataFrame) -> DataFrame:
    """The latest price of each competitor for each product.

    Args:
        prices: competitor, product_id, price, observed_at.
        state: MARKET_STATE before them.

    Returns:
        MARKET_STATE rows of the products that the prices name.
    """
    columns = ("competitor", "product_id", "price", "observed_at")
    latest = F.max_by(F.struct("price", "observed_at"), F.struct("observed_at", "price"))
    return (
        prices.select(*columns)
        .unionByName(state.select(*columns))
        .groupBy("competitor", "product_id")
        .agg(latest.alias("latest"))
        .select("competitor", "product_id", "latest.price", "latest.observed_at")
    )
