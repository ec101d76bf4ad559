"""A random forest: fifty trees, each on its own sample of customers and inputs."""

from typing import Any

from pyspark.ml.regression import RandomForestRegressor

from clarion.prediction.outcomes.models.definition import FEATURES, LABEL, RAW, WEIGHT, Model


def _estimator(seed: int, _days: int) -> Any:
    return RandomForestRegressor(
        featuresCol=FEATURES, labelCol=LABEL, weightCol=WEIGHT, predictionCol=RAW,
        numTrees=50, maxDepth=6, minInstancesPerNode=10, subsamplingRate=0.7, seed=seed,
    )  # fmt: skip


MODEL = Model("forest", kinds=("event", "amount"), complexity=3, estimator=_estimator)
