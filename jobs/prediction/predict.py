"""Predict what customers will do: leave, buy, spend, with reasons in words."""

from collections.abc import Mapping

from pyspark.sql import DataFrame

from clarion.contracts.gold import CUSTOMER_FEATURES, PREDICTION_MODELS, PREDICTIONS
from clarion.customers.features.transforms import (
    model_inputs,
    unpack_features,
    without_features,
)
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations.shop import features
from clarion.lake.frames import rows_as_frame, union_all
from clarion.prediction.outcomes.labels import population
from clarion.prediction.outcomes.models import columns_read
from clarion.prediction.outcomes.scoring import Acting, predictions, with_bands
from clarion.prediction.outcomes.settings import PredictSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features, known_features
from clarion.workflows.known_features import left_out_features
from clarion.workflows.outcome_examples import with_columns_read
from clarion.workflows.outcome_training import acting_models


def run(scope: Scope) -> None:
    """Write the models of the day, and what they predict for each customer of their population."""
    settings = scope.settings(PredictSettings)
    left_out = left_out_features(scope)
    models = acting_models(scope, settings, left_out)
    rows = [row for row, _ in models.values()]
    scope.replace(PREDICTION_MODELS, rows_as_frame(scope.spark, PREDICTION_MODELS, rows))
    acting = {name: model for name, (_, model) in models.items() if model}
    if not acting:
        scope.replace(PREDICTIONS, scope.empty(PREDICTIONS))
        return
    scope.replace(PREDICTIONS, with_bands(scope.persist(_scored(scope, acting, left_out))))


def _scored(scope: Scope, acting: Mapping[str, Acting], left_out: Mapping[str, str]) -> DataFrame:
    """The predictions of the models that act, without bands."""
    settings = scope.settings(PredictSettings)
    declared = features(scope.config)
    # Of the population is who meets the condition, whether it tells customers apart or not.
    customers = unpack_features(scope.current(CUSTOMER_FEATURES), declared)
    reads = columns_read(model.model for model in acting.values())
    customers = with_columns_read(scope, customers, reads, as_of=scope.as_of)
    scored = []
    for name, model in acting.items():
        label = settings.labels[name]
        of_label = without_features(population(customers, label), declared, left_out)
        values = {key: value for key, value in settings.values.items() if key in model.inputs}
        about = [label.about] if label.about else []
        keep = [*about, *columns_read([model.model])]
        inputs = model_inputs(of_label, values, keep=keep)
        scored.append(predictions(inputs, model, name, label, as_of=scope.as_of, settings=settings))
    return union_all(scored)


JOB = Job(
    name="predict",
    summary=__doc__,
    reads=(*known_features.READS, *customer_features.READS),
    reads_earlier=(PREDICTION_MODELS,),
    writes=(PREDICTION_MODELS, PREDICTIONS),
    purpose="analytics",
    settings=(PredictSettings, ProfileSettings),
    run=run,
)
