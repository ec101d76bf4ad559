"""Versions of strategies: one plan per group; only an adjustment changes its multiplier."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.contracts.sources import MONEY


def next_versions(
    segments: DataFrame,
    earlier: DataFrame,
    adjustments: DataFrame,
    settings: StrategySettings,
    *,
    as_of: date,
) -> DataFrame:
    """The strategies of a day.

    A group without an earlier plan starts with version 1 and a benefit multiplier of 1. An
    adjustment of the day that acts changes the multiplier and raises the version; otherwise the
    last plan continues.

    Args:
        segments: SEGMENTS of the day.
        earlier: STRATEGIES of earlier days.
        adjustments: ADJUSTMENTS of the day.
        settings: targets.
        as_of: the day.

    Returns:
        STRATEGIES.
    """
    latest_plans = earlier.groupBy("strategy_id").agg(
        F.max_by(F.struct("version", "benefit"), "as_of").alias("last")
    )
    changes = adjustments.where("acted").select("strategy_id", "benefit_after", "reason")
    has_change = F.col("benefit_after").isNotNull()
    version = F.coalesce("last.version", F.lit(1)) + F.when(has_change, 1).otherwise(0)
    return (
        segments.select(
            "segment_id", "name_en", "name_zh", F.col("segment_id").alias("strategy_id")
        )
        .join(latest_plans, "strategy_id", "left")
        .join(changes, "strategy_id", "left")
        .select(
            F.lit(as_of).alias("as_of"),
            "strategy_id",
            version.cast("int").alias("version"),
            "segment_id",
            "name_en",
            "name_zh",
            F.coalesce("benefit_after", "last.benefit", F.lit(1.0)).alias("benefit"),
            F.lit(settings.target_ctr).alias("target_ctr"),
            F.lit(settings.target_cr).alias("target_cr"),
            F.lit(settings.target_apu).cast(MONEY).alias("target_apu"),
            F.lit(settings.target_rpr).alias("target_rpr"),
            F.col("reason").alias("changed_because"),
        )
    )
