"""Logistic regression, with a small ridge, by iteratively reweighted least squares."""

from typing import Any

from pyspark.ml.regression import GeneralizedLinearRegression

from clarion.prediction.outcomes.models.definition import FEATURES, LABEL, LINK, RAW, WEIGHT, Model


def _estimator(_seed: int, _days: int) -> Any:
    # The fitted model of `LogisticRegression` carries its training summary, and with it the
    # session, into every task. That fails once the session has observed a write (ADR 5).
    return GeneralizedLinearRegression(
        family="binomial", link="logit", featuresCol=FEATURES, labelCol=LABEL, weightCol=WEIGHT,
        predictionCol=RAW, linkPredictionCol=LINK, regParam=0.001, maxIter=50,
    )  # fmt: skip


MODEL = Model("logistic", kinds=("event",), complexity=1, estimator=_estimator, score=LINK)
