"""Weekly series of the shop and of its market, a row per category and week on the driver."""

from collections.abc import Callable
from functools import partial

import pandas as pd
from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS, MARKET_POSITION, MESSAGES, PRODUCT_DAYS
from clarion.contracts.silver import PRODUCTS
from clarion.measures.columns.days import is_known_by
from clarion.prediction.drivers.relations import WeeklySeries
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope

_DAYS_OF_WEEK = 7


def weekly_series(scope: Scope, *, weeks: int) -> WeeklySeries:
    """The weeks before the as-of day, as they were known then.

    Args:
        scope: of a job that reads PRODUCT_DAYS, CUSTOMER_DAYS, MESSAGES, MARKET_POSITION and
            PRODUCTS.
        weeks: how many count; one more is read, which shows whether the oldest is whole.
    """
    reads: list[Callable[[], pd.DataFrame]] = [
        partial(_sales, scope, weeks),
        partial(_customers, scope, weeks),
        partial(_messages, scope, weeks),
        partial(_price_index, scope),
    ]
    return WeeklySeries(*scope.run_concurrently(reads))


def _week(day: str | Column, scope: Scope) -> Column:
    age = F.datediff(F.lit(scope.as_of), day) - 1
    return F.floor(age / _DAYS_OF_WEEK).cast("int")


def _sum(name: str) -> Column:
    return F.sum(F.col(name).cast("double")).alias(name)


def _sales(scope: Scope, weeks: int) -> pd.DataFrame:
    days = scope.facts(PRODUCT_DAYS).where(is_known_by(scope.as_of))
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    return (
        days.withColumn("week", _week("day", scope))
        .where(F.col("week") <= weeks)
        .join(products.select("product_id", "category"), "product_id", "left")
        .groupBy("category", "week")
        .agg(
            _sum("amount").alias("revenue"),
            _sum("quantity").alias("units"),
            *(_sum(name) for name in ("returned", "views", "cart_adds")),
        )
        .toPandas()
    )


def _customers(scope: Scope, weeks: int) -> pd.DataFrame:
    """A buyer of a week has an order of it that was not taken back."""
    days = scope.facts(CUSTOMER_DAYS).where(is_known_by(scope.as_of))
    return (
        days.withColumn("week", _week("day", scope))
        .where(F.col("week") <= weeks)
        .groupBy("week", "customer_id")
        .agg(*(_sum(name) for name in ("orders", "amount", "discount")))
        .groupBy("week")
        .agg(
            F.count_if(F.col("orders") > 0).cast("double").alias("buyers"),
            *(_sum(name) for name in ("orders", "amount", "discount")),
        )
        .toPandas()
    )


def _messages(scope: Scope, weeks: int) -> pd.DataFrame:
    """Messages go out on the day on which they are decided."""
    if not scope.exists(MESSAGES):
        return pd.DataFrame(columns=["week", "messages"])
    return (
        scope.earlier(MESSAGES)
        .where("state = 'sent'")
        .groupBy(_week("as_of", scope).alias("week"))
        .agg(F.count("*").cast("double").alias("messages"))
        .where(F.col("week") <= weeks)
        .toPandas()
    )


def _price_index(scope: Scope) -> pd.DataFrame:
    """The index over listings that were seen in both weeks."""
    if not scope.exists(MARKET_POSITION):
        return pd.DataFrame(columns=["category", "week", "price_index"])
    return (
        scope.current(MARKET_POSITION)
        .select("category", F.inline("history"))
        .select(
            "category",
            _week("day", scope).alias("week"),
            F.col("chained_index").alias("price_index"),
        )
        .toPandas()
    )
