"""What a shop's orders are usually worth, from a lake that has described its customers."""

from pyspark.sql import functions as F

from clarion.campaigns.decisions.scale import Baseline
from clarion.contracts.gold import CUSTOMER_DAYS
from clarion.kernel.errors import LakeError
from clarion.lake import Lake

DAYS = 28


def read_baseline(lake: Lake) -> Baseline:
    """Orders of known customers in the last 28 days with an order.

    Raises:
        LakeError: the lake has no days of customers, or no order.
    """
    fix = "run clarion run all on it first, as of a day with orders"
    if not lake.exists(CUSTOMER_DAYS):
        raise LakeError(
            "the lake does not say what orders are worth", found="no gold.customer_days", fix=fix
        )
    days = lake.read(CUSTOMER_DAYS)
    last = days.where("orders > 0").agg(F.max("day").alias("last"))
    per_buyer = (
        days.crossJoin(F.broadcast(last))
        .where(F.date_diff("last", "day") < DAYS)
        .groupBy("customer_id")
        .agg(F.sum("orders").alias("orders"), F.sum("amount").alias("amount"))
        .where("orders > 0")  # what was taken back is below zero in rows of its own
    )
    row = per_buyer.agg(
        F.sum("orders").alias("orders"),
        F.sum("amount").cast("double").alias("revenue"),
        F.count("*").alias("buyers"),
        F.count_if(F.col("orders") >= 2).alias("repeat"),
    ).first()
    if row is None or not row["buyers"]:
        raise LakeError("the lake has no orders of customers", found="none", fix=fix)
    revenue = float(row["revenue"])
    return Baseline(revenue / int(row["orders"]), revenue, int(row["buyers"]), int(row["repeat"]))
