"""A churn model: logistic regression on one cut, calibrated on a later one."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import Imputer, StandardScaler, VectorAssembler
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.kernel.errors import ClarionError
from clarion.measures.columns.buckets import bucket
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.churn.settings import PredictSettings

_FILLED = "known_"  # prefix of an input whose unknown values are filled with the median


class SuspectedLeakError(ClarionError):
    """A model is better than the past alone allows."""


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A fitted, calibrated model.

    Args:
        pipeline: medians for unknown values, assembler, scaler, regression, and the calibration of
            its margin.
        auc: area under the ROC curve, on customers of the later cut that neither step has seen.
        brier: mean squared error of the calibrated probability there.
        base_rate: share of churners there.
        customers: number of customers there.
    """

    pipeline: PipelineModel
    auc: float
    brier: float
    base_rate: float
    customers: int


def labelled_examples(inputs: DataFrame, buyers: DataFrame) -> DataFrame:
    """Inputs as of a cut with labels from after it.

    Args:
        inputs: customer_id and the inputs of the model, as of the cut.
        buyers: customer_id of everyone who ordered within the horizon after the cut.

    Returns:
        The inputs with label (1.0 for churn).
    """
    stays = buyers.select("customer_id", F.lit(0.0).alias("label")).distinct()
    return inputs.join(stays, "customer_id", "left").withColumn(
        "label", F.coalesce("label", F.lit(1.0))
    )


def fit_churn_model(
    earlier: DataFrame, later: DataFrame, *, settings: PredictSettings
) -> ChurnModel | NotComputable:
    """Fit on the earlier cut; calibrate (Platt) and evaluate on two halves of the later cut.

    Args:
        earlier: labelled examples of the earlier cut.
        later: labelled examples of the later cut.
        settings: limits.

    Returns:
        The model, or why there is none: too few customers, one outcome only, or inputs without
        variation.

    Raises:
        SuspectedLeakError: the AUC is above `leak_auc`: an input has seen the future.
    """
    counts = _label_counts(earlier, standard_deviations_of=_inputs(earlier))
    reason = _too_little("earlier", counts, settings) or _too_little(
        "later", _label_counts(later), settings
    )
    if reason:
        return NotComputable(reason)
    varying = [name for name in _inputs(earlier) if counts and (counts[name] or 0.0) > 1e-12]
    if not varying:
        return NotComputable("all customers at the earlier cut are alike")

    regression = _regression_pipeline(varying).fit(earlier)
    is_calibration = bucket("calibration", "customer_id") % 2 == 0
    scored = regression.transform(later).select("customer_id", "label", "margin").persist()
    try:
        calibration = _calibration_pipeline().fit(scored.where(is_calibration))
        evaluated = calibration.transform(scored.where(~is_calibration)).withColumnRenamed(
            "calibrated", "p"
        )
        auc = float(BinaryClassificationEvaluator(rawPredictionCol="p").evaluate(evaluated))
        sums = evaluated.agg(
            F.avg((F.col("p") - F.col("label")) ** 2).alias("brier"),
            F.avg("label").alias("rate"),
            F.count("*").alias("n"),
        ).first()
    finally:
        scored.unpersist()
    refuse_leak(auc, settings=settings)
    if sums is None:
        return NotComputable("there are no customers to evaluate on")
    pipeline = PipelineModel(stages=[*regression.stages, *calibration.stages])
    return ChurnModel(pipeline, auc, float(sums["brier"]), float(sums["rate"]), int(sums["n"]))


def refuse_leak(auc: float, *, settings: PredictSettings) -> None:
    """Stop when a model is too good to be true.

    Raises:
        SuspectedLeakError: the AUC is above the limit.
    """
    if auc > settings.leak_auc:
        raise SuspectedLeakError(
            "the churn model is too good to be true",
            found=f"AUC {auc:.3f}, above {settings.leak_auc}",
            fix="look for a feature that has seen the label's window",
        )


def churn_scores(pipeline: PipelineModel, inputs: DataFrame) -> DataFrame:
    """The calibrated probability of churn of every customer.

    Args:
        pipeline: pipeline of a ChurnModel.
        inputs: customer_id and the inputs of the model.

    Returns:
        customer_id, probability, band (low, medium or high: thirds by rank of the probability).
    """
    scored = pipeline.transform(inputs).select(
        "customer_id", F.round("calibrated", 9).alias("probability")
    )
    limits = scored.agg(
        F.percentile("probability", F.array(F.lit(1 / 3), F.lit(2 / 3))).alias("limits")
    )
    band = (
        F.when(F.col("probability") <= F.col("limits")[0], "low")
        .when(F.col("probability") <= F.col("limits")[1], "medium")
        .otherwise("high")
    )
    return scored.crossJoin(F.broadcast(limits)).select(
        "customer_id", "probability", band.alias("band")
    )


def _inputs(examples: DataFrame) -> list[str]:
    return [name for name in examples.columns if name not in ("customer_id", "label")]


def _label_counts(examples: DataFrame, *, standard_deviations_of: Sequence[str] = ()) -> Row | None:
    """Number of customers (n) and of churners (churned), and standard deviations of inputs."""
    return examples.agg(
        F.count("*").alias("n"),
        F.sum("label").alias("churned"),
        *(F.stddev_samp(name).alias(name) for name in standard_deviations_of),
    ).first()


def _too_little(cut: str, counts: Row | None, settings: PredictSettings) -> str | None:
    """Why the customers of a cut are not enough to learn from; None if they are."""
    n = int(counts["n"]) if counts else 0
    churned = float(counts["churned"] or 0.0) if counts else 0.0
    if n < settings.min_customers:
        return f"{n} customers at the {cut} cut, fewer than {settings.min_customers}"
    if churned in (0.0, float(n)):
        return f"all customers at the {cut} cut have the same outcome"
    return None


def _regression_pipeline(inputs: list[str]) -> Pipeline:
    filled = [f"{_FILLED}{name}" for name in inputs]
    return Pipeline(
        stages=[
            Imputer(strategy="median", relativeError=0.0001, inputCols=inputs, outputCols=filled),
            VectorAssembler(inputCols=filled, outputCol="assembled"),
            StandardScaler(inputCol="assembled", outputCol="features", withMean=True, withStd=True),
            _logistic("features", "uncalibrated", link="margin", ridge=0.001),
        ]
    )


def _calibration_pipeline() -> Pipeline:
    return Pipeline(
        stages=[
            VectorAssembler(inputCols=["margin"], outputCol="score"),
            _logistic("score", "calibrated", link="logit", ridge=0.0),
        ]
    )


def _logistic(
    features: str, probability: str, *, link: str, ridge: float
) -> GeneralizedLinearRegression:
    """Logistic regression by iteratively reweighted least squares.

    The fitted model of `LogisticRegression` carries its training summary, and with it the session,
    into every task. That fails once the session has observed a write (Spark 4.1; ADR 5).
    """
    return GeneralizedLinearRegression(
        family="binomial",
        link="logit",
        featuresCol=features,
        predictionCol=probability,
        linkPredictionCol=link,
        regParam=ridge,
        maxIter=50,
    )
