"""The market in the report: the shop's position, its competitors, and what moves with revenue."""

from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold.market import COMPETITORS, GREY_RELATIONS, MARKET_POSITION
from clarion.lake import Lake
from clarion.prediction.market.observed import ALL
from clarion.report.reads import of_day, rows_with_none

_LISTED = 12  # rows of a list


def market_frames(lake: Lake, as_of: date) -> dict[str, DataFrame]:
    """What the market was like on a day.

    Returns:
        market_position (MARKET_POSITION of all, and of the categories that warn or sell most
        listings), competitors (COMPETITORS of all categories), grey_relations (GREY_RELATIONS of
        the whole shop).
    """
    is_all = F.col("category") == ALL
    return {
        "market_position": of_day(lake, MARKET_POSITION, as_of)
        .orderBy(F.desc(is_all), F.desc("is_warning"), F.desc("listings"), "category")
        .limit(_LISTED)
        .drop("history"),
        "competitors": of_day(lake, COMPETITORS, as_of).where(is_all).orderBy("competitor"),
        "grey_relations": of_day(lake, GREY_RELATIONS, as_of)
        .where(is_all & F.col("grade").isNotNull())
        .orderBy("rank", "driver"),
    }


def market_context(
    position: pd.DataFrame, competitors: pd.DataFrame, relations: pd.DataFrame
) -> dict[str, Any]:
    """The market as the template is given it; a value that is not known becomes None."""
    return {
        "market_position": rows_with_none(position),
        "competitors": rows_with_none(competitors),
        "grey_relations": rows_with_none(relations),
    }
