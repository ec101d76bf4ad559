"""What customers are compared by."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.buckets import bucket


def _log(name: str) -> Column:
    return F.log1p(F.greatest(F.coalesce(F.col(name).cast("double"), F.lit(0.0)), F.lit(0.0)))


def feature_columns(*, window_days: int) -> dict[str, Column]:
    """Name and expression of each feature, over CUSTOMER_PROFILES."""
    return {
        "recency": F.log1p(F.coalesce(F.col("recency_days"), F.lit(float(window_days)))),
        "frequency": _log("orders"),
        "spend": _log("monetary"),
        "basket": _log("average_order"),
        "discount": F.coalesce(F.col("discount_share"), F.lit(0.0)),
        "browsing": _log("views"),
        "cart": _log("cart_adds"),
    }


def features(profiles: DataFrame, *, window_days: int) -> DataFrame:
    """One row per customer: customer_id and a double for each feature, none of them null."""
    return profiles.select("customer_id", *(column.alias(name) for name, column in feature_columns(window_days=window_days).items()))


def sample(frame: DataFrame, *, at_most: int, customers: int) -> DataFrame:
    """At most so many customers, chosen by hash of their id, in one partition sorted by id.

    KMeans depends on how its rows are spread; this makes the fit the same for shuffled input and any partitioning.
    """
    share = min(1.0, at_most / max(customers, 1))
    return frame.where(bucket("segment-sample", "customer_id") < int(share * 1_000_000)).repartition(1).sortWithinPartitions("customer_id")
