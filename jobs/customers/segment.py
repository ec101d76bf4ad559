"""Assign every customer to a group of the model in force; write portraits, moves and flows."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import (
    CUSTOMER_FEATURES,
    CUSTOMER_PROFILES,
    SEGMENT_FLOWS,
    SEGMENT_GROUPS,
    SEGMENT_MEMBERS,
    SEGMENT_MODELS,
    SEGMENT_MOVES,
    SEGMENTS,
)
from clarion.contracts.live import REQUESTS
from clarion.customers.segments.transforms import basics, portraits
from clarion.measures.columns.flows import flows, moves
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import known_features
from clarion.workflows.daily_requests import write_group_entries
from clarion.workflows.segment_assignment import assign_segments, load_champion

_FROM_TO = ("from_segment", "to_segment")


def run(scope: Scope) -> None:
    """Write members, portraits, moves and flows of the day."""
    champion = load_champion(scope)
    as_of = F.lit(scope.as_of).alias("as_of")
    members = scope.persist(assign_segments(scope, champion).select(as_of, "*"))
    names = scope.current(SEGMENT_GROUPS).select(
        "segment_id", "name_en", "name_zh", "traits", F.lit(champion.version).alias("model_version")
    )
    segments = (
        portraits(scope.current(CUSTOMER_PROFILES), members, as_of=scope.as_of)
        .join(basics(scope.current(CUSTOMER_FEATURES), members), "segment_id", "left")
        .join(names, "segment_id")
    )
    scope.run_concurrently(
        [
            partial(scope.replace, SEGMENT_MEMBERS, members),
            partial(scope.replace, SEGMENTS, segments),
            partial(_replace_moves, scope, members),
        ]
    )


def _replace_moves(scope: Scope, members: DataFrame) -> int:
    """Which customers changed their group since the previous day, and how many."""
    last = scope.latest_earlier(SEGMENT_MEMBERS)
    if last is None:
        return 0
    day, earlier_members = last
    stays_and_moves = scope.persist(
        moves(earlier_members, members, column="segment_id", names=_FROM_TO)
    )
    counts = flows(stays_and_moves, names=_FROM_TO, as_of=scope.as_of, from_as_of=day)
    scope.replace(SEGMENT_FLOWS, counts)
    days = (F.lit(scope.as_of).alias("as_of"), F.lit(day).alias("from_as_of"))
    changes = stays_and_moves.where("from_segment <> to_segment")
    moved = scope.replace(SEGMENT_MOVES, changes.select(*days, "customer_id", *_FROM_TO))
    write_group_entries(scope, changes)
    return moved


JOB = Job(
    name="segment",
    summary=__doc__,
    reads=(*known_features.READS, CUSTOMER_PROFILES, SEGMENT_MODELS, SEGMENT_GROUPS),
    reads_earlier=(SEGMENT_MEMBERS,),
    writes=(SEGMENTS, SEGMENT_MEMBERS, SEGMENT_FLOWS, SEGMENT_MOVES, REQUESTS),
    purpose="analytics",
    run=run,
)
