"""Predict who is about to leave."""

from dataclasses import asdict
from datetime import date, timedelta
from functools import partial

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS, CUSTOMER_FEATURES, PREDICTIONS
from clarion.customers.features.definitions import required_features
from clarion.customers.features.transforms import model_inputs, unpack_features
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations.shop import features
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.churn import model as churn
from clarion.prediction.churn.settings import PredictSettings
from clarion.runtime import models
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features

MODEL = "clarion-churn"


def run(scope: Scope) -> None:
    settings = scope.settings(PredictSettings)
    found = _model(scope, settings)
    if isinstance(found, NotComputable):
        scope.note(f"churn is not predicted: {found.reason}")
        scope.replace(PREDICTIONS, scope.empty(PREDICTIONS))
        return
    pipeline, version = found
    described = unpack_features(scope.current(CUSTOMER_FEATURES), features(scope.config))
    scores = churn.churn_scores(
        pipeline, model_inputs(_population(described, settings), settings.features)
    )
    rows = scores.select(
        F.lit(scope.as_of).alias("as_of"),
        "customer_id",
        F.lit("churn").alias("label"),
        F.lit(settings.horizon_days).alias("horizon_days"),
        "probability",
        "band",
        F.lit(version).alias("model_version"),
    )
    scope.replace(PREDICTIONS, rows)


def _model(scope: Scope, settings: PredictSettings) -> tuple[PipelineModel, str] | NotComputable:
    wanted, earlier_days = digest(asdict(settings)), scope.earlier(PREDICTIONS)
    serving = models.active_model(
        scope.tracking,
        MODEL,
        earlier_days,
        fitted_with=wanted,
        as_of=scope.as_of,
        retrain_days=settings.retrain_days,
    )
    if serving:
        return serving
    horizon = timedelta(days=settings.horizon_days)
    earlier, later = (
        _examples(scope, scope.as_of - times * horizon, settings).persist() for times in (2, 1)
    )
    try:
        of_earlier, of_later = run_concurrently(
            [partial(models.input_fingerprint, earlier), partial(models.input_fingerprint, later)]
        )
        fingerprint = digest(wanted, scope.seed, str(scope.as_of), of_earlier + of_later)
        known = scope.tracking.version_of(MODEL, fingerprint)
        if known:
            return scope.tracking.load(MODEL, known), known
        found = churn.fit_churn_model(earlier, later, settings=settings)
    finally:
        earlier.unpersist()
        later.unpersist()
    if isinstance(found, NotComputable):
        return found
    scope.note(
        f"churn: AUC {found.auc:.3f}, Brier {found.brier:.3f}, base rate {found.base_rate:.1%}, on {found.customers} customers"
    )
    metrics = {
        "auc": found.auc,
        "brier": found.brier,
        "base_rate": found.base_rate,
        "customers": found.customers,
    }
    parameters = {
        **asdict(settings),
        "features": ",".join(settings.features),
        "as_of": str(scope.as_of),
        models.SETTINGS: wanted,
    }
    version = scope.tracking.log(
        MODEL, found.pipeline, params=parameters, metrics=metrics, fingerprint=fingerprint
    )
    return found.pipeline, version


def _population(described: DataFrame, settings: PredictSettings) -> DataFrame:
    """The customers whose churn is predicted."""
    condition = UserSql(
        where="predict.population",
        text=settings.population,
        result=CONDITION,
        hint="use names of conf/features.yml",
    )
    check_user_sql(described, [condition])
    return described.where(settings.population)


def _examples(scope: Scope, cut: date, settings: PredictSettings) -> DataFrame:
    """Features of what happened before the cut and was known by then; labels of the days after it."""
    looked_at = required_features(
        features(scope.config), [*settings.features.values(), settings.population]
    )
    past = customer_features.past_features(scope, looked_at, as_of=cut)
    described = _population(past, settings)
    after = (
        (F.col("day") >= F.lit(cut))
        & (F.col("day") < F.lit(cut + timedelta(days=settings.horizon_days)))
        & (F.col("orders") > 0)
    )
    buyers = (
        scope.facts(CUSTOMER_DAYS)
        .where(after & (F.col("known_on") < F.lit(scope.as_of)))
        .select("customer_id")
    )
    return churn.labelled_examples(model_inputs(described, settings.features), buyers)


JOB = Job(
    name="predict",
    summary=__doc__,
    reads=(CUSTOMER_FEATURES, *customer_features.READS),
    reads_earlier=(PREDICTIONS,),
    writes=(PREDICTIONS,),
    purpose="analytics",
    settings=(PredictSettings, ProfileSettings),
    run=run,
)
