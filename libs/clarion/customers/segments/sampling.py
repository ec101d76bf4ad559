"""The sample of customers that a model is fitted on."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.buckets import MILLION, bucket


def fit_sample(frame: DataFrame, *, limit: int, customers: int) -> DataFrame:
    """At most `limit` customers, chosen by hash of their id, in one partition sorted by id.

    KMeans depends on the order and spread of its rows. One sorted partition gives the same fit for
    shuffled input and any partitioning.

    Args:
        frame: customer_id and any columns, one row per customer.
        limit: largest expected size of the sample.
        customers: rows of the frame.
    """
    share = min(1.0, limit / max(customers, 1))
    return (
        frame.where(bucket("segment-sample", "customer_id") < F.lit(int(share * MILLION)))
        .repartition(1)
        .sortWithinPartitions("customer_id")
    )
