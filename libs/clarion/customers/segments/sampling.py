"""Who is looked at when a model is fitted."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.buckets import bucket


def fit_sample(frame: DataFrame, *, limit: int, customers: int) -> DataFrame:
    """At most so many customers, chosen by hash of their id, in one partition sorted by id.

    KMeans depends on how its rows are spread; this makes the fit the same for shuffled input and any partitioning.
    """
    share = min(1.0, limit / max(customers, 1))
    return (
        frame.where(bucket("segment-sample", "customer_id") < F.lit(int(share * 1_000_000)))
        .repartition(1)
        .sortWithinPartitions("customer_id")
    )
