"""Churn by logistic regression: features before a cut, labels after it, calibrated on a later cut."""

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

_KNOWN = "known_"  # in front of an input once what is unknown has been filled in


class SuspectedLeakError(ClarionError):
    """A model is better than the past alone allows."""


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """A fitted, calibrated model.

    Args:
        pipeline: medians for what is unknown, assembler, scaler, regression, and the calibration of its margin.
        auc: area under the curve on customers of the later cut that neither step has seen.
        brier: mean squared error of the calibrated probability there.
        base_rate: share of churners there.
        customers: how many they are.
    """

    pipeline: PipelineModel
    auc: float
    brier: float
    base_rate: float
    customers: int


def labelled_examples(inputs: DataFrame, buyers: DataFrame) -> DataFrame:
    """Inputs as of a cut with labels after it.

    Args:
        inputs: customer_id and what the model looks at, as of the cut.
        buyers: customer_id of everyone who ordered within the horizon after the cut.

    Returns:
        The inputs with label (1.0 for churn).
    """
    bought = buyers.select("customer_id", F.lit(0.0).alias("label")).distinct()
    return inputs.join(bought, "customer_id", "left").withColumn(
        "label", F.coalesce("label", F.lit(1.0))
    )


def fit_churn_model(
    earlier: DataFrame, later: DataFrame, *, settings: PredictSettings
) -> ChurnModel | NotComputable:
    """Fit on the earlier cut; calibrate (Platt) on one half of the later cut's customers and judge on the other.

    Args:
        earlier: examples of the earlier cut.
        later: examples of the later cut.
        settings: limits.

    Returns:
        The model; or why there is none: too few customers, or only one outcome.

    Raises:
        SuspectedLeakError: the AUC is above `leak_auc`: a feature has seen the future.
    """
    names = [name for name in earlier.columns if name not in ("customer_id", "label")]
    spread: Row | None = None
    for name, frame in (("earlier", earlier), ("later", later)):
        counts = frame.agg(
            F.count("*").alias("n"),
            F.sum("label").alias("churned"),
            *(F.stddev_samp(item).alias(item) for item in names),
        ).first()
        spread = spread or counts
        n, churned = (int(counts["n"]), float(counts["churned"] or 0.0)) if counts else (0, 0.0)
        if n < settings.min_customers:
            return NotComputable(
                f"{n} customers at the {name} cut, fewer than {settings.min_customers}"
            )
        if churned in (0.0, float(n)):
            return NotComputable(f"all customers at the {name} cut have the same outcome")
    varying = [name for name in names if spread and (spread[name] or 0.0) > 1e-12]
    if not varying:
        return NotComputable("all customers at the earlier cut are alike")
    known = [f"{_KNOWN}{name}" for name in varying]
    medians = Imputer(strategy="median", relativeError=0.0001, inputCols=varying, outputCols=known)
    assembler = VectorAssembler(inputCols=known, outputCol="assembled")
    scaler = StandardScaler(inputCol="assembled", outputCol="features", withMean=True, withStd=True)
    first = Pipeline(
        stages=[
            medians,
            assembler,
            scaler,
            _logistic("features", "uncalibrated", link="margin", ridge=0.001),
        ]
    ).fit(earlier)
    half = bucket("calibration", "customer_id") % 2 == 0
    scored = first.transform(later).select("customer_id", "label", "margin").persist()
    try:
        platt = Pipeline(
            stages=[
                VectorAssembler(inputCols=["margin"], outputCol="score"),
                _logistic("score", "calibrated", link="logit", ridge=0.0),
            ]
        )
        calibration = platt.fit(scored.where(half))
        judged = calibration.transform(scored.where(~half)).withColumnRenamed("calibrated", "p")
        auc = float(BinaryClassificationEvaluator(rawPredictionCol="p").evaluate(judged))
        sums = judged.agg(
            F.avg((F.col("p") - F.col("label")) ** 2).alias("brier"),
            F.avg("label").alias("rate"),
            F.count("*").alias("n"),
        ).first()
    finally:
        scored.unpersist()
    refuse_leak(auc, settings)
    pipeline = PipelineModel(stages=[*first.stages, *calibration.stages])
    return (
        ChurnModel(pipeline, auc, float(sums["brier"]), float(sums["rate"]), int(sums["n"]))
        if sums
        else NotComputable("nobody to judge on")
    )


def _logistic(
    features: str, probability: str, *, link: str, ridge: float
) -> GeneralizedLinearRegression:
    """Logistic regression by iteratively reweighted least squares.

    `LogisticRegression` would do, but its fitted model carries its training summary, and with that the session, into every
    task, which fails once the session has observed a write (Spark 4.1).
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


def refuse_leak(auc: float, settings: PredictSettings) -> None:
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


def churn_scores(pipeline: PipelineModel, frame: DataFrame) -> DataFrame:
    """Calibrated probability of churn: customer_id, probability, band (thirds by rank of the probability)."""
    scored = pipeline.transform(frame).select(
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
