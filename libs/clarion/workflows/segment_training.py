"""Train a model of groups, compare it with the one in force, and record the day."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts import Table
from clarion.contracts.gold import CUSTOMER_FEATURES, SEGMENT_GROUPS, SEGMENT_MODELS
from clarion.customers.features.left_out import listed
from clarion.customers.features.transforms import model_inputs
from clarion.customers.segments import life, model, pictures
from clarion.customers.segments.grouped_sample import group_sample
from clarion.customers.segments.life import ActiveModel, Challenger, Continue, ModelDay, Train
from clarion.customers.segments.model import Segmentation
from clarion.customers.segments.rows import Group, ModelRow
from clarion.customers.segments.sampling import fit_sample
from clarion.customers.segments.settings import SegmentSettings
from clarion.declarations import shop
from clarion.kernel.errors import UsageError
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame
from clarion.runtime.models import SETTINGS, input_fingerprint
from clarion.runtime.scope import Scope
from clarion.workflows import known_features

MODEL = "clarion-segments"
_FIT_METRICS = ("inertia", "stability", "variance_kept")


@dataclass(frozen=True, slots=True)
class Customers:
    """Today's customers.

    Args:
        features: customer_id and every declared feature; those left out are unknown.
        inputs: customer_id and what of the settings' inputs takes part; persisted.
        totals: number of rows and the sum of their hashes.
    """

    features: DataFrame
    inputs: DataFrame
    totals: list[str]

    @property
    def count(self) -> int:
        """Number of customers."""
        return int(self.totals[0])


def load_customers(scope: Scope, settings: SegmentSettings) -> Customers:
    """Today's customers with the inputs that the settings compare, and a note on those left out.

    Raises:
        UsageError: the features of the day have not been computed.
    """
    left_out = known_features.left_out_features(scope)
    features = known_features.known_features(scope, left_out)
    expressions, without = known_features.used_inputs(
        {name: (item.sql, item.rests_on) for name, item in settings.features.items()},
        shop.features(scope.config),
        left_out,
    )
    if without:
        scope.note(f"customers are not compared by {listed(without)}")
    expressions[model.EVERYBODY] = model.EVERYBODY_SQL
    inputs = scope.persist(model_inputs(features, expressions))
    customers = Customers(features, inputs, input_fingerprint(inputs))
    if customers.count == 0:
        raise UsageError(
            f"there are no customers to group on {scope.as_of}",
            found=f"{CUSTOMER_FEATURES.name} has no row of this day",
            fix=f"run clarion run features --as-of {scope.as_of}",
        )
    return customers


def load_active_model(
    scope: Scope, settings: SegmentSettings, customers: Customers
) -> ActiveModel | None:
    """The model in force before today over today's customers; None before the first training."""
    last_row = scope.earlier(SEGMENT_MODELS).orderBy(F.desc("as_of")).first()
    if last_row is None:
        return None
    row = ModelRow.from_row(last_row.asDict(recursive=True))
    last_groups = (
        scope.earlier(SEGMENT_GROUPS)
        .where(F.col("as_of") == F.lit(last_row["as_of"]))
        .orderBy("cluster")
        .collect()
    )
    groups = tuple(Group.from_row(item.asDict(recursive=True)) for item in last_groups)
    sample = fit_sample(
        model_inputs(customers.features, row.features),
        limit=settings.max_fit_rows,
        customers=customers.count,
    )
    pipeline = scope.tracking.load(MODEL, row.model_version)
    return ActiveModel.over(row, groups, group_sample(pipeline, sample))


def next_step(
    scope: Scope, settings: SegmentSettings, active: ActiveModel | None
) -> Continue | Train:
    """Whether the model in force continues or a challenger is trained today.

    A challenger of the same settings that was rejected not long ago would be rejected again on
    nearly the same customers. Until `retry_days` have passed the model continues, with a note.
    """
    step = life.next_step(active, settings=settings, as_of=scope.as_of)
    if active is None or isinstance(step, Continue):
        return step
    rejected_version = _recently_rejected(scope, settings)
    if rejected_version is None:
        return step
    scope.note(
        f"a new model is due because of {step.reason}; version {rejected_version} was rejected "
        f"less than {settings.retry_days} days ago"
    )
    return Continue(active)


