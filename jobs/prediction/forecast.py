"""Forecast daily revenue by category, with the model a rolling backtest chooses."""

import pandas as pd
from pyspark.sql import functions as F

from clarion.contracts.gold import FORECASTS, PRODUCT_DAYS
from clarion.contracts.silver import PRODUCTS
from clarion.prediction.sales.model import forecast
from clarion.prediction.sales.settings import ForecastSettings
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    settings, as_of = scope.settings(ForecastSettings), scope.as_of
    days = scope.facts(PRODUCT_DAYS).where(
        (F.col("day") < F.lit(as_of)) & (F.col("known_on") < F.lit(as_of))
    )
    products = current_products(
        scope.facts(PRODUCTS), as_of=as_of, time_zone=scope.time_zone
    ).select("product_id", "category")
    by_category = days.join(products, "product_id", "left").groupBy("category", "day")
    sold = scope.persist(by_category.agg(F.sum("amount").cast("double").alias("revenue")))
    largest = (
        sold.where("category IS NOT NULL")
        .groupBy("category")
        .agg(F.sum("revenue").alias("total"))
        .orderBy(F.col("total").desc(), "category")
    )
    chosen = largest.limit(settings.series).select("category")
    series = sold.join(F.broadcast(chosen), "category", "left_semi").select(
        F.col("category").alias("series"), "day", "revenue"
    )
    total = (
        sold.groupBy("day")
        .agg(F.sum("revenue").alias("revenue"))
        .select(F.lit("all").alias("series"), "day", "revenue")
    )
    # Few series by the settings' limit, a row a day: a Python worker's start on the cluster would cost more than the models do.
    histories = series.unionByName(total).orderBy("series", "day").toPandas().groupby("series")
    found = [
        frame
        for _, history in histories
        if len(frame := forecast(history, as_of=as_of, settings=settings))
    ]
    if not found:
        scope.note(
            f"nothing is forecast: the backtest needs {settings.folds * settings.horizon_days + 14} days"
        )
    rows = (
        scope.spark.createDataFrame(pd.concat(found), FORECASTS.ddl)
        if found
        else scope.empty(FORECASTS)
    )
    scope.replace(FORECASTS, rows)


JOB = Job(
    name="forecast",
    summary=__doc__,
    reads=(PRODUCT_DAYS, PRODUCTS),
    writes=(FORECASTS,),
    purpose="analytics",
    settings=(ForecastSettings,),
    run=run,
)
