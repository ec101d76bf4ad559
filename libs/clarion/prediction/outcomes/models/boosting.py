"""Gradient boosting: forty small trees, each on what those before it have left."""

from typing import Any

from pyspark.ml.regression import GBTRegressor

from clarion.prediction.outcomes.models.definition import FEATURES, LABEL, RAW, WEIGHT, Model


def _estimator(seed: int, _days: int) -> Any:
    return GBTRegressor(
        featuresCol=FEATURES, labelCol=LABEL, weightCol=WEIGHT, predictionCol=RAW,
        maxIter=40, maxDepth=3, stepSize=0.1, minInstancesPerNode=10, subsamplingRate=0.7,
        seed=seed,
    )  # fmt: skip


MODEL = Model("boosting", kinds=("event", "amount"), complexity=4, estimator=_estimator)
