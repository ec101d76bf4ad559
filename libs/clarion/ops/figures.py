"""What a person wants to see of a lake: small tables, read once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.core import Table
from clarion.contracts.gold import (
    ADJUSTMENTS,
    BUDGETS,
    CAMPAIGNS,
    CUSTOMER_PROFILES,
    FORECASTS,
    PRODUCT_NEIGHBOURS,
    PRODUCT_VECTORS,
    SEGMENT_MEMBERS,
    SEGMENTS,
    STRATEGIES,
    STRATEGY_KPIS,
)  # fmt: skip
from clarion.contracts.live import KPI_MINUTES, MARKET_ALERTS
from clarion.contracts.ops import BATCHES, TARGETS
from clarion.contracts.silver import QUARANTINE
from clarion.kernel.parallel import together
from clarion.lake import Lake
from clarion.products.neighbours import purity


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the summary and the report show, as small frames."""

    batches: pd.DataFrame
    reasons: pd.DataFrame
    segments: pd.DataFrame
    people: pd.DataFrame
    neighbours: pd.DataFrame
    purity: tuple[float, float] | None
    minutes: pd.DataFrame
    alerts: pd.DataFrame
    forecasts: pd.DataFrame
    campaigns: pd.DataFrame
    budgets: pd.DataFrame
    kpis: pd.DataFrame
    adjustments: pd.DataFrame
    strategies: pd.DataFrame
    targets: pd.DataFrame


def collect(lake: Lake, *, as_of: date) -> Figures:
    """Read what is shown of the last turn, and of the loop over all turns."""

    def today(table: Table) -> DataFrame:
        return lake.read(table).where(F.col("as_of") == F.lit(as_of))

    reasons = lake.read(QUARANTINE).select("kind", F.explode("reasons.rule").alias("rule")).groupBy("kind", "rule").count()
    people = (
        today(CUSTOMER_PROFILES)
        .join(today(SEGMENT_MEMBERS).select("customer_id", "segment_id"), "customer_id")
        .select("segment_id", "orders", F.col("monetary").cast("double").alias("monetary"), "recency_days")
        .where("orders > 0")
        .orderBy(F.xxhash64("customer_id"))
        .limit(1500)
    )
    titles = today(PRODUCT_VECTORS).select("product_id", "title", "category")
    first = [row["product_id"] for row in today(PRODUCT_NEIGHBOURS).select("product_id").distinct().orderBy(F.xxhash64("product_id")).limit(6).collect()]
    neighbours = (
        today(PRODUCT_NEIGHBOURS)
        .where(F.col("product_id").isin(first) & (F.col("rank") <= 3))
        .join(titles, "product_id")
        .join(
            titles.select(F.col("product_id").alias("neighbour_id"), F.col("title").alias("neighbour"), F.col("category").alias("its_category")),
            "neighbour_id",
        )
        .select("product_id", "title", "category", "rank", "neighbour", "its_category", "cosine")
        .orderBy("product_id", "rank")
    )
    # Each of some hundred rows.
    shown = {
        "batches": lake.read(BATCHES),
        "reasons": reasons.orderBy(F.col("count").desc(), "kind", "rule"),
        "segments": today(SEGMENTS).orderBy(F.col("revenue").desc()),
        "people": people,
        "neighbours": neighbours,
        "minutes": lake.read(KPI_MINUTES).orderBy("minute"),
        "alerts": lake.read(MARKET_ALERTS).orderBy("change", "alert_id").limit(10),
        "forecasts": today(FORECASTS).orderBy("series", "day"),
        "campaigns": today(CAMPAIGNS).orderBy(F.col("reach").desc(), "campaign_id"),
        "budgets": lake.read(BUDGETS).orderBy("as_of"),
        "kpis": lake.read(STRATEGY_KPIS).orderBy("as_of", "strategy_id"),
        "adjustments": lake.read(ADJUSTMENTS).orderBy("as_of", "strategy_id"),
        "strategies": lake.read(STRATEGIES).orderBy("as_of", "strategy_id"),
        "targets": today(TARGETS),
    }
    reads: list[Callable[[], Any]] = [partial(purity, today(PRODUCT_NEIGHBOURS), today(PRODUCT_VECTORS))]
    reads += [frame.toPandas for frame in shown.values()]
    return Figures(**dict(zip(("purity", *shown), together(reads), strict=True)))
