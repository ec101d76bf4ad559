"""Churn by logistic regression: features before a cut, labels after it, calibrated on a later cut."""

from dataclasses import dataclass

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.regression import GeneralizedLinearRegression
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.kernel.errors import ClarionError
from clarion.measures.buckets import bucket
from clarion.measures.intervals import NotComputable
from clarion.predict.settings import PredictSettings

FEATURES = ("recency", "rhythm", "frequency", "spend", "tenure", "browsing", "idleness")


class SuspectedLeak(ClarionError):
    """A model is better than the past alone allows."""


@dataclass(frozen=True, slots=True)
class Churn:
    """A fitted, calibrated model.

    Args:
        pipeline: assembler, scaler, regression, and the calibration of its margin.
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


def examples(profiles: DataFrame, buyers: DataFrame) -> DataFrame:
    """Features before a cut with labels after it.

    Args:
        profiles: profiles as of the cut; only customers with an order are kept.
        buyers: customer_id of everyone who ordered within the horizon after the cut.

    Returns:
        customer_id, FEATURES, label (1.0 for churn).
    """
    bought = buyers.select("customer_id", F.lit(0.0).alias("label")).distinct()
    return features(profiles).join(bought, "customer_id", "left").withColumn("label", F.coalesce("label", F.lit(1.0)))


def features(profiles: DataFrame) -> DataFrame:
    """customer_id and FEATURES of every customer with an order, none of them null."""

    def log(name: str) -> Column:
        return F.log1p(F.greatest(F.coalesce(F.col(name).cast("double"), F.lit(0.0)), F.lit(0.0)))

    columns = dict(zip(FEATURES, (log(name) for name in ("recency_days", "rhythm", "orders", "monetary", "tenure_days", "views", "idle_days")), strict=True))
    return profiles.where("recency_days IS NOT NULL").select("customer_id", *(column.alias(name) for name, column in columns.items()))


def fit(earlier: DataFrame, later: DataFrame, *, settings: PredictSettings) -> Churn | NotComputable:
    """Fit on the earlier cut; calibrate (Platt) on one half of the later cut's customers and judge on the other.

    Returns:
        The model; or why there is none: too few customers, or only one outcome.

    Raises:
        SuspectedLeak: the AUC is above `leak_auc`: a feature has seen the future.
    """
    for name, frame in (("earlier", earlier), ("later", later)):
        counts = frame.agg(F.count("*").alias("n"), F.sum("label").alias("churned")).first()
        n, churned = (int(counts["n"]), float(counts["churned"] or 0.0)) if counts else (0, 0.0)
        if n < settings.min_customers:
            return NotComputable(f"{n} customers at the {name} cut, fewer than {settings.min_customers}")
        if churned in (0.0, float(n)):
            return NotComputable(f"all customers at the {name} cut have the same outcome")
    assembler = VectorAssembler(inputCols=list(FEATURES), outputCol="assembled")
    scaler = StandardScaler(inputCol="assembled", outputCol="features", withMean=True, withStd=True)
    first = Pipeline(stages=[assembler, scaler, _logistic("features", "uncalibrated", link="margin", ridge=0.001)]).fit(earlier)
    half = bucket("calibration", "customer_id") % 2 == 0
    scored = first.transform(later).select("customer_id", "label", "margin").persist()
    try:
        platt = Pipeline(stages=[VectorAssembler(inputCols=["margin"], outputCol="score"), _logistic("score", "calibrated", link="logit", ridge=0.0)])
        calibration = platt.fit(scored.where(half))
        judged = calibration.transform(scored.where(~half)).withColumnRenamed("calibrated", "p")
        auc = float(BinaryClassificationEvaluator(rawPredictionCol="p").evaluate(judged))
        sums = judged.agg(F.avg((F.col("p") - F.col("label")) ** 2).alias("brier"), F.avg("label").alias("rate"), F.count("*").alias("n")).first()
    finally:
        scored.unpersist()
    refuse_leak(auc, settings)
    pipeline = PipelineModel(stages=[*first.stages, *calibration.stages])
    return Churn(pipeline, auc, float(sums["brier"]), float(sums["rate"]), int(sums["n"])) if sums else NotComputable("nobody to judge on")


def _logistic(features: str, probability: str, *, link: str, ridge: float) -> GeneralizedLinearRegression:
    """Logistic regression by iteratively reweighted least squares.

    `LogisticRegression` would do, but its fitted model carries its training summary, and with that the session, into every
    task, which fails once the session has observed a write (Spark 4.1).
    """
    return GeneralizedLinearRegression(
        family="binomial", link="logit", featuresCol=features, predictionCol=probability, linkPredictionCol=link, regParam=ridge, maxIter=50
    )


def refuse_leak(auc: float, settings: PredictSettings) -> None:
    """Stop when a model is too good to be true.

    Raises:
        SuspectedLeak: the AUC is above the limit.
    """
    if auc > settings.leak_auc:
        raise SuspectedLeak(
            "the churn model is too good to be true",
            found=f"AUC {auc:.3f}, above {settings.leak_auc}",
            fix="look for a feature that has seen the label's window",
        )


def score(pipeline: PipelineModel, frame: DataFrame) -> DataFrame:
    """Calibrated probability of churn: customer_id, probability, band (thirds by rank of the probability)."""
    scored = pipeline.transform(frame).select("customer_id", F.round("calibrated", 9).alias("probability"))
    limits = scored.agg(F.percentile("probability", F.array(F.lit(1 / 3), F.lit(2 / 3))).alias("limits"))
    band = F.when(F.col("probability") <= F.col("limits")[0], "low").when(F.col("probability") <= F.col("limits")[1], "medium").otherwise("high")
    return scored.crossJoin(F.broadcast(limits)).select("customer_id", "probability", band.alias("band"))
