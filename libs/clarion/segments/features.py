"""What customers are compared by."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.kernel import sql
from clarion.measures.buckets import bucket


def inputs(described: DataFrame, expressions: Mapping[str, str]) -> DataFrame:
    """What a model compares.

    Args:
        described: customer_id and a column for each declared feature.
        expressions: SQL over those, by the name under which the model knows it.

    Returns:
        One row per customer: customer_id and a double for each expression, null where it is unknown.
    """
    return described.selectExpr("customer_id", *(f"CAST({value} AS double) AS {sql.name(name)}" for name, value in expressions.items()))


def sample(frame: DataFrame, *, at_most: int, customers: int) -> DataFrame:
    """At most so many customers, chosen by hash of their id, in one partition sorted by id.

    KMeans depends on how its rows are spread; this makes the fit the same for shuffled input and any partitioning.
    """
    share = min(1.0, at_most / max(customers, 1))
    return frame.where(bucket("segment-sample", "customer_id") < F.lit(int(share * 1_000_000))).repartition(1).sortWithinPartitions("customer_id")
