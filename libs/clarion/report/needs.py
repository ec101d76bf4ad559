"""What customers need next in the report: how that is known, by category, and when it is due."""

from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold.needs import NEED_MODELS, NEEDS
from clarion.contracts.gold.replenishments import REPLENISHMENT_CALIBRATION, REPLENISHMENTS
from clarion.lake import Lake
from clarion.report.predictions import reliability_chart
from clarion.report.reads import of_day, rows_with_none

_LISTED = 12  # categories


def need_frames(lake: Lake, as_of: date) -> dict[str, DataFrame]:
    """The models of needs, and the categories that customers need next, of a day.

    Returns:
        need_models (NEED_MODELS), next_needs (category, customers whose likeliest one it is, mean
        probability), due_needs (category, customers, how many are due, soon and lapsed, usual gap),
        due_calibration (REPLENISHMENT_CALIBRATION).
    """
    states = [
        F.count_if(F.col("state") == state).alias(state) for state in ("due", "soon", "lapsed")
    ]
    return {
        "need_models": of_day(lake, NEED_MODELS, as_of).orderBy("place"),
        "next_needs": of_day(lake, NEEDS, as_of)
        .where("rank = 1")
        .groupBy("category")
        .agg(F.count("*").alias("customers"), F.avg("probability").alias("probability"))
        .orderBy(F.desc("customers"), "category")
        .limit(_LISTED),
        "due_needs": of_day(lake, REPLENISHMENTS, as_of)
        .groupBy("category")
        .agg(
            F.count("*").alias("customers"),
            *states,
            F.median("usual_gap_days").alias("usual_gap_days"),
        )
        .orderBy(F.desc("due"), F.desc("soon"), "category")
        .limit(_LISTED),
        "due_calibration": of_day(lake, REPLENISHMENT_CALIBRATION, as_of).orderBy(
            "horizon_days", "decile"
        ),
    }


def need_context(
    models: pd.DataFrame, next_needs: pd.DataFrame, due_needs: pd.DataFrame
) -> dict[str, Any]:
    """The needs as the template is given them; a value that is not known becomes None."""
    return {
        "need_models": rows_with_none(models),
        "next_needs": rows_with_none(next_needs),
        "due_needs": rows_with_none(due_needs),
    }


def due_chart(calibration: pd.DataFrame) -> go.Figure | None:
    """Predicted against true shares of purchases, by tenths of the predictions.

    Args:
        calibration: due_calibration.
    """
    return reliability_chart(
        {
            f"within {days} days": (rows["predicted"].tolist(), rows["bought_share"].tolist())
            for days, rows in calibration.groupby("horizon_days")
        }
    )