def train_challenger(
    scope: Scope,
    settings: SegmentSettings,
    customers: Customers,
    *,
    reason: str,
    active: ActiveModel | None,
) -> Challenger:
    """A fitted and registered model; the registered one if it was fitted on the same before.

    Args:
        scope: of a job that reads CUSTOMER_FEATURES.
        settings: settings of the fit.
        customers: today's customers.
        reason: why it is trained.
        active: the model in force. Without one, or with fewer groups than asked for, there may be
            fewer groups, so that a shop whose customers cannot be grouped has a model.
    """
    sample = scope.persist(
        fit_sample(customers.inputs, limit=settings.max_fit_rows, customers=customers.count)
    )
    fingerprint = digest(
        life.settings_hash(settings), scope.seed, str(scope.as_of), customers.totals
    )
    version = scope.tracking.version_of(MODEL, fingerprint)
    if version:
        pipeline = scope.tracking.load(MODEL, version)
        metrics = scope.tracking.metrics(MODEL, version, _FIT_METRICS)
        return Challenger(reason, version, group_sample(pipeline, sample), metrics)

    if active is None or life.is_provisional(active, settings):
        segmentation = model.fit_first(sample, settings=settings, seed=scope.seed, say=scope.note)
    else:
        segmentation = model.fit(sample, settings=settings, seed=scope.seed)
    scope.note(_choice_note(segmentation))
    grouped = group_sample(segmentation.pipeline, sample)
    metrics = _metrics(segmentation)
    version = scope.tracking.log(
        MODEL,
        segmentation.pipeline,
        params=_parameters(scope, settings, segmentation, customers) | {"because": reason},
        metrics=metrics,
        figures={
            "choice_of_k": pictures.choice_figure(
                segmentation.candidates, chosen_k=segmentation.chosen.k
            ),
            "map": pictures.map_figure(grouped.points, grouped.labels),
        },
        fingerprint=fingerprint,
        alias="challenger",
    )
    return Challenger(reason, version, grouped, {name: metrics[name] for name in _FIT_METRICS})


def highest_group_number(scope: Scope) -> int:
    """The highest number of a group on any earlier day; 0 before the first training."""
    rows = scope.earlier(SEGMENT_GROUPS).select("segment_id").distinct().collect()
    return max((int(row["segment_id"].removeprefix("g")) for row in rows), default=0)


def write_day(scope: Scope, day: ModelDay) -> None:
    """Write the rows of SEGMENT_MODELS and SEGMENT_GROUPS of the day; a note for each new name."""
    for text in day.renamed:
        scope.note(text)
    scope.run_concurrently(
        [
            partial(scope.replace, SEGMENT_MODELS, _as_frame(scope, SEGMENT_MODELS, [day.row])),
            partial(scope.replace, SEGMENT_GROUPS, _as_frame(scope, SEGMENT_GROUPS, day.groups)),
        ]
    )


def _recently_rejected(scope: Scope, settings: SegmentSettings) -> str | None:
    last_trial = (
        scope.earlier(SEGMENT_MODELS)
        .where("challenger_version IS NOT NULL")
        .orderBy(F.desc("as_of"))
        .first()
    )
    if last_trial is None or last_trial["promoted"]:
        return None
    if (scope.as_of - last_trial["as_of"]).days >= settings.retry_days:
        return None
    version = str(last_trial["challenger_version"])
    fitted_with = scope.tracking.parameter(MODEL, version, SETTINGS)
    return version if fitted_with == life.settings_hash(settings) else None


def _choice_note(segmentation: Segmentation) -> str:
    by_k = ", ".join(
        f"{item.k}: {item.silhouette:.3f}/{item.stability:.2f}" for item in segmentation.candidates
    )
    return f"{segmentation.chosen.k} groups; silhouette/stability by k: {by_k}"


def _metrics(segmentation: Segmentation) -> dict[str, float]:
    """The quality of the model and of each k that was tried."""
    metrics = {
        name: float(value) for name, value in asdict(segmentation.chosen).items() if name != "k"
    }
    metrics["variance_kept"] = segmentation.variance_kept
    for candidate in segmentation.candidates:
        qualities = asdict(candidate)
        k = qualities.pop("k")
        metrics |= {f"{name}_k{k}": value for name, value in qualities.items()}
    return metrics


def _parameters(
    scope: Scope, settings: SegmentSettings, segmentation: Segmentation, customers: Customers
) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(settings).items() if name != "features"}
    return {
        **plain,
        "k": segmentation.chosen.k,
        SETTINGS: life.settings_hash(settings),
        "as_of": str(scope.as_of),
        "features": ",".join(segmentation.features),
        "customers": customers.totals[0],
        "customers_hash": customers.totals[1],
        "customer_features_version": scope.version(CUSTOMER_FEATURES),
    }


def _as_frame(scope: Scope, table: Table, rows: Sequence[ModelRow | Group]) -> DataFrame:
    columns = [{**_columns(row), "as_of": scope.as_of} for row in rows]
    return rows_as_frame(scope.spark, table, columns)


def _columns(row: ModelRow | Group) -> dict[str, Any]:
    """The columns of a row; its nested values become tuples, as Spark takes them."""
    return dict(zip(row.__dataclass_fields__, astuple(row), strict=True))
