"""Planted damage, counted."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.sim.draws import Draws
from clarion.sim.shop import Dirt

KINDS = ("duplicates", "bad_dates", "negative_prices", "unknown_products", "missing_ids")


def soiled(
    frame: DataFrame, dirt: Dirt, draws: Draws, *, name: str, key: tuple[str, ...]
) -> DataFrame:
    """Records as text with damage in some of them, and `_dirt`: which damage, null for none.

    A record is damaged in one way at most; damage that a frame has no column for falls away.

    Args:
        frame: clean records.
        dirt: share of each damage.
        draws: the shop's draws.
        name: names the draw.
        key: columns that name a record.
    """
    possible = {
        "negative_prices": "unit_price",
        "unknown_products": "product_ref",
        "missing_ids": "customer_ref",
    }
    drawn = draws.uniform(f"dirt/{name}", *key)
    kind: Column = F.lit(None).cast("string")
    below = 0.0
    bounds = []
    for damage in KINDS:
        if possible.get(damage, "happened_at") in frame.columns:
            bounds.append((damage, below, below + getattr(dirt, damage)))
            below += getattr(dirt, damage)
    for damage, low, high in bounds:
        kind = F.when((drawn >= low) & (drawn < high), damage).otherwise(kind)
    marked = frame.withColumn("_dirt", kind)
    damaged: dict[str, Column] = {
        "happened_at": F.when(
            F.col("_dirt") == "bad_dates",
            F.concat(F.lit("2026-13-"), F.date_format("happened_at", "dd HH:mm:ss")),
        ).otherwise(F.date_format("happened_at", "yyyy-MM-dd HH:mm:ss"))
    }
    if "unit_price" in frame.columns:
        damaged["unit_price"] = F.when(
            F.col("_dirt") == "negative_prices", -F.col("unit_price")
        ).otherwise(F.col("unit_price"))
    if "product_ref" in frame.columns:
        damaged["product_ref"] = F.when(
            F.col("_dirt") == "unknown_products", F.concat(F.lit("X"), "product_ref")
        ).otherwise(F.col("product_ref"))
    if "customer_ref" in frame.columns:
        damaged["customer_ref"] = F.when(
            F.col("_dirt") == "missing_ids", F.lit(None).cast("string")
        ).otherwise(F.col("customer_ref"))
    copies = F.when(F.col("_dirt") == "duplicates", 2).otherwise(1)
    return (
        marked.withColumns(damaged)
        .withColumn("_copy", F.explode(F.sequence(F.lit(1), copies)))
        .drop("_copy")
    )
