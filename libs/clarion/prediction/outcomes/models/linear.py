"""Linear regression, with a small ridge."""

from typing import Any

from pyspark.ml.regression import GeneralizedLinearRegression

from clarion.prediction.outcomes.models.definition import FEATURES, LABEL, RAW, WEIGHT, Model


def _estimator(_seed: int, _days: int) -> Any:
    return GeneralizedLinearRegression(
        family="gaussian", featuresCol=FEATURES, labelCol=LABEL, weightCol=WEIGHT,
        predictionCol=RAW, regParam=0.001,
    )  # fmt: skip


MODEL = Model("linear", kinds=("amount",), complexity=1, estimator=_estimator)
