"""Consent in force: the last statement wins, and no statement means no."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def consenting_customers(consents: DataFrame, *, purpose: str) -> DataFrame:
    """Customers whose last statement for a purpose grants it.

    A tie in time goes to the refusal.

    Args:
        consents: CONSENTS that had arrived before the day in question.
        purpose: collection, analytics or marketing.

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
