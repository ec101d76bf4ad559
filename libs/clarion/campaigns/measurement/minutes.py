"""What campaigns achieve, minute by minute."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live_campaigns import CAMPAIGN_AMOUNTS, CAMPAIGN_COUNTS, CAMPAIGN_MINUTES
from clarion.contracts.sources import MONEY


def campaign_minutes(messages: DataFrame, orders: DataFrame) -> DataFrame:
    """Figures of each minute in which something came back; their sums are the KPIs of a window.

    Each message counts in the minute in which it was delivered, in that of its first click, and in
    that of its first order.

    Args:
        messages: rows of `reached_messages`, with campaign_id, as_of and expected_cost.
        orders: rows of `orders_of_buyers`.

    Returns:
        CAMPAIGN_MINUTES.
    """
    of_campaign = messages.select("message_id", "campaign_id", "as_of")
    bought = orders.join(of_campaign, "message_id")
    first = bought.groupBy("message_id", "campaign_id", "as_of").agg(F.min("at").alias("at"))
    parts = [
        _part(messages, "delivered_at", delivered=F.lit(1), expected_cost=F.col("expected_cost")),
        _part(messages, "clicked_at", clickers=F.lit(1)),
        _part(first, "at", buyers=F.lit(1)),
        _part(bought, "at", orders=F.lit(1), revenue=F.col("amount")),
    ]
    sums = [F.sum(name).cast("bigint").alias(name) for name in CAMPAIGN_COUNTS]
    sums += [F.sum(name).cast(MONEY).alias(name) for name in CAMPAIGN_AMOUNTS]
    minutes = (
        reduce(DataFrame.unionByName, parts).groupBy("minute", "campaign_id", "as_of").agg(*sums)
    )
    return minutes.select(*CAMPAIGN_MINUTES.column_names)


def _part(rows: DataFrame, time: str, **figures: Column) -> DataFrame:
    """One kind of event, each with its minute; figures that are not given are 0."""
    return rows.where(F.col(time).isNotNull()).select(
        F.date_trunc("minute", time).alias("minute"),
        "campaign_id",
        "as_of",
        *(figures.get(name, F.lit(0)).cast("bigint").alias(name) for name in CAMPAIGN_COUNTS),
        *(figures.get(name, F.lit(0)).cast(MONEY).alias(name) for name in CAMPAIGN_AMOUNTS),
    )
