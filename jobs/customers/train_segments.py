"""Train groups of customers anew where there are none, or the old ones no longer fit; the new take over only if they are as good."""

from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, SEGMENT_GROUPS, SEGMENT_MODELS
from clarion.customers.features.transforms import model_inputs, unpack_features
from clarion.customers.segments import continuity, model, naming, pictures, sampling
from clarion.customers.segments.continuity import Match, Quality, Verdict
from clarion.customers.segments.grouped_sample import GroupedSample, group_sample
from clarion.customers.segments.model import Segmentation
from clarion.customers.segments.settings import SegmentSettings
from clarion.declarations.shop import features as declared
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.measures.statistics import drift
from clarion.runtime.job import Job
from clarion.runtime.models import SETTINGS, input_fingerprint
from clarion.runtime.scope import Scope

MODEL = "clarion-segments"
_NOT_OF_THE_FIT = ("retrain_days", "retry_days", "drift_limit", "match_within")


@dataclass(frozen=True, slots=True)
class Last:
    """The model in force before today, with its groups, over today's sample."""

    row: dict[str, Any]
    groups: list[dict[str, Any]]
    grouped: GroupedSample
    feature_drift: dict[str, float]
    group_drift: float


def run(scope: Scope) -> None:
    settings = scope.settings(SegmentSettings)
    described = unpack_features(scope.current(CUSTOMER_FEATURES), declared(scope.config))
    customers = scope.persist(
        model_inputs(described, {name: item.value for name, item in settings.features.items()})
    )
    of_inputs = input_fingerprint(customers)
    last = _last(scope, settings, described, customers=int(of_inputs[0]))
    because = _because(last, settings, as_of=scope.as_of)
    if because and (kept_out := _stayed_back(scope, settings)):
        scope.note(
            f"a new model is due because of {because}; version {kept_out} stayed back less than {settings.retry_days} days ago"
        )
        because = None
    if because is None:
        assert last is not None
        _enter(scope, _carried(scope, last), last.groups)
        return
    sample = scope.persist(
        sampling.fit_sample(customers, limit=settings.max_fit_rows, customers=int(of_inputs[0]))
    )
    pipeline, version, tried = _challenger(scope, settings, sample, of_inputs, because)
    new = group_sample(pipeline, sample)
    quality = Quality(new.silhouette, tried["stability"], float(new.shares.min()))
    compared = _compared(settings, new.features)
    old_quality = (
        Quality(last.grouped.silhouette, 1.0, float(last.grouped.shares.min()))
        if last is not None and last.row["features"] == compared
        else None
    )
    limits = {
        name: float(getattr(settings, name))
        for name in ("min_stability", "min_share", "silhouette_slack")
    }
    verdict = continuity.promotion_verdict(old_quality, quality, limits=limits)
    scope.note(
        f"trained because of {because}; version {version} {'takes over' if verdict.promoted else 'stays back'}: {'; '.join(verdict.reasons)}"
    )
    measured = {**tried, **asdict(quality)}
    if not verdict.promoted and last is not None:
        row = _carried(scope, last) | _trial(because, version, verdict, measured)
        _enter(scope, row, last.groups)
        return
    scope.tracking.promote(MODEL, version)
    groups, retired = _continued(scope, settings, last, new)
    _enter(
        scope,
        _taken_over(scope, settings, version, new, groups, retired)
        | _trial(because, version, verdict, measured),
        groups,
    )


def _last(
    scope: Scope, settings: SegmentSettings, described: DataFrame, *, customers: int
) -> Last | None:
    """The model in force before today, and how far today's customers have moved from those it was trained on."""
    found = scope.earlier(SEGMENT_MODELS).orderBy(F.desc("as_of")).first()
    if found is None:
        return None
    row = found.asDict(recursive=True)
    of_day = (
        scope.earlier(SEGMENT_GROUPS)
        .where(F.col("as_of") == F.lit(row["as_of"]))
        .orderBy("cluster")
    )
    groups = [item.asDict(recursive=True) for item in of_day.collect()]
    sample = sampling.fit_sample(
        model_inputs(described, row["features"]), limit=settings.max_fit_rows, customers=customers
    )
    now = group_sample(scope.tracking.load(MODEL, row["model_version"]), sample)
    expected = np.array([row["group_shares"].get(group["segment_id"], 0.0) for group in groups])
    return Last(
        row,
        groups,
        now,
        now.drift_since(row["baseline"]),
        drift.population_stability(expected, now.shares),
    )


