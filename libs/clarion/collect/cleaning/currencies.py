"""Amounts in the shop's own currency, at the rate of the day."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.core import Column
from clarion.measures.columns.days import local_day

_NAMED_CURRENCIES = 5  # that a message names, those with most rows first
RATE_VALID_DAYS = 7  # banks publish no rates on holidays; an older rate is not used


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountSpec:
    """Which amounts are converted, and at the rates of which day.

    Args:
        money: columns that hold amounts.
        time: column with the time of the fact.
        rates_on: day whose rates count for every row, such as a price list's; None for the day of
            each fact.
        currency: the shop's currency.
        time_zone: the shop's time zone.
    """

    money: tuple[Column, ...]
    time: str
    rates_on: date | None
    currency: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class RowsWithoutRate:
    """Facts that no amount counts of, since their currency has no rate on their day.

    Args:
        rows: their number.
        currencies: the five currencies with most of them, each with its number of rows.
    """

    rows: int
    currencies: tuple[tuple[str, int], ...]

    def message(self, table: str) -> str:
        """What a person should know of it.

        Args:
            table: name of the table that has the rows.
        """
        named = ", ".join(f"{currency} ({rows:,})" for currency, rows in self.currencies)
        return (
            f"{self.rows:,} rows of {table} are left out: no exchange rate of their day for {named}"
            "; deliver the rates through a source of the kind 'rates'"
        )


def daily_rates(rates: DataFrame, *, time_zone: str) -> DataFrame:
    """The rate of each currency on each day.

    It is the day's last rate, or else that of at most six days before.

    Args:
        rates: RATES that had arrived.
        time_zone: the shop's time zone.

    Returns:
        One row per currency and day: currency, day, rate.
    """
    published = rates.groupBy("currency", local_day("at", time_zone).alias("from_day")).agg(
        F.max_by("rate", F.struct("at", "arrived_at")).alias("rate")
    )
    valid_days = F.sequence("from_day", F.date_add("from_day", RATE_VALID_DAYS - 1))
    valid = published.withColumn("day", F.explode(valid_days))
    return valid.groupBy("currency", "day").agg(F.max_by("rate", "from_day").alias("rate"))


def convert_amounts(facts: DataFrame, rates: DataFrame | None, spec: AmountSpec) -> DataFrame:
    """The facts with their amounts in the shop's currency.

    Facts in a currency that has no rate on their day are left out; `count_without_rate` counts
    them. A fact without an amount needs no rate.

    Args:
        facts: facts with a currency; null stands for the shop's.
        rates: `daily_rates`; None where the shop has none.
        spec: which amounts are converted.
    """
    needs_no_rate = _needs_no_rate(spec)
    if rates is None:
        return facts.where(needs_no_rate)
    amounts = {
        column.name: F.when(needs_no_rate, F.col(column.name)).otherwise(
            (F.col(column.name) * F.col("_rate")).cast(column.type)
        )
        for column in spec.money
    }
    return (
        _with_rate(facts, rates, spec)
        .where(needs_no_rate | F.col("_rate").isNotNull())
        .withColumns({**amounts, "currency": F.lit(spec.currency)})
        .select(*facts.columns)
    )


def count_without_rate(facts: DataFrame, rates: DataFrame | None, spec: AmountSpec) -> DataFrame:
    """How many facts `convert_amounts` leaves out.

    Args:
        facts: facts with a currency; null stands for the shop's.
        rates: `daily_rates`; None where the shop has none.
        spec: which amounts are converted.

    Returns:
        One row: rows, and currencies (array of rows and currency, the five with most rows).
    """
    foreign = facts.where(~_needs_no_rate(spec))
    left_out = foreign
    if rates is not None:
        left_out = _with_rate(foreign, rates, spec).where("_rate IS NULL")
    by_currency = F.sort_array(F.collect_list(F.struct("rows", "currency")), asc=False)
    return (
        left_out.groupBy("currency")
        .agg(F.count("*").alias("rows"))
        .agg(
            F.coalesce(F.sum("rows"), F.lit(0)).alias("rows"),
            F.slice(by_currency, 1, _NAMED_CURRENCIES).alias("currencies"),
        )
    )


def _needs_no_rate(spec: AmountSpec) -> SparkColumn:
    """Whether a fact is in the shop's own currency, or states no amount."""
    is_own = F.coalesce("currency", F.lit(spec.currency)) == F.lit(spec.currency)
    return is_own | F.coalesce(*(column.name for column in spec.money)).isNull()


def _with_rate(facts: DataFrame, rates: DataFrame, spec: AmountSpec) -> DataFrame:
    """The facts with `_rate`; null where a fact needs none, and where there is none."""
    day = F.lit(spec.rates_on) if spec.rates_on else local_day(spec.time, spec.time_zone)
    renamed = rates.select(
        F.col("currency").alias("_currency"),
        F.col("day").alias("_day"),
        F.col("rate").alias("_rate"),
    )
    has_rate = (
        (F.col("currency") == F.col("_currency")) & (day == F.col("_day")) & ~_needs_no_rate(spec)
    )
    return facts.join(F.broadcast(renamed), has_rate, "left")
