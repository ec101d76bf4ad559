"""Daily series of a shop, and their models run by Spark's workers where there are many."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.contracts.gold import PRODUCT_DAYS
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.measures.columns.days import is_known_by, local_day
from clarion.prediction.sales.local import local_forecasts
from clarion.prediction.sales.model import LocalForecasts, LocalTask, RunLocal, one_by_one
from clarion.prediction.sales.panel import ALL, OTHER
from clarion.prediction.sales.settings import ForecastSettings
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope

_KEYS = ("level", "series", "day")
_SUMS = ("revenue", "units", "orders", "buyers", "views")
_BLOCKS = 64  # groups of series, each an Arrow table
_FORECAST_SCHEMA = "row int, model string, expected array<double>"


def daily_series(scope: Scope, settings: ForecastSettings) -> pd.DataFrame:
    """The largest series of each level and the total, as known before the as-of day.

    Revenue and units of all, of categories, brands and channels; orders, buyers and views of all.

    Returns:
        measure, level, series, day, value, and price (paid for a unit).
    """
    sums = _product_sums(scope, settings).unionByName(
        _order_sums(scope, settings), allowMissingColumns=True
    )
    return long_series(sums.toPandas(), largest=settings.series)


def long_series(sums: pd.DataFrame, *, largest: int) -> pd.DataFrame:
    """One row for each measure, series and day; the smaller series of a level are summed.

    Args:
        sums: level, series, day, revenue, units, orders, buyers, views; what a row does not state
            is not a number.
        largest: series of a level that stay, by revenue.

    Returns:
        measure, level, series, day, value, price.
    """
    sums = sums.astype(dict.fromkeys(_SUMS, "float64"))
    revenue = sums.groupby(["level", "series"], dropna=False)["revenue"].sum().reset_index()
    revenue = revenue[revenue["series"].notna()]
    revenue = revenue.sort_values(["level", "revenue", "series"], ascending=[True, False, True])
    kept = revenue.groupby("level").head(largest).set_index(["level", "series"]).index
    is_kept = pd.MultiIndex.from_frame(sums[["level", "series"]]).isin(kept)
    sums = sums.assign(series=sums["series"].where(is_kept, OTHER))
    by_day = sums.groupby(list(_KEYS))[list(_SUMS)].sum(min_count=1).reset_index()
    is_sold = by_day["units"] > 0
    by_day["price"] = (by_day["revenue"] / by_day["units"].where(is_sold)).where(is_sold)
    long = by_day.melt(
        [*_KEYS, "price"], value_vars=list(_SUMS), var_name="measure", value_name="value"
    ).dropna(subset=["value"])
    is_total_only = long["measure"].isin(("orders", "buyers", "views"))
    long = long[~is_total_only | (long["level"] == ALL)]
    return long[["measure", *_KEYS, "value", "price"]]


def local_runner(scope: Scope, settings: ForecastSettings) -> RunLocal:
    """Runs models of single series here where there are few, by Spark's workers where many."""

    def run(tasks: Sequence[LocalTask], cuts: Sequence[int], horizon: int) -> list[LocalForecasts]:
        # Starting Python workers takes longer than the models of some hundred series do.
        if len(tasks) < settings.workers_from:
            return one_by_one(tasks, cuts, horizon)
        return by_workers(scope.spark, tasks, cuts, horizon)

    return run


def by_workers(
    spark: SparkSession, tasks: Sequence[LocalTask], cuts: Sequence[int], horizon: int
) -> list[LocalForecasts]:
    """The forecasts of each task, by Spark's workers: a group of tasks is an Arrow table."""
    rows = pd.DataFrame(
        {
            "block": [row % _BLOCKS for row in range(len(tasks))],
            "row": range(len(tasks)),
            "names": [list(task.names) for task in tasks],
            "values": [task.values.tolist() for task in tasks],
        }
    )
    schema = "block int, row int, names array<string>, values array<double>"
    frame = spark.createDataFrame(rows, schema)
    forecasts = frame.groupBy("block").applyInArrow(
        _forecast_block(tuple(cuts), horizon), _FORECAST_SCHEMA
    )
    found: list[LocalForecasts] = [{} for _ in tasks]
    for row, model, expected in forecasts.toPandas().itertuples(index=False):
        found[row][model] = np.asarray(expected, dtype=np.float64).reshape(len(cuts), horizon)
    return [
        {name: of_task[name] for name in task.names}
        for task, of_task in zip(tasks, found, strict=True)
    ]


def _forecast_block(cuts: tuple[int, ...], horizon: int) -> Callable[[pa.Table], pa.Table]:
    def forecast(block: pa.Table) -> pa.Table:
        found: dict[str, list[Any]] = {"row": [], "model": [], "expected": []}
        for task in block.to_pylist():
            values = np.array(task["values"], dtype=np.float64)
            forecasts = local_forecasts(values, cuts=cuts, names=task["names"], horizon=horizon)
            for name, expected in forecasts.items():
                found["row"].append(task["row"])
                found["model"].append(name)
                found["expected"].append(expected.reshape(-1).tolist())
        types = [("row", pa.int32()), ("model", pa.string()), ("expected", pa.list_(pa.float64()))]
        return pa.table(found, schema=pa.schema(types))

    return forecast


def _product_sums(scope: Scope, settings: ForecastSettings) -> DataFrame:
    """Of all, and of each category and brand: revenue, units, and views of all."""
    since = scope.as_of - timedelta(days=settings.history_days)
    product_days = scope.facts(PRODUCT_DAYS).where(
        is_known_by(scope.as_of) & (F.col("day") >= F.lit(since))
    )
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    # One sum by category and brand, and from it the levels: the days of products are read once.
    by_both = (
        product_days.join(products.select("product_id", "category", "brand"), "product_id", "left")
        .groupBy("category", "brand", "day")
        .agg(
            F.sum("amount").cast("double").alias("revenue"),
            F.sum("quantity").cast("double").alias("units"),
            F.sum("views").cast("double").alias("views"),
        )
    )
    levels = F.array(
        F.struct(F.lit(ALL).alias("level"), F.lit(ALL).alias("series")),
        *(
            F.struct(F.lit(level).alias("level"), F.col(level).alias("series"))
            for level in ("category", "brand")
        ),
    )
    return (
        by_both.select("day", "revenue", "units", "views", F.inline(levels))
        .groupBy(*_KEYS)
        .agg(*(F.sum(name).alias(name) for name in ("revenue", "units", "views")))
    )


def _order_sums(scope: Scope, settings: ForecastSettings) -> DataFrame:
    """Of each channel: revenue and units. Of all: orders, and customers who bought."""
    sales = scope.facts_within(ORDER_LINES, settings.history_days).where("kind = 'sale'")
    orders = sales.groupBy(
        "channel", "order_id", "customer_id", local_day("happened_at", scope.time_zone).alias("day")
    ).agg(
        F.sum("amount").cast("double").alias("revenue"),
        F.sum("quantity").cast("double").alias("units"),
    )
    levels = F.array(
        F.struct(F.lit(ALL).alias("level"), F.lit(ALL).alias("series")),
        F.struct(F.lit("channel").alias("level"), F.col("channel").alias("series")),
    )
    is_total = F.col("level") == ALL
    return (
        orders.select("*", F.inline(levels))
        .groupBy(*_KEYS)
        .agg(
            *(F.sum(F.when(~is_total, F.col(name))).alias(name) for name in ("revenue", "units")),
            *(
                F.count_distinct(F.when(is_total, F.col(name))).cast("double").alias(count)
                for name, count in (("order_id", "orders"), ("customer_id", "buyers"))
            ),
        )
    )