def _because(last: Last | None, settings: SegmentSettings, *, as_of: date) -> str | None:
    """Why a new model is due; None where the old one goes on."""
    if last is None:
        return "no model yet"
    if last.row["settings_hash"] != _hash(settings):
        return "other settings"
    return continuity.retrain_reason(
        (as_of - last.row["trained_on"]).days,
        last.feature_drift,
        last.group_drift,
        retrain_days=settings.retrain_days,
        limit=settings.drift_limit,
    )


def _stayed_back(scope: Scope, settings: SegmentSettings) -> str | None:
    """The challenger of these settings that the gate kept out not long ago: on nearly the same customers it would be kept out again."""
    tried = (
        scope.earlier(SEGMENT_MODELS)
        .where("challenger_version IS NOT NULL")
        .orderBy(F.desc("as_of"))
        .first()
    )
    if (
        tried is None
        or tried["promoted"]
        or (scope.as_of - tried["as_of"]).days >= settings.retry_days
    ):
        return None
    version = str(tried["challenger_version"])
    return (
        version if scope.tracking.parameter(MODEL, version, SETTINGS) == _hash(settings) else None
    )


def _compared(settings: SegmentSettings, used: tuple[str, ...]) -> dict[str, str]:
    return {name: settings.features[name].value for name in used}


def _hash(settings: SegmentSettings) -> str:
    return digest(
        {name: value for name, value in asdict(settings).items() if name not in _NOT_OF_THE_FIT}
    )


def _challenger(
    scope: Scope, settings: SegmentSettings, sample: DataFrame, of_inputs: list[str], because: str
) -> tuple[PipelineModel, str, dict[str, float]]:
    """A new model, fitted and registered; the registered one where it was fitted on the same customers before."""
    fingerprint = digest(_hash(settings), scope.seed, str(scope.as_of), of_inputs)
    known = scope.tracking.version_of(MODEL, fingerprint)
    if known:
        return (
            scope.tracking.load(MODEL, known),
            known,
            scope.tracking.metrics(MODEL, known, ("inertia", "stability", "variance_kept")),
        )
    found = model.fit(sample, settings=settings, seed=scope.seed)
    chosen = found.chosen
    tried = ", ".join(
        f"{item.k}: {item.silhouette:.3f}/{item.stability:.2f}" for item in found.candidates
    )
    scope.note(f"{chosen.k} groups; silhouette/stability by k: {tried}")
    of_fit = {
        "inertia": chosen.inertia,
        "stability": chosen.stability,
        "variance_kept": found.variance_kept,
    }
    by_k = {
        f"{name}_k{item.k}": value
        for item in found.candidates
        for name, value in asdict(item).items()
        if name != "k"
    }
    version = scope.tracking.log(
        MODEL,
        found.pipeline,
        params=_parameters(scope, settings, found, of_inputs) | {"because": because},
        metrics={
            **by_k,
            **of_fit,
            "silhouette": chosen.silhouette,
            "smallest_share": chosen.smallest_share,
        },
        figures={
            "choice_of_k": pictures.choice_figure(found),
            "map": pictures.map_figure(*model.predict_groups(found.pipeline, sample)),
        },
        fingerprint=fingerprint,
        alias="challenger",
    )
    return found.pipeline, version, of_fit


def _parameters(
    scope: Scope, settings: SegmentSettings, found: Segmentation, of_inputs: list[str]
) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(settings).items() if name != "features"}
    return {
        **plain,
        "k": found.chosen.k,
        SETTINGS: _hash(settings),
        "as_of": str(scope.as_of),
        "features": ",".join(found.features),
        "customers": of_inputs[0],
        "customers_hash": of_inputs[1],
        "customer_features_version": scope.version(CUSTOMER_FEATURES),
    }


