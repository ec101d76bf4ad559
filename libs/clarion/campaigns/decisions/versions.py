"""Versions of strategies: one plan a group, whose lever moves only by an adjustment."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings


def next_versions(
    segments: DataFrame,
    earlier: DataFrame,
    adjustments: DataFrame,
    settings: StrategySettings,
    *,
    as_of: date,
) -> DataFrame:
    """The strategies of a day.

    A group without an earlier plan starts with version 1 and a lever of 1. An adjustment of the day that acts moves the
    lever and raises the version; otherwise the last plan goes on.

    Args:
        segments: SEGMENTS of the day.
        earlier: STRATEGIES of earlier days.
        adjustments: ADJUSTMENTS of the day.
        settings: targets.
        as_of: the day.

    Returns:
        STRATEGIES.
    """
    last = earlier.groupBy("strategy_id").agg(
        F.max_by(F.struct("version", "benefit"), "as_of").alias("last")
    )
    moved = adjustments.where("acted").select("strategy_id", "benefit_after", "reason")
    money = "decimal(18,4)"
    return (
        segments.select(
            "segment_id", "name_en", "name_zh", F.col("segment_id").alias("strategy_id")
        )
        .join(last, "strategy_id", "left")
        .join(moved, "strategy_id", "left")
        .select(
            F.lit(as_of).alias("as_of"),
            "strategy_id",
            (
                F.coalesce("last.version", F.lit(1))
                + F.when(F.col("benefit_after").isNotNull(), 1).otherwise(0)
            )
            .cast("int")
            .alias("version"),
            "segment_id",
            "name_en",
            "name_zh",
            F.coalesce("benefit_after", "last.benefit", F.lit(1.0)).alias("benefit"),
            F.lit(settings.target_ctr).alias("target_ctr"),
            F.lit(settings.target_cr).alias("target_cr"),
            F.lit(settings.target_apu).cast(money).alias("target_apu"),
            F.lit(settings.target_rpr).alias("target_rpr"),
            F.col("reason").alias("changed_because"),
        )
    )
