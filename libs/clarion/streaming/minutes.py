"""What happened in each minute; for streams and for batches."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def kpi_minutes(events: DataFrame) -> DataFrame:
    """Counts of events in each minute of event time.

    Args:
        events: event_ref (each once), happened_at, type, customer_ref, device_ref.

    Returns:
        KPI_MINUTES.
    """

    def count_of(type_: str) -> Column:
        return F.count_if(F.col("type") == type_)

    visitors = F.approx_count_distinct(F.coalesce("customer_ref", "device_ref"))
    return (
        events.groupBy(F.window("happened_at", "1 minute").alias("window"))
        .agg(
            F.count("*").alias("events"),
            count_of("view").alias("views"),
            count_of("search").alias("searches"),
            count_of("cart_add").alias("cart_adds"),
            count_of("checkout").alias("checkouts"),
            visitors.alias("visitors"),
        )
        .select(
            F.col("window.start").alias("minute"),
            "events",
            "views",
            "searches",
            "cart_adds",
            "checkouts",
            "visitors",
        )
    )
