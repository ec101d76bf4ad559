"""A decision tree, small enough to be read."""

from typing import Any

from pyspark.ml.regression import DecisionTreeRegressor

from clarion.prediction.outcomes.models.definition import FEATURES, LABEL, RAW, WEIGHT, Model


def _estimator(seed: int, _days: int) -> Any:
    return DecisionTreeRegressor(
        featuresCol=FEATURES, labelCol=LABEL, weightCol=WEIGHT, predictionCol=RAW,
        maxDepth=4, minInstancesPerNode=20, seed=seed,
    )  # fmt: skip


MODEL = Model("tree", kinds=("event", "amount"), complexity=2, estimator=_estimator)
