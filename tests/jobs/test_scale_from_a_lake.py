"""What orders are worth, read from a lake, for the configuration of a shop."""

from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import World

from clarion.kernel.errors import LakeError
from clarion.lake import Lake
from clarion.measures.columns.days import local_day
from clarion.onboarding.baseline import read_baseline


def test_order_value_and_buyers_are_those_of_the_last_four_weeks(world: World) -> None:
    baseline = read_baseline(world.lake)
    day = local_day("happened_at", world.settings["shop.time_zone"])
    invalid = world.read("silver.invalid_activity").select(
        F.col("record_id").alias("order_line_id")
    )
    counted = world.read("gold.customer_days").select("customer_id").distinct()
    sales = (
        world.read("silver.order_lines")
        .where("kind = 'sale'")
        .join(invalid, "order_line_id", "left_anti")
        .join(counted, "customer_id")
        .select("customer_id", "order_id", "amount", day.alias("day"))
        .toPandas()
    )
    sales = sales[sales["day"] > sales["day"].max() - timedelta(days=28)]
    per_buyer = sales.groupby("customer_id")["order_id"].nunique()
    assert baseline.revenue == pytest.approx(float(sales["amount"].sum()))
    assert baseline.order_value == pytest.approx(baseline.revenue / sales["order_id"].nunique())
    assert (baseline.buyers, baseline.repeat_buyers) == (len(per_buyer), (per_buyer >= 2).sum())
    assert baseline.repeat_buyers > 0


def test_a_lake_without_orders_says_what_to_do(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="clarion run all"):
        read_baseline(Lake(spark, str(tmp_path / "lake")))
