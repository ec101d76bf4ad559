"""Rows that Python holds as frames: the values as they are, and none that would be cut off."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from clarion.measures.columns.frames import local_frame

SCHEMA = (
    "name string, number bigint, share double, price decimal(18,4), day date, at timestamp, "
    "words array<string>, parts struct<a: int, b: array<double>>, raw map<string, string>"
)


def test_rows_come_back_as_they_were_given(spark: SparkSession) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    given: list[Any] = [
        ("x", 3, 0.5, Decimal("1.2500"), date(2026, 5, 1), at, ["a"], (1, [0.5]), {"k": "v"}),
        (None, None, None, None, None, None, None, None, None),
        ("y", np.int64(4), 2, Decimal(7), date(2026, 5, 2), at, ("a", "b"), (2, []), {}),
        {"name": "z", "number": 5},
    ]
    found = local_frame(spark, given, SCHEMA)
    assert found.schema.simpleString() == spark.createDataFrame([], SCHEMA).schema.simpleString()
    rows = found.collect()
    assert tuple(rows[0])[:5] == given[0][:5]
    assert rows[0]["at"] == datetime(2026, 5, 1, 12)
    assert rows[0]["parts"] == (1, [0.5])
    assert rows[0]["raw"] == {"k": "v"}
    assert tuple(rows[1]) == (None,) * 9
    assert (rows[2]["number"], rows[2]["share"], rows[2]["words"]) == (4, 2.0, ["a", "b"])
    assert (rows[3]["name"], rows[3]["number"], rows[3]["day"]) == ("z", 5, None)


def test_rows_stand_in_the_plan_and_none_are_left_out_of_it(spark: SparkSession) -> None:
    some = local_frame(spark, [("a", 1)], "name string, size int")
    none = local_frame(spark, [], "name string, other int")
    assert none.collect() == []
    plan = some.join(none, "name")._jdf.queryExecution().optimizedPlan().toString()
    assert plan.startswith("LocalRelation <empty>"), "no task for a join with nothing"


def test_a_number_that_would_be_cut_off_is_refused(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match="size is a column of whole numbers, and 1.5 is none"):
        local_frame(spark, [("a", 1.5)], "name string, size int")
    with pytest.raises(ValueError, match="zip"):
        local_frame(spark, [("a",)], "name string, size int")
