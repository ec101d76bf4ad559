"""Forecast daily revenue by category, with the model that a rolling backtest chooses."""

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import FORECASTS, PRODUCT_DAYS
from clarion.contracts.silver import PRODUCTS
from clarion.measures.columns.days import is_known_by
from clarion.prediction.sales.model import forecast_series, needed_days
from clarion.prediction.sales.settings import ForecastSettings
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Write the forecasts of the day."""
    settings = scope.settings(ForecastSettings)
    revenue = scope.persist(_daily_revenue(scope))
    # Few series, one row per day: starting Python workers would take longer than the models do.
    histories = _series(revenue, largest=settings.series).orderBy("series", "day").toPandas()
    forecasts = [
        forecast_series(history, as_of=scope.as_of, settings=settings)
        for _, history in histories.groupby("series")
    ]
    forecasts = [rows for rows in forecasts if len(rows)]
    if not forecasts:
        scope.note(f"nothing is forecast: the backtest needs {needed_days(settings)} days")
        scope.replace(FORECASTS, scope.empty(FORECASTS))
        return
    scope.replace(FORECASTS, scope.spark.createDataFrame(pd.concat(forecasts), FORECASTS.ddl))


def _daily_revenue(scope: Scope) -> DataFrame:
    """Revenue by category and day, as known before the as-of day."""
    product_days = scope.facts(PRODUCT_DAYS).where(is_known_by(scope.as_of))
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    return (
        product_days.join(products.select("product_id", "category"), "product_id", "left")
        .groupBy("category", "day")
        .agg(F.sum("amount").cast("double").alias("revenue"))
    )


def _series(revenue: DataFrame, *, largest: int) -> DataFrame:
    """The largest categories and the total: series, day, revenue."""
    largest_categories = (
        revenue.where("category IS NOT NULL")
        .groupBy("category")
        .agg(F.sum("revenue").alias("total"))
        .orderBy(F.col("total").desc(), "category")
        .limit(largest)
        .select("category")
    )
    by_category = revenue.join(F.broadcast(largest_categories), "category", "left_semi").select(
        F.col("category").alias("series"), "day", "revenue"
    )
    total = revenue.groupBy("day").agg(F.sum("revenue").alias("revenue"))
    return by_category.unionByName(total.select(F.lit("all").alias("series"), "day", "revenue"))


JOB = Job(
    name="forecast",
    summary=__doc__,
    reads=(PRODUCT_DAYS, PRODUCTS),
    writes=(FORECASTS,),
    purpose="analytics",
    settings=(ForecastSettings,),
    run=run,
)
