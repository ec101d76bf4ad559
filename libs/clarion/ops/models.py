"""Which model version is in force."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def totals(inputs: DataFrame) -> list[str]:
    """What tells one set of inputs from another: how many rows, and the sum of their hashes."""
    return [str(value) for value in inputs.agg(F.count("*"), F.sum(F.xxhash64(*inputs.columns).cast("decimal(38,0)"))).first() or ()]


def in_force(earlier: DataFrame, *, as_of: date, retrain_days: int) -> str | None:
    """The version that scored the last day, while it is younger than `retrain_days`.

    Args:
        earlier: rows of earlier days with as_of and model_version.
        as_of: the day to be scored.
        retrain_days: how long a version serves.
    """
    versions = earlier.groupBy("model_version").agg(F.min("as_of").alias("since"), F.max("as_of").alias("until"))
    fresh = versions.where(F.col("since") > F.lit(as_of - timedelta(days=retrain_days)))
    newest = fresh.orderBy(F.col("until").desc(), F.col("since").desc()).select("model_version").first()
    return str(newest[0]) if newest else None
