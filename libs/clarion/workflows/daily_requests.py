"""Occasions that a daily job finds: a customer comes into another group, or becomes dormant."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import REQUESTS
from clarion.measures.columns.days import start_of
from clarion.measures.columns.flows import NOWHERE
from clarion.runtime.scope import Scope
from clarion.streaming.requests import moved_requests


def write_group_entries(scope: Scope, changes: DataFrame) -> int:
    """Request a decision about each customer who came into another group on the run's day.

    Args:
        scope: of a job that writes REQUESTS.
        changes: customer_id, from_segment, to_segment of customers whose group changed.
    """
    entries = changes.where(F.col("to_segment") != NOWHERE)
    return _write(scope, "group_entry", entries, names=("from_segment", "to_segment"))


def write_dormancy(scope: Scope, stages: DataFrame) -> int:
    """Request a decision about each customer who became dormant on the run's day.

    Args:
        scope: of a job that writes REQUESTS.
        stages: customer_id, from_stage, to_stage of every customer.
    """
    is_awake = ~F.col("from_stage").isin("dormant", NOWHERE)
    dormant = stages.where(is_awake & (F.col("to_stage") == "dormant"))
    return _write(scope, "dormancy", dormant, names=("from_stage", "to_stage"))


def _write(scope: Scope, kind: str, changes: DataFrame, *, names: tuple[str, str]) -> int:
    """Add a request for each change; a repeat of the day changes nothing."""
    at = start_of(scope.as_of, scope.time_zone)
    requests = moved_requests(changes, kind, at=at, names=names)
    return scope.merge(
        REQUESTS, requests.withColumn("_found_at", F.current_timestamp()), update=False
    )
