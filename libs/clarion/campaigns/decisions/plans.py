"""What a day plans: its campaigns by strategy and offer."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import Catalogue

_KEYS = ("strategy_id", "strategy_version", "offer_id")
_OFFER_COLUMNS = (
    "offer_id string, offer_name_en string, offer_name_zh string, channel string, "
    "public_rule string"
)


def campaigns(
    decisions: DataFrame, offers: Catalogue, *, as_of: date, window_days: int
) -> DataFrame:
    """The campaigns of a day, by strategy and offer.

    Args:
        decisions: DECISIONS of the day.
        offers: the catalogue.
        as_of: first day of the campaigns.
        window_days: how long they run.

    Returns:
        CAMPAIGNS.
    """
    offer_rows = [
        (offer.id, offer.name.en, offer.name.zh, offer.channel, offer.public_rule)
        for offer in offers.offers
    ]
    catalogue = decisions.sparkSession.createDataFrame(offer_rows, _OFFER_COLUMNS)
    action = F.explode("eligible_actions.action").alias("offer_id")
    eligible = (
        decisions.select("strategy_id", "strategy_version", action)
        .groupBy(*_KEYS)
        .agg(F.count("*").alias("eligible"))
    )
    reach = (
        decisions.withColumnRenamed("action", "offer_id")
        .groupBy(*_KEYS)
        .agg(
            F.count("*").alias("reach"),
            F.sum("expected_cost").cast("decimal(18,4)").alias("expected_cost"),
            F.round(F.sum("expected_value"), 6).alias("expected_value"),
        )
    )
    day = F.lit(as_of)
    campaign_id = F.format_string("%s/%s/%s", day.cast("string"), "strategy_id", "offer_id")
    return (
        reach.join(eligible, list(_KEYS))
        .join(F.broadcast(catalogue), "offer_id")
        .select(
            day.alias("as_of"),
            campaign_id.alias("campaign_id"),
            *_KEYS,
            "offer_name_en",
            "offer_name_zh",
            "channel",
            "public_rule",
            day.alias("starts_on"),
            F.date_add(day, window_days).alias("ends_on"),
            "eligible",
            "reach",
            "expected_cost",
            "expected_value",
        )
    )
