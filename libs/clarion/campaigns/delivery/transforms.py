"""From decisions to messages."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.consents import consents_to_channel


def messages(decisions: DataFrame, consents: DataFrame) -> DataFrame:
    """A message for each decision that sends one; withheld where consent has been withdrawn since.

    Args:
        decisions: DECISIONS of the day.
        consents: customer_id and channels of those who consent to marketing now.

    Returns:
        MESSAGES, none of them sent yet.
    """
    day = F.col("as_of").cast("string")
    campaign_id = F.format_string("%s/%s/%s", day, "strategy_id", "action")
    planned = decisions.where("action <> 'nothing'").select(
        F.substring(F.sha2(F.col("decision_id"), 256), 1, 32).alias("message_id"),
        "as_of",
        "decision_id",
        "customer_id",
        campaign_id.alias("campaign_id"),
        F.col("action").alias("offer_id"),
        "channel",
        "products",
        F.lit("reserved").alias("state"),
        F.lit(None).cast("string").alias("file"),
    )
    return with_consent_state(planned, consents)


def with_consent_state(messages: DataFrame, consents: DataFrame) -> DataFrame:
    """Messages that are not sent yet, each reserved or withheld.

    Args:
        messages: MESSAGES.
        consents: customer_id and channels of those who consent to marketing now.

    Returns:
        The messages, withheld where the customer does not consent on the message's channel.
    """
    state = F.when(consents_to_channel("channel"), "reserved").otherwise("withheld")
    return (
        messages.join(consents.select("customer_id", "channels"), "customer_id", "left")
        .withColumn("state", state)
        .select(*messages.columns)
    )
