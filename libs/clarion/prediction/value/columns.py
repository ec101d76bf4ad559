"""The statistics of customers in Spark, and the model as a column."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.measures.columns.days import is_known_by
from clarion.prediction.value.model import ValueModel

STATISTICS = ("purchases", "last", "age", "mean_value")  # columns of `value_statistics`
_GROUPED = ("purchases", "last", "age", "weight", "mean_value")
# Mean values are grouped by steps of 2 %: what lies within one is one value.
_VALUE_STEP = 0.02

arrow_udf: Any = F.arrow_udf  # type: ignore[attr-defined]  # missing from PySpark 4.1's hints


def value_statistics(purchase_days: DataFrame, *, as_of: date) -> DataFrame:
    """What the value model knows of each customer.

    Purchases of one day are one. The mean value is that of the days after the first, as the
    Gamma–Gamma model has it.

    Args:
        purchase_days: customer_id, day, amount (net of returns); days from `as_of` on do not count.
        as_of: first day that does not count.

    Returns:
        One row per customer: customer_id, purchases (days after the first), last (days from the
        first to the last), age (days from the first to `as_of`), mean_value (null for one day).
    """
    days = purchase_days.where(F.col("day") < F.lit(as_of)).groupBy("customer_id", "day")
    amount = F.sum("amount")  # exact: its order may differ between runs
    after_first = F.sum("amount") - F.min_by("amount", "day")
    purchases = F.count("*") - 1
    return (
        days.agg(amount.alias("amount"))
        .groupBy("customer_id")
        .agg(
            purchases.alias("purchases"),
            F.date_diff(F.max("day"), F.min("day")).alias("last"),
            F.date_diff(F.lit(as_of), F.min("day")).alias("age"),
            F.try_divide(after_first.cast("double"), purchases).alias("mean_value"),
        )
    )


def purchase_days(customer_days: DataFrame, *, as_of: date) -> DataFrame:
    """The days on which customers bought, as they were known before a day.

    What came back on another day, and what was added to an order later, counts on the last day
    with an order before it; before the first one it does not count.

    Args:
        customer_days: CUSTOMER_DAYS.
        as_of: first day that does not count.

    Returns:
        customer_id, day, amount (net of returns).
    """
    up_to_day = Window.partitionBy("customer_id").orderBy("day")
    order_day = F.last(F.when(F.col("orders") > 0, F.col("day")), ignorenulls=True).over(up_to_day)
    return (
        customer_days.where(is_known_by(as_of))
        .groupBy("customer_id", "day")
        .agg(F.sum("orders").alias("orders"), F.sum(F.expr("amount - returned")).alias("amount"))
        .select("customer_id", order_day.alias("day"), "amount")
        .where("day IS NOT NULL")
        .groupBy("customer_id", "day")
        .agg(F.sum("amount").alias("amount"))
    )


def grouped_statistics(statistics: DataFrame) -> DataFrame:
    """The rows of `fit_value_model`: customers grouped by their times, and by their mean value.

    Args:
        statistics: as `value_statistics` returns them.

    Returns:
        purchases, last, age, weight, mean_value: rows with times and no value, and rows with a
        value, in steps of 2 %, and no times.
    """
    step = F.log1p(F.lit(_VALUE_STEP))
    value = F.when(
        F.col("mean_value") > 0, F.exp(F.round(F.log("mean_value") / step) * step)
    ).otherwise(0.0)
    weight = F.count("*").alias("weight")
    by_times = statistics.groupBy("purchases", "last", "age").agg(weight)
    by_value = (
        statistics.where("purchases > 0 AND mean_value IS NOT NULL")
        .groupBy("purchases", value.alias("mean_value"))
        .agg(weight)
    )
    return by_times.unionByName(by_value, allowMissingColumns=True).select(*_GROUPED)


def expected_revenue(model: ValueModel, *, horizon: int, within: str | None = None) -> Column:
    """A column of the revenue to expect within `horizon` days, over columns of `value_statistics`.

    The hypergeometric function has no form in Spark SQL, so an Arrow function scores batches.

    Args:
        model: what customers are expected to do.
        horizon: days.
        within: struct that holds these columns; None where they stand by themselves.
    """

    @arrow_udf("double")  # type: ignore[untyped-decorator]
    def score(purchases: pa.Array, last: pa.Array, age: pa.Array, value: pa.Array) -> pa.Array:
        x, t, total, mean = (_floats(column) for column in (purchases, last, age, value))
        return pa.array(model.expected_revenue(x, t, total, mean, horizon), pa.float64())

    prefix = f"{within}." if within else ""
    scored: Column = score(*(f"{prefix}{name}" for name in STATISTICS))
    return scored


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """The values of a column; null is not a number."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
