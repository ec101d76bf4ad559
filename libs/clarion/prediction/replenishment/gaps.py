"""Purchase days of customers by category, and the sums from which gaps are modelled."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import is_known_by, local_day
from clarion.prediction.replenishment.model import GAP_SHAPES

# Exposures within 20 % of each other are one group, and so are counts above 8.
_STEP = 0.2
_EXACT_COUNTS = 8


def purchase_days(
    order_lines: DataFrame, products: DataFrame, *, as_of: date, time_zone: str
) -> DataFrame:
    """The days on which each customer bought each category.

    Purchases of one day are one occasion. An order of which everything in the category was returned
    before the as-of day is none.

    Args:
        order_lines: ORDER_LINES.
        products: product_id, category; lines without a category do not count.
        as_of: first day that does not count, as a happening and as an arrival.
        time_zone: the shop's zone.

    Returns:
        One row per customer and category: customer_id, category, days (ascending numbers of days
        since 1970).
    """
    day = local_day("happened_at", time_zone)
    known_on = F.greatest(day, local_day("arrived_at", time_zone))
    is_sale = F.col("kind") == "sale"
    kept = F.when(is_sale, F.col("quantity")).otherwise(-F.col("quantity"))
    return (
        order_lines.where("customer_id IS NOT NULL AND kind IN ('sale', 'return')")
        .withColumns({"day": day, "known_on": known_on})
        .where(is_known_by(as_of))
        .join(F.broadcast(products.select("product_id", "category")), "product_id")
        .where("category IS NOT NULL")
        .groupBy("customer_id", "category", F.coalesce("order_id", "order_line_id"))
        .agg(F.sum(kept).alias("kept"), F.min(F.when(is_sale, F.col("day"))).alias("day"))
        .where("kept > 0 AND day IS NOT NULL")
        .groupBy("customer_id", "category")
        .agg(F.array_sort(F.collect_set(F.unix_date("day"))).alias("days"))
    )


def gaps_at(purchase_days: DataFrame, *, cut: date) -> DataFrame:
    """What was known of each customer and category when a day began.

    Args:
        purchase_days: as `purchase_days` returns them.
        cut: first day that does not count.

    Returns:
        The rows with a purchase before the cut, with gaps (days between purchases), repeats (their
        number), first and last (numbers of days), silence (days since the last purchase, until the
        middle of the day before the cut).
    """
    cut_number = F.unix_date(F.lit(cut))
    before = F.filter("days", lambda day: day < cut_number)
    count = F.size("before")
    later = F.slice("before", 2, F.greatest(count - 1, F.lit(0)))
    earlier = F.slice("before", 1, F.greatest(count - 1, F.lit(0)))
    return (
        purchase_days.withColumn("before", before)
        .where(count > 0)
        .select(
            *purchase_days.columns,
            F.zip_with(later, earlier, lambda one, other: one - other).alias("gaps"),
            (count - 1).alias("repeats"),
            F.element_at("before", 1).alias("first"),
            F.element_at("before", -1).alias("last"),
            (cut_number - F.element_at("before", -1) - F.lit(0.5)).alias("silence"),
        )
    )


def power_sum(gaps: str, shape: Column) -> Column:
    """The sum of gaps, each to the power of the shape."""
    return F.aggregate(gaps, F.lit(0.0), lambda total, gap: total + F.pow(gap, shape))


def grouped_gaps(gaps: DataFrame, *, cut: date) -> DataFrame:
    """The sums from which `fit_categories` fits: pairs of customer and category, grouped.

    Args:
        gaps: as `gaps_at` returns them.
        cut: the day of the gaps.

    Returns:
        One row per category, gap shape, count of repeats and step of exposure: category, shape,
        weight (pairs), repeats and exposure (their means), log_gaps (sum of the logarithms of
        gaps), age (most days since a first purchase).
    """
    by_shape = [
        F.struct(
            F.lit(shape).alias("shape"),
            (power_sum("gaps", F.lit(shape)) + F.pow("silence", F.lit(shape))).alias("exposure"),
        )
        for shape in GAP_SHAPES
    ]
    log_gaps = F.aggregate("gaps", F.lit(0.0), lambda total, gap: total + F.log(gap))
    is_exact = F.col("repeats") <= _EXACT_COUNTS
    count = F.when(is_exact, F.col("repeats")).otherwise(
        _EXACT_COUNTS + F.floor(F.log(F.col("repeats") / _EXACT_COUNTS) / _STEP) + 1
    )
    return (
        gaps.select(
            "category",
            "repeats",
            (F.unix_date(F.lit(cut)) - F.col("first")).alias("age"),
            log_gaps.alias("log_gaps"),
            F.inline(F.array(*by_shape)),
        )
        .groupBy("category", "shape", count, F.floor(F.log("exposure") / _STEP))
        .agg(
            F.count("*").alias("weight"),
            F.avg("repeats").alias("repeats"),
            F.avg("exposure").alias("exposure"),
            F.sum("log_gaps").alias("log_gaps"),
            F.max("age").alias("age"),
        )
        .select("category", "shape", "weight", "repeats", "exposure", "log_gaps", "age")
    )
