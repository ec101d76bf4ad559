"""Consent as it stands: the last statement wins, and unset means no."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def consented(consents: DataFrame, *, purpose: str) -> DataFrame:
    """Customers whose last statement for a purpose grants it.

    A tie in time goes to the refusal.

    Args:
        consents: CONSENTS, known before the day in question.
        purpose: analytics or marketing.

    Returns:
        One row per consenting customer: customer_id, basis, channels (array; '*' for any).
    """
    last = F.max_by(F.struct("granted", "basis"), F.struct("at", ~F.col("granted")))
    return (
        consents.where(F.col("purpose") == purpose)
        .groupBy("customer_id", "channel")
        .agg(last.alias("state"))
        .where("state.granted")
        .groupBy("customer_id")
        .agg(
            F.min("state.basis").alias("basis"),
            F.sort_array(F.collect_set("channel")).alias("channels"),
        )
    )
