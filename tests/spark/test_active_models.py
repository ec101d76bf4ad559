"""How long a version of a model serves."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import DataFrame

from clarion.runtime.models import active_model
from clarion.runtime.tracking import Tracking

FIRST = date(2026, 6, 1)
STORE = cast(
    Tracking,
    SimpleNamespace(
        parameter=lambda name, version, key: "today's settings",
        load=lambda name, version: f"model {version}",
    ),
)


@pytest.mark.parametrize(("age", "serves"), [(1, True), (6, True), (7, False), (8, False)])
def test_a_model_serves_as_many_days_as_it_may_from_the_first_that_it_scored(
    rows: Callable[..., DataFrame], age: int, serves: bool
) -> None:
    scored = [(FIRST + timedelta(days=day), "2") for day in range(age)]
    old = [(FIRST - timedelta(days=1), "1"), (FIRST - timedelta(days=9), "1")]
    earlier = rows("as_of date, model_version string", *old, *scored)
    asked: dict[str, Any] = {"as_of": FIRST + timedelta(days=age), "retrain_days": 7}
    found: Any = active_model(STORE, "churn", earlier, fitted_with="today's settings", **asked)
    assert found == (("model 2", "2") if serves else None)
    assert active_model(STORE, "churn", earlier, fitted_with="others", **asked) is None
