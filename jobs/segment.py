"""Group customers by how they shop, and name the groups."""

from dataclasses import asdict
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_PROFILES, SEGMENT_MEMBERS, SEGMENTS
from clarion.kernel.ids import digest
from clarion.kernel.parallel import together
from clarion.ops.job import Job, Params, previous
from clarion.ops.models import in_force, totals
from clarion.ops.scope import Scope
from clarion.profiles.settings import ProfileSettings
from clarion.segments import features, model, naming
from clarion.segments.settings import SegmentSettings
from clarion.segments.transforms import portraits

MODEL = "clarion-segments"


def run(scope: Scope, params: Params) -> None:
    profiles = scope.keep(scope.current(CUSTOMER_PROFILES))
    inputs = scope.keep(features.features(profiles, window_days=scope.settings(ProfileSettings).window_days))
    pipeline, version = _model(scope, inputs)
    as_of = F.lit(scope.as_of).alias("as_of")
    name = F.format_string(f"v{version}-%d", F.col("cluster"))
    members = scope.keep(model.assign(pipeline, inputs).select(as_of, "customer_id", name.alias("segment_id"), "distance"))
    described = portraits(profiles, members, as_of=scope.as_of).join(_names(scope, pipeline, version), "segment_id")
    together(
        [
            partial(scope.replace, SEGMENT_MEMBERS, members),
            partial(scope.replace, SEGMENTS, described.withColumn("model_version", F.lit(version))),
        ]
    )


def _model(scope: Scope, inputs: DataFrame) -> tuple[PipelineModel, str]:
    """The model in force, while it is fresh; else a new one, fitted and registered as the champion."""
    settings = scope.settings(SegmentSettings)
    newest = in_force(scope.previous(SEGMENTS), as_of=scope.as_of, retrain_days=settings.retrain_days)
    if newest and settings.k is None:
        return scope.tracking.load(MODEL, newest), newest
    of_inputs = totals(inputs)
    fingerprint = digest(asdict(settings), scope.seed, str(scope.as_of), of_inputs)
    known = scope.tracking.version_of(MODEL, fingerprint)
    if known:
        return scope.tracking.load(MODEL, known), known
    sample = features.sample(inputs, at_most=settings.fit_at_most, customers=int(of_inputs[0]))
    found = model.fit(sample, settings=settings, seed=scope.seed)
    chosen = found.chosen
    tried = ", ".join(f"{item.k}: {item.silhouette:.3f}/{item.stability:.2f}" for item in found.candidates)
    scope.note(f"{chosen.k} groups; silhouette/stability by k: {tried}")
    metrics = {f"{name}_k{item.k}": value for item in found.candidates for name, value in asdict(item).items() if name != "k"}
    version = scope.tracking.log(
        MODEL,
        found.pipeline,
        params={**asdict(settings), "k": chosen.k, "features": ",".join(found.features), "as_of": str(scope.as_of)},
        metrics={**metrics, "inertia": chosen.inertia, "silhouette": chosen.silhouette, "stability": chosen.stability},
        fingerprint=fingerprint,
    )
    return found.pipeline, version


def _names(scope: Scope, pipeline: PipelineModel, version: str) -> DataFrame:
    """Name and traits of each group, from its centre."""
    centres, used = model.centres_of(pipeline), model.features_of(pipeline)
    rows = []
    for number, ((english, chinese), centre) in enumerate(zip(naming.names(centres.tolist(), used), centres.tolist(), strict=True)):
        traits = sorted(({"feature": feature, "z": round(z, 6)} for feature, z in zip(used, centre, strict=True)), key=lambda trait: -abs(trait["z"]))
        rows.append((f"v{version}-{number}", english, chinese, [(trait["feature"], trait["z"]) for trait in traits]))
    return scope.spark.createDataFrame(rows, "segment_id string, name_en string, name_zh string, traits array<struct<feature:string,z:double>>")


JOB = Job(
    name="segment",
    summary=__doc__,
    reads=(CUSTOMER_PROFILES, previous(SEGMENTS)),
    writes=(SEGMENTS, SEGMENT_MEMBERS),
    settings=(SegmentSettings, ProfileSettings),
    run=run,
)
