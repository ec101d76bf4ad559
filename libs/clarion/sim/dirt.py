"""Data quality problems that are added on purpose, and counted."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.sim.draws import Draws
from clarion.sim.shop import Dirt

# Each problem with the column that it damages.
_DAMAGED_COLUMN = {
    "duplicates": "happened_at",
    "bad_dates": "happened_at",
    "negative_prices": "unit_price",
    "unknown_products": "product_ref",
    "missing_ids": "customer_ref",
}


def add_dirt(
    records: DataFrame, dirt: Dirt, draws: Draws, *, name: str, key: tuple[str, ...]
) -> DataFrame:
    """Records as text, some of them damaged, and `_dirt`: the problem, null for none.

    A record has one problem at most. A problem whose column the records lack does not occur.

    Args:
        records: clean records.
        dirt: share of each problem.
        draws: the shop's random draws.
        name: names the draw.
        key: columns that identify a record.
    """
    drawn = draws.uniform(f"dirt/{name}", *key)
    marked = records.withColumn("_dirt", _problem(drawn, dirt, columns=records.columns))
    damaged = {
        column: value for column, value in _damaged_values().items() if column in records.columns
    }
    copies = F.when(F.col("_dirt") == "duplicates", 2).otherwise(1)
    return (
        marked.withColumns(damaged)
        .withColumn("_copy", F.explode(F.sequence(F.lit(1), copies)))
        .drop("_copy")
    )


def _problem(drawn: Column, dirt: Dirt, *, columns: list[str]) -> Column:
    """The problem of a record, by a uniform number; null for none."""
    problem: Column = F.lit(None).cast("string")
    low = 0.0
    for name, column in _DAMAGED_COLUMN.items():
        if column in columns:
            high = low + getattr(dirt, name)
            problem = F.when((drawn >= low) & (drawn < high), name).otherwise(problem)
            low = high
    return problem


def _damaged_values() -> dict[str, Column]:
    """Each column's value, damaged where `_dirt` says so."""

    def damage(problem: str, column: str, value: Column) -> Column:
        return F.when(F.col("_dirt") == problem, value).otherwise(F.col(column))

    bad_date = F.concat(F.lit("2026-13-"), F.date_format("happened_at", "dd HH:mm:ss"))
    good_date = F.date_format("happened_at", "yyyy-MM-dd HH:mm:ss")
    unknown_product = F.concat(F.lit("X"), "product_ref")
    return {
        "happened_at": F.when(F.col("_dirt") == "bad_dates", bad_date).otherwise(good_date),
        "unit_price": damage("negative_prices", "unit_price", -F.col("unit_price")),
        "product_ref": damage("unknown_products", "product_ref", unknown_product),
        "customer_ref": damage("missing_ids", "customer_ref", F.lit(None).cast("string")),
    }
