"""Amounts in the shop's own currency, by the rate of the day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.core import Column
from clarion.measures.columns.days import local_day

HOLDS_DAYS = 7  # banks publish no rates on holidays; an older rate is none


def daily(rates: DataFrame, *, time_zone: str) -> DataFrame:
    """The rate of each currency on each day: the day's last, or that of at most six days before.

    Args:
        rates: RATES that were known.
        time_zone: the shop's.

    Returns:
        One row per currency and day: currency, day, rate.
    """
    stated = rates.groupBy("currency", local_day("at", time_zone).alias("from_day")).agg(
        F.max_by("rate", F.struct("at", "arrived_at")).alias("rate")
    )
    held = stated.withColumn(
        "day", F.explode(F.sequence("from_day", F.date_add("from_day", HOLDS_DAYS - 1)))
    )
    return held.groupBy("currency", "day").agg(F.max_by("rate", "from_day").alias("rate"))


def converted(
    frame: DataFrame,
    of_day: DataFrame | None,
    *,
    money: tuple[Column, ...],
    time: str,
    on: date | None,
    currency: str,
    time_zone: str,
) -> DataFrame:
    """The rows with their amounts in the shop's currency; rows in a currency that has no rate on their day are left out.

    Args:
        frame: facts with a currency; none stated means the shop's.
        of_day: rates by currency and day; None where the shop has none.
        money: columns that hold amounts.
        time: column that says when the fact was.
        on: day whose rates count for every row, such as a price list's; None for the day of each.
        currency: the shop's.
        time_zone: the shop's.
    """
    own = F.coalesce("currency", F.lit(currency)) == F.lit(currency)
    if of_day is None:
        return frame.where(own)
    day = F.lit(on) if on else local_day(time, time_zone)
    rate = of_day.select(
        F.col("currency").alias("_currency"),
        F.col("day").alias("_day"),
        F.col("rate").alias("_rate"),
    )
    joined = frame.join(
        F.broadcast(rate),
        (F.col("currency") == F.col("_currency")) & (day == F.col("_day")) & ~own,
        "left",
    )
    amounts = {
        column.name: F.when(own, F.col(column.name)).otherwise(
            (F.col(column.name) * F.col("_rate")).cast(column.type)
        )
        for column in money
    }
    return (
        joined.where(own | F.col("_rate").isNotNull())
        .withColumns({**amounts, "currency": F.lit(currency)})
        .select(*frame.columns)
    )
