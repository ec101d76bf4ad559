"""Put every customer into a group of the model in force; describe the groups, and who came, went and stayed."""

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
from clarion.customers.features.transforms import model_inputs, unpack_features
from clarion.customers.segments import model
from clarion.customers.segments.transforms import basics, portraits
from clarion.declarations.shop import features as declared
from clarion.kernel.parallel import run_concurrently
from clarion.measures.columns.flows import flows, moves
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope

MODEL = "clarion-segments"
_FROM_TO = ("from_segment", "to_segment")


def run(scope: Scope) -> None:
    champion = scope.current(SEGMENT_MODELS).select("model_version", "features").first()
    assert champion is not None, "train_segments writes one row a day"
    pipeline = scope.tracking.load(MODEL, champion["model_version"])
    compared = model_inputs(
        unpack_features(scope.current(CUSTOMER_FEATURES), declared(scope.config)),
        champion["features"],
    )
    groups = scope.current(SEGMENT_GROUPS)
    as_of = F.lit(scope.as_of).alias("as_of")
    named = model.assign(pipeline, compared).join(
        F.broadcast(groups.select("cluster", "segment_id")), "cluster"
    )
    members = scope.persist(named.select(as_of, "customer_id", "segment_id", "distance"))
    described = portraits(scope.current(CUSTOMER_PROFILES), members, as_of=scope.as_of).join(
        basics(scope.current(CUSTOMER_FEATURES), members), "segment_id", "left"
    )
    words = groups.select(
        "segment_id",
        "name_en",
        "name_zh",
        "traits",
        F.lit(champion["model_version"]).alias("model_version"),
    )
    run_concurrently(
        [
            partial(scope.replace, SEGMENT_MEMBERS, members),
            partial(scope.replace, SEGMENTS, described.join(words, "segment_id")),
            partial(_replace_moves, scope, members),
        ]
    )


def _replace_moves(scope: Scope, members: DataFrame) -> int:
    """Who went from where to where since the day grouped before."""
    last = scope.latest_earlier(SEGMENT_MEMBERS)
    if last is None:
        return 0
    day, before = last
    moved = scope.persist(moves(before, members, column="segment_id", names=_FROM_TO))
    scope.replace(SEGMENT_FLOWS, flows(moved, names=_FROM_TO, as_of=scope.as_of, from_as_of=day))
    days = (F.lit(scope.as_of).alias("as_of"), F.lit(day).alias("from_as_of"))
    return scope.replace(
        SEGMENT_MOVES,
        moved.where("from_segment <> to_segment").select(*days, "customer_id", *_FROM_TO),
    )


JOB = Job(
    name="segment",
    summary=__doc__,
    reads=(
        CUSTOMER_FEATURES,
        CUSTOMER_PROFILES,
        SEGMENT_MODELS,
        SEGMENT_GROUPS,
    ),
    reads_earlier=(SEGMENT_MEMBERS,),
    writes=(SEGMENTS, SEGMENT_MEMBERS, SEGMENT_FLOWS, SEGMENT_MOVES),
    purpose="analytics",
    run=run,
)
