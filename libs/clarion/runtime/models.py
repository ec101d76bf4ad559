"""Which model version is in force."""

from datetime import date, timedelta

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.runtime.tracking import Tracking

SETTINGS = "settings_hash"  # parameter of a version: what it was fitted with


def totals(inputs: DataFrame) -> list[str]:
    """What tells one set of inputs from another: how many rows, and the sum of their hashes."""
    return [
        str(value)
        for value in inputs.agg(
            F.count("*"), F.sum(F.xxhash64(*inputs.columns).cast("decimal(38,0)"))
        ).first()
        or ()
    ]


def serving(
    tracking: Tracking,
    name: str,
    earlier: DataFrame,
    *,
    fitted_with: str,
    as_of: date,
    retrain_days: int,
) -> tuple[PipelineModel, str] | None:
    """The model that scored the last day and its version, while it is younger than `retrain_days` and the settings are the same.

    Args:
        tracking: where models are kept.
        name: the model's name there.
        earlier: rows of earlier days with as_of and model_version.
        fitted_with: digest of today's settings; a version has its own as parameter SETTINGS.
        as_of: the day to be scored.
        retrain_days: how long a version serves.
    """
    version = _in_force(earlier, as_of=as_of, retrain_days=retrain_days)
    if version is None or tracking.parameter(name, version, SETTINGS) != fitted_with:
        return None
    return tracking.load(name, version), version


def _in_force(earlier: DataFrame, *, as_of: date, retrain_days: int) -> str | None:
    versions = earlier.groupBy("model_version").agg(
        F.min("as_of").alias("since"), F.max("as_of").alias("until")
    )
    fresh = versions.where(F.col("since") > F.lit(as_of - timedelta(days=retrain_days)))
    newest = (
        fresh.orderBy(F.col("until").desc(), F.col("since").desc()).select("model_version").first()
    )
    return str(newest[0]) if newest else None
