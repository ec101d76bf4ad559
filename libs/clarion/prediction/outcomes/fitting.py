"""Fit the models of a label, choose one, calibrate it and judge it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import Imputer, SQLTransformer, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.prediction.outcomes.calibration import Calibration, fit_calibration
from clarion.prediction.outcomes.cuts import CALIBRATE, CHOOSE, JUDGE, TRAIN
from clarion.prediction.outcomes.labels import OF_LABEL
from clarion.prediction.outcomes.models import columns_read
from clarion.prediction.outcomes.models.definition import (
    FEATURES,
    LABEL,
    LINK,
    RAW,
    WEIGHT,
    Model,
)
from clarion.prediction.outcomes.quality import (
    Quality,
    amount_quality,
    auc_difference,
    auc_interval,
    event_quality,
    loss_difference,
)
from clarion.prediction.outcomes.reasons import (
    CONTRIBUTIONS,
    FILLED,
    Contributions,
    linear_weights,
)
from clarion.prediction.outcomes.settings import Kind, Label

Array = npt.NDArray[np.float64]
PREDICTED = "predicted"
_SCORE = "score"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Inputs made ready: medians for unknown values, one vector, standard deviations.

    Args:
        pipeline: imputer, assembler and scaler.
        inputs: names, in the order of the vector.
    """

    pipeline: PipelineModel
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted model of a label.

    Args:
        model: its kind.
        fitted: stage of a pipeline.
    """

    model: Model
    fitted: Any


@dataclass(frozen=True, slots=True)
class Chosen:
    """The model that won, calibrated and judged.

    Args:
        model: name of its kind.
        pipeline: from inputs to the columns `predicted` and `contributions`.
        calibration: its calibration.
        compared: the figure by which each candidate was chosen, by name: AUC of an event, mean
            absolute error of an amount.
        quality: on customers that neither fit, choice nor calibration has seen.
        outcome: of these customers, shape (n,).
        predicted: of these customers, shape (n,).
        explained: share of the score's variance that the reasons explain.
    """

    model: str
    pipeline: PipelineModel
    calibration: Calibration
    compared: Mapping[str, float]
    quality: Quality
    outcome: Array
    predicted: Array
    explained: float


def prepare(train: DataFrame, inputs: Sequence[str]) -> Preparation:
    """Medians and standard deviations of the inputs.

    Args:
        train: the inputs of training rows.
        inputs: those that vary over them.
    """
    filled = [f"{FILLED}{name}" for name in inputs]
    stages: list[Any] = [
        Imputer(strategy="median", relativeError=0.0001, inputCols=[*inputs], outputCols=filled),
        VectorAssembler(inputCols=filled, outputCol="assembled"),
        StandardScaler(inputCol="assembled", outputCol=FEATURES, withMean=True, withStd=True),
    ]
    return Preparation(Pipeline(stages=stages).fit(train), tuple(inputs))


def fit_candidate(
    prepared: DataFrame,
    name: str,
    label: Label,
    model: Model,
    *,
    positives: float,
    days: int,
    seed: int,
) -> Candidate:
    """A model fitted on the training rows of a label.

    Args:
        prepared: prepared rows with role and label_NAME.
        name: the label's name.
        label: the label.
        model: kind of model.
        positives: share of training rows with the outcome; for weights where the label asks for
            them. Rows are weighted, never copied, so that none can be in two folds.
        days: length of the label's horizon.
        seed: of the model's draws.

    Raises:
        NotFittedError: there is nothing that the model could learn.
    """
    outcome = F.col(f"{OF_LABEL}{name}")
    weight = F.lit(1.0)
    if label.balanced and label.kind == "event":
        weight = F.when(outcome == 1, 0.5 / positives).otherwise(0.5 / (1 - positives))
    rows = prepared.where((F.col("role") == TRAIN) & outcome.isNotNull()).select(
        FEATURES, outcome.alias(LABEL), weight.alias(WEIGHT), *model.reads
    )
    return Candidate(model, model.estimator(seed, days).fit(rows))


def scored_rows(
    prepared: DataFrame, candidates: Mapping[str, Sequence[Candidate]], kinds: Mapping[str, Kind]
) -> pd.DataFrame:
    """The rows that choose, calibrate and judge, with the score of each candidate.

    Args:
        prepared: prepared rows with role, customer_id, label_NAME of each label, and what the
            candidates read.
        candidates: by label.
        kinds: kind of each label.

    Returns:
        role, customer_id, features (scaled, an array), label_NAME, and score_LABEL_MODEL.
    """
    names = [f"{OF_LABEL}{name}" for name in candidates]
    reads = columns_read(item.model.name for some in candidates.values() for item in some)
    rows = prepared.where(F.col("role") != TRAIN).select(
        "role", "customer_id", FEATURES, *reads, *names
    )
    scores: list[str] = []
    for name, of_label in candidates.items():
        for candidate in of_label:
            score = F.expr(candidate.model.score if kinds[name] == "event" else RAW)
            scores.append(score_column(name, candidate.model.name))
            rows = candidate.fitted.transform(rows).withColumn(scores[-1], score).drop(RAW, LINK)
    as_array = vector_to_array(F.col(FEATURES)).alias(FEATURES)
    return rows.select("role", "customer_id", as_array, *names, *scores).toPandas()


def score_column(name: str, model: str) -> str:
    """Name of the column with the scores of a model of a label."""
    return f"score_{name}_{model}"


def choose(
    rows: pd.DataFrame,
    name: str,
    label: Label,
    candidates: Sequence[Candidate],
    preparation: Preparation,
) -> Chosen:
    """The best candidate on the rows that choose, calibrated and judged on others.

    Args:
        rows: result of `scored_rows`.
        name: the label's name.
        label: the label.
        candidates: its fitted models, the simplest first. A larger one wins only if it is better
            by an interval of 95 % that excludes zero.
        preparation: of the inputs.
    """
    known = rows[rows[f"{OF_LABEL}{name}"].notna()]
    by_role = dict(iter(known.groupby("role")))
    calibrations = {
        item.model.name: fit_calibration(
            label.kind, *_arrays(by_role[CALIBRATE], name, score_column(name, item.model.name))
        )
        for item in candidates
    }
    outcome, predicted_by = _predicted(by_role[CHOOSE], name, calibrations)
    compared = {
        model: _figure(label.kind, outcome, predicted) for model, predicted in predicted_by.items()
    }
    best = best_model(label.kind, outcome, predicted_by)
    winner = next(item for item in candidates if item.model.name == best)
    column = score_column(name, best)
    calibration = calibrations[best]
    outcome, score = _arrays(by_role[JUDGE], name, column)
    predicted = calibration.predictions(score)
    quality = (
        event_quality(outcome, predicted, threshold=label.threshold)
        if label.kind == "event"
        else amount_quality(outcome, predicted)
    )
    contributions = _contributions(known, column, calibration, preparation)
    stages = [
        *preparation.pipeline.stages,
        winner.fitted,
        SQLTransformer(
            statement=f"SELECT *, {winner.model.score if label.kind == 'event' else RAW} "
            f"AS {_SCORE} FROM __THIS__"
        ),
        SQLTransformer(
            statement=f"SELECT *, {calibration.sql(_SCORE)} AS {PREDICTED}, "
            f"{contributions.sql()} AS {CONTRIBUTIONS} FROM __THIS__"
        ),
    ]
    return Chosen(
        winner.model.name, PipelineModel(stages=stages), calibration, compared, quality,
        outcome, predicted, contributions.explained,
    )  # fmt: skip


def best_model(kind: Kind, outcome: Array, predicted: Mapping[str, Array]) -> str:
    """The last of the models that is surely better than each one that won before it.

    Args:
        kind: event or amount.
        outcome: of each customer, shape (n,).
        predicted: calibrated predictions of each model, shape (n,), the simplest model first. One
            with a prediction that is not a number takes no part.
    """
    finite = {name: found for name, found in predicted.items() if np.isfinite(found).all()}
    best, *larger = finite or predicted
    for name in larger:
        one, other = predicted[name], predicted[best]
        if kind == "amount":
            is_better = loss_difference(np.abs(one - outcome), np.abs(other - outcome)).high < 0
        else:
            gap = auc_difference(outcome, one, other)
            is_better = gap is not None and gap.low > 0
        best = name if is_better else best
    return best


def _predicted(
    rows: pd.DataFrame, name: str, calibrations: Mapping[str, Calibration]
) -> tuple[Array, dict[str, Array]]:
    """The outcomes of some rows, and what each model predicts of them."""
    outcome = rows[f"{OF_LABEL}{name}"].to_numpy(dtype=np.float64)
    return outcome, {
        model: calibration.predictions(rows[score_column(name, model)].to_numpy(dtype=np.float64))
        for model, calibration in calibrations.items()
    }


def _arrays(rows: pd.DataFrame, name: str, column: str) -> tuple[Array, Array]:
    return (
        rows[f"{OF_LABEL}{name}"].to_numpy(dtype=np.float64),
        rows[column].to_numpy(dtype=np.float64),
    )


def _figure(kind: Kind, outcome: Array, predicted: Array) -> float:
    if kind == "amount":
        return float(np.abs(predicted - outcome).mean())
    auc = auc_interval(outcome, predicted)
    return auc.value if auc else 0.5


def _contributions(
    rows: pd.DataFrame, column: str, calibration: Calibration, preparation: Preparation
) -> Contributions:
    """What each input adds to the calibrated score, by the linear model closest to it."""
    scaled = np.vstack(rows[FEATURES].tolist())
    line = calibration.slope * rows[column].to_numpy(dtype=np.float64)
    weights, explained = linear_weights(scaled, line)
    scaler: Any = preparation.pipeline.stages[-1]
    return Contributions(
        inputs=preparation.inputs,
        means=tuple(float(value) for value in scaler.mean.toArray()),
        standard_deviations=tuple(float(value) for value in scaler.std.toArray()),
        weights=tuple(float(value) for value in weights),
        explained=explained,
    )
