"""The churn model that scores a day: the one in force, or a new one fitted on past cuts."""

from dataclasses import asdict
from datetime import date, timedelta
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS, PREDICTIONS
from clarion.customers.features.definitions import required_features
from clarion.customers.features.transforms import model_inputs
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

MODEL = "clarion-churn"


def serving_model(
    scope: Scope, settings: PredictSettings
) -> tuple[PipelineModel, str] | NotComputable:
    """The model that scores the run's day and its version, or why there is none.

    The model in force serves until it is `retrain_days` old or the settings change. A new one is
    fitted two horizons back and calibrated one horizon back.

    Args:
        scope: of a job that reads `customer_features.READS` and earlier PREDICTIONS.
        settings: settings of predictions.

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

    horizon = timedelta(days=settings.horizon_days)
    earlier = scope.persist(_examples(scope, settings, cut=scope.as_of - 2 * horizon))
    later = scope.persist(_examples(scope, settings, cut=scope.as_of - horizon))
    of_earlier, of_later = scope.run_concurrently(
        [partial(models.input_fingerprint, earlier), partial(models.input_fingerprint, later)]
    )
    fingerprint = digest(settings_hash, scope.seed, str(scope.as_of), of_earlier + of_later)
    registered_version = scope.tracking.version_of(MODEL, fingerprint)
    if registered_version:
        return scope.tracking.load(MODEL, registered_version), registered_version
    model = fit_churn_model(earlier, later, settings=settings)
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


def _examples(scope: Scope, settings: PredictSettings, *, cut: date) -> DataFrame:
    """Inputs as of a cut, from what was known by then, with labels of the days after it."""
    used_features = required_features(
        features(scope.config), [*settings.features.values(), settings.population]
    )
    customers = population(
        customer_features.past_features(scope, used_features, as_of=cut), settings=settings
    )
    is_in_horizon = (F.col("day") >= F.lit(cut)) & (
        F.col("day") < F.lit(cut + timedelta(days=settings.horizon_days))
    )
    buyers = (
        known_sums(
            scope.facts(CUSTOMER_DAYS).where(is_in_horizon), of="customer_id", as_of=scope.as_of
        )
        .where("orders > 0")
        .select("customer_id")
    )
    return labelled_examples(model_inputs(customers, settings.features), buyers)


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
