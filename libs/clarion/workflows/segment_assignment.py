"""Assign customers to the groups of the model in force."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import SEGMENT_GROUPS, SEGMENT_MODELS
from clarion.customers.features.transforms import model_inputs
from clarion.customers.segments import scoring
from clarion.kernel.errors import UsageError
from clarion.runtime.scope import Scope
from clarion.workflows.known_features import known_features, left_out_features
from clarion.workflows.segment_training import MODEL


@dataclass(frozen=True, slots=True)
class Champion:
    """The model in force on the run's day: its registered version and the SQL of its inputs."""

    version: str
    inputs: Mapping[str, str]


def load_champion(scope: Scope) -> Champion:
    """The model in force on the run's day.

    Raises:
        UsageError: the groups of the day have not been trained.
    """
    row = scope.current(SEGMENT_MODELS).select("model_version", "features").first()
    if row is None:
        raise UsageError(
            f"there is no model of groups for {scope.as_of}",
            found=f"{SEGMENT_MODELS.name} has no row of this day",
            fix=f"run clarion run train_segments --as-of {scope.as_of}",
        )
    return Champion(row["model_version"], row["features"])


def assign_segments(scope: Scope, champion: Champion) -> DataFrame:
    """Each customer's group on the run's day.

    Args:
        scope: of a job that reads `known_features.READS` and SEGMENT_GROUPS.
        champion: the model in force.

    Returns:
        customer_id, segment_id, distance.
    """
    features = known_features(scope, left_out_features(scope))
    pipeline = scope.tracking.load(MODEL, champion.version)
    clusters = scoring.assign(pipeline, model_inputs(features, champion.inputs))
    groups = scope.current(SEGMENT_GROUPS).select("cluster", "segment_id")
    return clusters.join(F.broadcast(groups), "cluster").select(
        "customer_id", "segment_id", "distance"
    )
