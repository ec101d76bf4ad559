"""Which model version is active."""

from datetime import date, timedelta

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.runtime.tracking import Tracking

SETTINGS = "settings_hash"  # parameter of a version: what it was fitted with


def input_fingerprint(inputs: DataFrame) -> list[str]:
    """Number of rows and sum of their hashes: equal for equal inputs."""
    row = inputs.agg(*fingerprint_columns(inputs)).first()
    return [str(value) for value in row or ()]


def fingerprint_columns(inputs: DataFrame) -> tuple[Column, Column]:
    """The aggregates of `input_fingerprint`, for a query that computes more."""
    hashes = F.xxhash64(*inputs.columns).cast("decimal(38,0)")
    return F.count("*"), F.sum(hashes)


def active_model(
    tracking: Tracking,
    name: str,
    earlier: DataFrame,
    *,
    fitted_with: str,
    as_of: date,
    retrain_days: int,
) -> tuple[PipelineModel, str] | None:
    """The model that scored the last day, and its version.

    None where it is older than `retrain_days`, or where the settings have changed since its fit.

    Args:
        tracking: the model store.
        name: the model's name there.
        earlier: rows of earlier days with as_of and model_version.
        fitted_with: digest of today's settings; a version has its own as parameter SETTINGS.
        as_of: the day to be scored.
        retrain_days: how long a version serves.
    """
    version = _latest_version(earlier, as_of=as_of, retrain_days=retrain_days)
    if version is None or tracking.parameter(name, version, SETTINGS) != fitted_with:
        return None
    return tracking.load(name, version), version


def _latest_version(earlier: DataFrame, *, as_of: date, retrain_days: int) -> str | None:
    versions = earlier.groupBy("model_version").agg(
        F.min("as_of").alias("since"), F.max("as_of").alias("until")
    )
    fresh = versions.where(F.col("since") > F.lit(as_of - timedelta(days=retrain_days)))
    newest = (
        fresh.orderBy(F.col("until").desc(), F.col("since").desc()).select("model_version").first()
    )
    return str(newest[0]) if newest else None
