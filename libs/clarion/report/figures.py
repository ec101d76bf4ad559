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
    CUSTOMER_FEATURES,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    FORECASTS,
    PRODUCT_NEIGHBOURS,
    PRODUCT_VECTORS,
    SEGMENT_FLOWS,
    SEGMENT_MEMBERS,
    SEGMENT_MODELS,
    SEGMENTS,
    STRATEGIES,
    STRATEGY_KPIS,
    TAGS,
)  # fmt: skip
from clarion.contracts.live import KPI_MINUTES, MARKET_ALERTS
from clarion.contracts.ops import BATCHES, TARGETS
from clarion.contracts.silver import QUARANTINE
from clarion.customers.features.transforms import model_inputs
from clarion.kernel.expressions import names
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.products.similarity.neighbours import purity


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the summary and the report show, as small frames."""

    batches: pd.DataFrame
    reasons: pd.DataFrame
    segments: pd.DataFrame
    people: pd.DataFrame
    compared: pd.DataFrame
    flows: pd.DataFrame
    tags: pd.DataFrame
    group_tags: pd.DataFrame
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

    reasons = (
        lake.read(QUARANTINE)
        .select("kind", F.explode("reasons.rule").alias("rule"))
        .groupBy("kind", "rule")
        .count()
    )
    members = today(SEGMENT_MEMBERS).select("customer_id", "segment_id")
    people = (
        today(CUSTOMER_PROFILES)
        .join(members, "customer_id")
        .select(
            "segment_id",
            "orders",
            F.col("monetary").cast("double").alias("monetary"),
            "recency_days",
        )
        .where("orders > 0")
        .orderBy(F.xxhash64("customer_id"))
        .limit(1500)
    )
    titles = today(PRODUCT_VECTORS).select("product_id", "title", "category")
    first = [
        row["product_id"]
        for row in today(PRODUCT_NEIGHBOURS)
        .select("product_id")
        .distinct()
        .orderBy(F.xxhash64("product_id"))
        .limit(6)
        .collect()
    ]
    neighbours = (
        today(PRODUCT_NEIGHBOURS)
        .where(F.col("product_id").isin(first) & (F.col("rank") <= 3))
        .join(titles, "product_id")
        .join(
            titles.select(
                F.col("product_id").alias("neighbour_id"),
                F.col("title").alias("neighbour"),
                F.col("category").alias("its_category"),
            ),
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
        "compared": _compared(lake, today(CUSTOMER_FEATURES), members, as_of).limit(1500),
        "flows": today(SEGMENT_FLOWS).orderBy("from_segment", "to_segment"),
        "tags": today(TAGS).orderBy("tag"),
        "group_tags": today(CUSTOMER_TAGS)
        .select("customer_id", F.explode("tags.tag").alias("tag"))
        .join(members, "customer_id")
        .groupBy("segment_id", "tag")
        .count(),
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
    reads: list[Callable[[], Any]] = [
        partial(purity, today(PRODUCT_NEIGHBOURS), today(PRODUCT_VECTORS))
    ]
    reads += [frame.toPandas for frame in shown.values()]
    return Figures(**dict(zip(("purity", *shown), run_concurrently(reads), strict=True)))


def _compared(lake: Lake, described: DataFrame, members: DataFrame, as_of: date) -> DataFrame:
    """What the model of groups compares, of customers in an order that is neither their names' nor their groups': segment_id and each feature."""
    model = (
        lake.read(SEGMENT_MODELS).where(F.col("as_of") == F.lit(as_of)).select("features").first()
    )
    expressions: dict[str, str] = dict(model["features"]) if model else {}
    known = dict.fromkeys(name for text in expressions.values() for name in names(text))
    wide = described.select("customer_id", *(F.col("values")[name].alias(name) for name in known))
    return (
        model_inputs(wide, expressions)
        .join(members, "customer_id")
        .orderBy(F.xxhash64("customer_id"))
        .drop("customer_id")
    )
