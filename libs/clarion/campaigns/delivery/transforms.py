"""From decisions to messages."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def messages(decisions: DataFrame, consents: DataFrame) -> DataFrame:
    """A message for each decision that sends one; withheld where consent has been withdrawn since.

    Args:
        decisions: DECISIONS of the day.
        consents: customer_id and channels of those who consent to marketing now.

    Returns:
        MESSAGES, none of them sent yet.
    """
    has_consent = F.array_contains("channels", "*") | F.array_contains("channels", F.col("channel"))
    state = F.when(F.coalesce(has_consent, F.lit(False)), "reserved").otherwise("withheld")
    day = F.col("as_of").cast("string")
    campaign_id = F.format_string("%s/%s/%s", day, "strategy_id", "action")
    return (
        decisions.where("action <> 'nothing'")
        .join(consents.select("customer_id", "channels"), "customer_id", "left")
        .select(
            F.substring(F.sha2(F.col("decision_id"), 256), 1, 32).alias("message_id"),
            "as_of",
            "decision_id",
            "customer_id",
            campaign_id.alias("campaign_id"),
            F.col("action").alias("offer_id"),
            "channel",
            "products",
            state.alias("state"),
            F.lit(None).cast("string").alias("file"),
        )
    )
