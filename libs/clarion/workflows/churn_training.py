"""The churn model that scores a day: the one in force, or a new one fitted on past cuts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS, PREDICTIONS
from clarion.customers.features.definitions import Feature, required_features
from clarion.customers.features.left_out import Spread, features_left_out, listed
from clarion.customers.features.transforms import model_inputs, without_features
from clarion.declarations.shop import features
from clarion.kernel.ids import digest
from clarion.measures.columns.days import known_sums
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql, user_column
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.churn.model import ChurnModel, fit_churn_model, labelled_examples
from clarion.prediction.churn.settings import PredictSettings
from clarion.runtime import models
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features
from clarion.workflows.known_features import used_inputs

MODEL = "clarion-churn"


@dataclass(frozen=True, slots=True)
class _Cut:
    """The customers of a past day.

    Args:
        examples: customer_id, the features in use and label; persisted.
        fingerprint: number of rows and sum of their hashes.
        left_out: features that say nothing of them, with the reason of each.
    """

    examples: DataFrame
    fingerprint: list[str]
    left_out: Mapping[str, str]


def serving_model(
    scope: Scope, settings: PredictSettings, left_out: Mapping[str, str]
) -> tuple[PipelineModel, str] | NotComputable:
    """The model that scores the run's day and its version, or why there is none.

    The model in force serves until it is `retrain_days` old or the settings change. A new one is
    fitted two horizons back and calibrated one horizon back.

    Args:
        scope: of a job that reads `customer_features.READS` and earlier PREDICTIONS.
        settings: settings of predictions.
        left_out: features that say nothing of today's customers, with the reason of each.

    Raises:
        SuspectedLeakError: an input of a new model has seen the future.
    """
    settings_hash = digest(asdict(settings))
    in_force = models.active_model(
        scope.tracking,
        MODEL,
        scope.earlier(PREDICTIONS),
        fitted_with=settings_hash,
        as_of=scope.as_of,
        retrain_days=settings.retrain_days,
    )
    if in_force:
        return in_force

    used = required_features(
        features(scope.config), [*settings.features.values(), settings.population]
    )
    horizon = timedelta(days=settings.horizon_days)
    earlier, later = scope.run_concurrently(
        [
            partial(_cut, scope, settings, used, day=scope.as_of - times * horizon)
            for times in (2, 1)
        ]
    )
    without = {**earlier.left_out, **left_out}
    inputs = churn_inputs(scope, settings, without)
    fingerprint = digest(
        settings_hash,
        scope.seed,
        str(scope.as_of),
        earlier.fingerprint + later.fingerprint,
        sorted(inputs),
    )
    registered_version = scope.tracking.version_of(MODEL, fingerprint)
    if registered_version:
        return scope.tracking.load(MODEL, registered_version), registered_version
    model = fit_churn_model(
        *(
            model_inputs(without_features(cut.examples, used, without), inputs, keep=("label",))
            for cut in (earlier, later)
        ),
        settings=settings,
    )
    if isinstance(model, NotComputable):
        return model
    return model.pipeline, _register(scope, settings, model, fingerprint)


def population(features: DataFrame, *, settings: PredictSettings) -> DataFrame:
    """The customers whose churn is predicted.

    Args:
        features: customer_id and the declared features.
        settings: settings of predictions.

    Raises:
        ConfigError: `predict.population` is no valid condition over the features.
    """
    condition = UserSql(
        where="predict.population",
        text=settings.population,
        result=CONDITION,
        hint="use names of conf/features.yml",
    )
    check_user_sql(features, [condition])
    return features.where(user_column(settings.population))


def churn_inputs(
    scope: Scope, settings: PredictSettings, left_out: Mapping[str, str]
) -> dict[str, str]:
    """SQL of the inputs that take part, by name; a note says which do not.

    Args:
        scope: the run.
        settings: settings of predictions.
        left_out: features that take no part, with the reason of each.
    """
    inputs, without = used_inputs(
        {name: (value, ()) for name, value in settings.features.items()},
        features(scope.config),
        left_out,
    )
    if without:
        scope.note(f"churn is not predicted from {listed(without)}")
    return inputs


def _cut(scope: Scope, settings: PredictSettings, used: tuple[Feature, ...], *, day: date) -> _Cut:
    """The customers of a past day, from what was known by then; labels of the days after it."""
    customers = population(
        customer_features.past_features(scope, used, as_of=day), settings=settings
    )
    is_in_horizon = (F.col("day") >= F.lit(day)) & (
        F.col("day") < F.lit(day + timedelta(days=settings.horizon_days))
    )
    buyers = (
        known_sums(
            scope.facts(CUSTOMER_DAYS).where(is_in_horizon), of="customer_id", as_of=scope.as_of
        )
        .where("orders > 0")
        .select("customer_id")
    )
    examples = scope.persist(labelled_examples(customers, buyers))
    # In one query: the fingerprint, and how each feature is spread.
    row = examples.agg(*models.fingerprint_columns(examples), *_spread_columns(used)).first()
    assert row is not None  # an aggregate has one row
    spreads = {
        item.name: Spread(
            row[f"{item.name}_known"], row[f"{item.name}_lowest"], row[f"{item.name}_highest"]
        )
        for item in used
    }
    return _Cut(examples, [str(value) for value in row[:2]], features_left_out(used, spreads))


def _spread_columns(used: tuple[Feature, ...]) -> list[Column]:
    columns = []
    for item in used:
        number = F.col(item.name) if item.type == "number" else F.lit(None).cast("double")
        columns += [
            F.count(item.name).alias(f"{item.name}_known"),
            F.min(number).alias(f"{item.name}_lowest"),
            F.max(number).alias(f"{item.name}_highest"),
        ]
    return columns


def _register(scope: Scope, settings: PredictSettings, model: ChurnModel, fingerprint: str) -> str:
    """Record a fitted model with its quality; returns its version."""
    scope.note(
        f"churn: AUC {model.auc:.3f}, Brier {model.brier:.3f}, "
        f"base rate {model.base_rate:.1%}, on {model.customers} customers"
    )
    return scope.tracking.log(
        MODEL,
        model.pipeline,
        params={
            **asdict(settings),
            "features": ",".join(settings.features),
            "as_of": str(scope.as_of),
            models.SETTINGS: digest(asdict(settings)),
        },
        metrics={
            "auc": model.auc,
            "brier": model.brier,
            "base_rate": model.base_rate,
            "customers": model.customers,
        },
        fingerprint=fingerprint,
    )