def _continued(
    scope: Scope, settings: SegmentSettings, last: Last | None, new: GroupedSample
) -> tuple[list[dict[str, Any]], list[str]]:
    """The new model's groups, each under the name of the old group that it goes on from; and the old ones that nothing goes on from."""
    standard = new.standard
    means = continuity.group_means(standard, new.labels, new.groups)
    found: dict[int, Match] = {}
    if last is not None:
        before = continuity.group_means(standard, last.grouped.labels, last.grouped.groups)
        found = continuity.match_groups(before, means, within=settings.match_within)
    old_ids = [group["segment_id"] for group in last.groups] if last else []
    numbers = [
        int(row[0].removeprefix("g"))
        for row in scope.earlier(SEGMENT_GROUPS).select("segment_id").distinct().collect()
    ]
    highest, groups = max(numbers, default=0), []
    for cluster, (english, chinese) in enumerate(
        naming.group_names(means.tolist(), new.features, settings.features)
    ):
        match = found.get(cluster)
        highest += 0 if match else 1
        traits = sorted(
            zip(new.features, (round(float(z), 6) for z in means[cluster]), strict=True),
            key=lambda trait: -abs(trait[1]),
        )
        groups.append(
            {
                "cluster": cluster, "segment_id": old_ids[match.old] if match else f"g{highest}", "state": "kept" if match else "new",
                "distance": round(match.distance, 9) if match else None, "name_en": english, "name_zh": chinese, "traits": traits,
            }
        )  # fmt: skip
    kept = {group["segment_id"] for group in groups}
    return groups, sorted(set(old_ids) - kept)


def _carried(scope: Scope, last: Last) -> dict[str, Any]:
    """The row of a model that goes on."""
    measured = {
        "silhouette": last.grouped.silhouette,
        "smallest_share": float(last.grouped.shares.min()),
    }
    nothing: dict[str, Any] = {
        "retrained_because": None,
        "challenger_version": None,
        "promoted": False,
        "verdict": [],
        "challenger_metrics": None,
        "retired": [],
    }
    drifted = {"feature_drift": last.feature_drift, "group_drift": last.group_drift}
    baseline = [(item["feature"], item["edges"], item["shares"]) for item in last.row["baseline"]]
    return {**last.row, **nothing, **drifted, "metrics": measured, "baseline": baseline}


def _trial(
    because: str, version: str, verdict: Verdict, measured: dict[str, float]
) -> dict[str, Any]:
    return {
        "retrained_because": because, "challenger_version": version, "promoted": verdict.promoted, "verdict": list(verdict.reasons),
        "challenger_metrics": measured,
    }  # fmt: skip


def _taken_over(
    scope: Scope,
    settings: SegmentSettings,
    version: str,
    new: GroupedSample,
    groups: list[dict[str, Any]],
    retired: list[str],
) -> dict[str, Any]:
    """The row of a model that takes over today."""
    return {
        "model_version": version, "trained_on": scope.as_of, "algorithm": settings.algorithm, "groups": new.groups,
        "features": _compared(settings, new.features), "settings_hash": _hash(settings),
        "metrics": {"silhouette": new.silhouette, "smallest_share": float(new.shares.min())}, "feature_drift": {}, "group_drift": None, "retired": retired,
        "baseline": new.baseline, "group_shares": {group["segment_id"]: float(share) for group, share in zip(groups, new.shares, strict=True)},
    }  # fmt: skip


def _enter(scope: Scope, row: dict[str, Any], groups: list[dict[str, Any]]) -> None:
    as_of = {"as_of": scope.as_of}
    traits = [
        {
            **group,
            **as_of,
            "traits": [
                tuple(item.values()) if isinstance(item, dict) else item for item in group["traits"]
            ],
        }
        for group in groups
    ]
    run_concurrently(
        [
            partial(
                scope.replace,
                SEGMENT_MODELS,
                rows_as_frame(scope.spark, SEGMENT_MODELS, [{**row, **as_of}]),
            ),
            partial(
                scope.replace, SEGMENT_GROUPS, rows_as_frame(scope.spark, SEGMENT_GROUPS, traits)
            ),
        ]
    )


JOB = Job(
    name="train_segments",
    summary=__doc__,
    reads=(CUSTOMER_FEATURES,),
    reads_earlier=(SEGMENT_MODELS, SEGMENT_GROUPS),
    writes=(SEGMENT_MODELS, SEGMENT_GROUPS),
    purpose="analytics",
    settings=(SegmentSettings,),
    run=run,
)
