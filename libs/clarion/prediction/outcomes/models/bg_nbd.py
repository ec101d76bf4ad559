"""BG/NBD and Gamma-Gamma: amounts from when and for how much a customer has bought so far."""

import json
from dataclasses import asdict
from typing import Any

from pyspark.ml import Estimator, Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.outcomes.models.definition import PURCHASES, RAW, Model, NotFittedError
from clarion.prediction.value.columns import expected_revenue, grouped_statistics
from clarion.prediction.value.model import ValueModel, fit_value_model
from clarion.prediction.value.purchases import PurchaseModel
from clarion.prediction.value.spend import SpendModel


class _ExpectedRevenue(Transformer, DefaultParamsReadable[Any], DefaultParamsWritable):
    """Adds RAW, the revenue to expect of a customer; 0 for who has bought nothing.

    Its parameters are saved with a pipeline: `value_model`, the model as JSON, and `days`.
    """

    value_model = Param(Params._dummy(), "value_model", "JSON", TypeConverters.toString)
    days = Param(Params._dummy(), "days", "length of the horizon", TypeConverters.toInt)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        fields = json.loads(self.getOrDefault(self.value_model))
        model = ValueModel(
            PurchaseModel(**fields.pop("purchases")), SpendModel(**fields.pop("spend")), **fields
        )
        revenue = expected_revenue(model, horizon=self.getOrDefault(self.days), within=PURCHASES)
        bought = F.col(PURCHASES)["age"].isNotNull()
        return dataset.withColumn(RAW, F.when(bought, revenue).otherwise(0.0))


class _Estimator(Estimator[_ExpectedRevenue]):
    """Fits both models on the purchases of training rows."""

    def __init__(self, *, days: int) -> None:
        super().__init__()
        self._days = days

    def _fit(self, dataset: DataFrame) -> _ExpectedRevenue:
        bought = dataset.select(f"{PURCHASES}.*").where("age IS NOT NULL")
        model = fit_value_model(grouped_statistics(bought).toPandas())
        if isinstance(model, NotComputable):
            raise NotFittedError(
                "BG/NBD cannot be fitted to these customers",
                found=model.reason,
                fix="take bg_nbd out of predict.models.amount",
            )
        fitted = _ExpectedRevenue()
        return fitted._set(value_model=json.dumps(asdict(model)), days=self._days)


def _estimator(_seed: int, days: int) -> Any:
    return _Estimator(days=days)


MODEL = Model("bg_nbd", kinds=("amount",), complexity=0, estimator=_estimator, reads=(PURCHASES,))
