"""Forecast daily revenue by category, with the model a rolling backtest chooses."""

import pandas as pd
from pyspark.sql import functions as F

from clarion.contracts.gold import FORECASTS, PRODUCT_DAYS
from clarion.contracts.silver import PRODUCTS
from clarion.forecast.model import forecast
from clarion.forecast.settings import ForecastSettings
from clarion.lake.checks import schema_of
from clarion.ops.job import Job, Params
from clarion.ops.scope import Scope
from clarion.profiles.transforms import current_products


def run(scope: Scope, params: Params) -> None:
    settings, as_of = scope.settings(ForecastSettings), scope.as_of
    days = scope.read(PRODUCT_DAYS).where((F.col("day") < F.lit(as_of)) & (F.col("known_on") < F.lit(as_of)))
    products = current_products(scope.read(PRODUCTS), as_of=as_of, time_zone=scope.time_zone).select("product_id", "category")
    sold = days.join(products, "product_id", "left").groupBy("category", "day").agg(F.sum("amount").cast("double").alias("revenue")).persist()
    try:
        largest = sold.where("category IS NOT NULL").groupBy("category").agg(F.sum("revenue").alias("total")).orderBy(F.col("total").desc(), "category")
        chosen = [row["category"] for row in largest.limit(settings.series).collect()]
        series = sold.where(F.col("category").isin(chosen)).select(F.col("category").alias("series"), "day", "revenue")
        total = sold.groupBy("day").agg(F.sum("revenue").alias("revenue")).select(F.lit("all").alias("series"), "day", "revenue")

        def each(history: pd.DataFrame) -> pd.DataFrame:
            found = forecast(history, as_of=as_of, settings=settings)
            return found if len(found) else pd.DataFrame(columns=list(FORECASTS.column_names))

        rows = series.unionByName(total).groupBy("series").applyInPandas(each, schema_of(FORECASTS))
        if not scope.replace(FORECASTS, rows):
            scope.note(f"nothing is forecast: the backtest needs {settings.folds * settings.horizon_days + 14} days")
    finally:
        sold.unpersist()


JOB = Job(
    name="forecast",
    summary=__doc__,
    reads=(PRODUCT_DAYS, PRODUCTS),
    writes=(FORECASTS,),
    settings=(ForecastSettings,),
    run=run,
)
