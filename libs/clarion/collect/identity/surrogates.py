"""From the shop's names for a customer to the surrogate that never changes."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def new_identities(names: DataFrame, *, namespace: str) -> DataFrame:
    """A surrogate for each name, as it is recorded when the name is first seen.

    The surrogate is a fingerprint of the name, so that the same files give the same surrogates in
    every lake. Once recorded it is looked up and never computed again.

    Args:
        names: ref (string), seen_at (timestamp); repeats and nulls allowed.
        namespace: who gives the names.

    Returns:
        IDENTITIES: one row per name.
    """
    return (
        names.where("ref IS NOT NULL")
        .groupBy("ref")
        .agg(F.min("seen_at").alias("first_seen_at"))
        .select(
            F.lit(namespace).alias("namespace"),
            "ref",
            surrogate(namespace, F.col("ref")).alias("customer_id"),
            "first_seen_at",
        )
    )


def surrogate(namespace: str, ref: Column) -> Column:
    """The surrogate of a name when it is first recorded.

    Args:
        namespace: who gives the name.
        ref: the name.
    """
    name = F.to_json(F.struct(F.lit(namespace).alias("namespace"), ref.alias("ref")))
    return F.substring(F.sha2(name, 256), 1, 24)
