"""Statistics of the value model in Spark: by hand, and the scores equal those of the arrays."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.prediction.value.columns import (
    expected_revenue,
    grouped_statistics,
    value_statistics,
)
from clarion.prediction.value.model import ValueModel, fit_value_model
from clarion.prediction.value.purchases import PurchaseModel
from clarion.prediction.value.spend import SpendModel

Rows = Callable[..., DataFrame]
AS_OF = date(2026, 6, 1)
DAYS = "customer_id string, day date, amount decimal(18,4)"


def _day(before: int) -> date:
    return AS_OF - timedelta(days=before)


def test_purchases_of_one_day_are_one_and_the_first_gives_no_value(rows: Rows) -> None:
    days = rows(
        DAYS,
        ("ann", _day(30), Decimal(99)), ("ann", _day(20), Decimal(8)), ("ann", _day(20), Decimal(4)),
        ("ann", _day(5), Decimal(20)), ("ann", AS_OF, Decimal(500)),
        ("ben", _day(7), Decimal(3)),
        ("eva", _day(-1), Decimal(3)),
    )  # fmt: skip
    found = value_statistics(days, as_of=AS_OF).orderBy("customer_id").collect()
    assert [tuple(row) for row in found] == [("ann", 2, 25, 30, 16.0), ("ben", 0, 0, 7, None)]


def test_groups_hold_every_customer_once_by_times_and_once_by_value(rows: Rows) -> None:
    statistics = rows(
        "customer_id string, purchases bigint, last int, age int, mean_value double",
        ("a", 2, 25, 30, 16.0), ("b", 2, 25, 30, 16.01), ("c", 2, 20, 30, -5.0),
        ("d", 0, 0, 30, None), ("e", 0, 0, 30, None),
    )  # fmt: skip
    found = grouped_statistics(statistics).toPandas()
    assert found.columns.tolist() == ["purchases", "last", "age", "weight", "mean_value"]
    times = found[found["age"].notna()].sort_values(["purchases", "last"])
    assert times[["purchases", "last", "age", "weight"]].to_numpy().tolist() == [
        [0, 0, 30, 2],
        [2, 20, 30, 1],
        [2, 25, 30, 2],
    ]
    values = found[found["age"].isna()].sort_values("mean_value")
    assert values["weight"].tolist() == [1, 2]
    assert values["mean_value"].tolist() == pytest.approx([0.0, 16.0], rel=0.01)


def test_a_model_of_groups_scores_customers_in_spark_as_it_does_arrays(rows: Rows) -> None:
    rng = np.random.default_rng(3)
    values = []
    for number in range(400):
        day = int(rng.integers(50, 300))
        gap = 1 + int(rng.gamma(0.8, 30.0))
        while day > 0:
            values.append((f"c{number}", _day(day), Decimal(int(rng.integers(5, 50)))))
            day -= 1 + int(rng.exponential(gap))
            if rng.random() < 0.2:
                break
    statistics = value_statistics(rows(DAYS, *values), as_of=AS_OF).persist()
    model = fit_value_model(grouped_statistics(statistics).toPandas())
    assert isinstance(model, ValueModel)
    assert model.customers == 400
    scored = statistics.select("*", expected_revenue(model, horizon=28).alias("revenue")).toPandas()
    statistics.unpersist()
    expected = model.expected_revenue(
        scored["purchases"], scored["last"], scored["age"], scored["mean_value"], 28
    )
    assert scored["revenue"].to_numpy() == pytest.approx(expected)
    assert (scored["revenue"] > 0).all()


def test_the_plan_has_one_exchange_and_scores_need_no_other(rows: Rows) -> None:
    model = ValueModel(
        PurchaseModel(0.24, 4.4, 0.8, 2.4, -1.0),
        SpendModel(6.0, 4.0, 15.0, 30.0, 0.1),
        customers=9,
        repeaters=9,
        without_value=0,
    )
    statistics = value_statistics(rows(DAYS, ("ann", _day(3), Decimal(1))), as_of=AS_OF)
    scored = statistics.select("*", expected_revenue(model, horizon=28).alias("revenue"))
    plan = scored._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Exchange") == 2
    assert plan.count("ArrowEvalPython") == 1
    assert scored.where(F.col("revenue") > 0).count() == 1
