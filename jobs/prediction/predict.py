"""Predict which customers are about to leave."""

from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, PREDICTIONS
from clarion.customers.features.transforms import model_inputs, unpack_features
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations.shop import features
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.churn.model import churn_scores
from clarion.prediction.churn.settings import PredictSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features
from clarion.workflows.churn_training import population, serving_model


def run(scope: Scope) -> None:
    """Write the probability of churn of every customer of the population."""
    settings = scope.settings(PredictSettings)
    model = serving_model(scope, settings)
    if isinstance(model, NotComputable):
        scope.note(f"churn is not predicted: {model.reason}")
        scope.replace(PREDICTIONS, scope.empty(PREDICTIONS))
        return
    pipeline, version = model
    customers = unpack_features(scope.current(CUSTOMER_FEATURES), features(scope.config))
    inputs = model_inputs(population(customers, settings=settings), settings.features)
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
    reads=(CUSTOMER_FEATURES, *customer_features.READS),
    reads_earlier=(PREDICTIONS,),
    writes=(PREDICTIONS,),
    purpose="analytics",
    settings=(PredictSettings, ProfileSettings),
    run=run,
)
