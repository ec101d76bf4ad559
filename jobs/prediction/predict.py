"""Predict which customers are about to leave."""

from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, PREDICTIONS
from clarion.customers.features.transforms import (
    model_inputs,
    unpack_features,
    without_features,
)
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations.shop import features
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.churn.model import churn_scores
from clarion.prediction.churn.settings import PredictSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features, known_features
from clarion.workflows.churn_training import population, serving_model
from clarion.workflows.known_features import left_out_features


def run(scope: Scope) -> None:
    """Write the probability of churn of every customer of the population."""
    settings = scope.settings(PredictSettings)
    left_out = left_out_features(scope)
    model = serving_model(scope, settings, left_out)
    if isinstance(model, NotComputable):
        scope.note(f"churn is not predicted: {model.reason}")
        scope.replace(PREDICTIONS, scope.empty(PREDICTIONS))
        return
    pipeline, version = model
    declared = features(scope.config)
    # Of the population is who meets the condition, whether it tells customers apart or not.
    customers = population(
        unpack_features(scope.current(CUSTOMER_FEATURES), declared), settings=settings
    )
    inputs = model_inputs(without_features(customers, declared, left_out), settings.features)
    predictions = churn_scores(pipeline, inputs).select(
        F.lit(scope.as_of).alias("as_of"),
        "customer_id",
        F.lit("churn").alias("label"),
        F.lit(settings.horizon_days).alias("horizon_days"),
        "probability",
        "band",
        F.lit(version).alias("model_version"),
    )
    scope.replace(PREDICTIONS, predictions)


JOB = Job(
    name="predict",
    summary=__doc__,
    reads=(*known_features.READS, *customer_features.READS),
    reads_earlier=(PREDICTIONS,),
    writes=(PREDICTIONS,),
    purpose="analytics",
    settings=(PredictSettings, ProfileSettings),
    run=run,
)
