"""Drivers of weekly revenue, from sums by week, by hand."""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd
import pytest

from clarion.prediction.drivers.relations import WeeklySeries, relation_rows
from clarion.prediction.drivers.settings import GreySettings

AS_OF = date(2026, 6, 1)
SETTINGS = GreySettings(weeks=4, min_weeks=3, scaling="min_max", rho=0.5, rhos=())
SALES = ["category", "week", "revenue", "units", "returned", "views", "cart_adds"]
CUSTOMERS = ["week", "orders", "buyers", "amount", "discount"]


def _series(
    sales: list[tuple[Any, ...]],
    customers: list[tuple[Any, ...]] | None = None,
    index: list[tuple[Any, ...]] | None = None,
    messages: list[tuple[Any, ...]] | None = None,
) -> WeeklySeries:
    return WeeklySeries(
        pd.DataFrame(sales, columns=SALES),
        pd.DataFrame(customers or [], columns=CUSTOMERS),
        pd.DataFrame(messages or [], columns=["week", "messages"]),
        pd.DataFrame(index or [], columns=["category", "week", "price_index"]),
    )


def _rows(series: WeeklySeries, settings: GreySettings = SETTINGS) -> dict[Any, dict[str, Any]]:
    rows = relation_rows(series, as_of=AS_OF, settings=settings)
    return {(row["category"], row["driver"]): row for row in rows}


def test_drivers_are_sums_and_quotients_of_weeks() -> None:
    # Newest first: revenue 30, 20, 10; the fourth week holds the shop's first records.
    sales = [
        ("tea", 0, 20, 2, 0, 7, 1), (None, 0, 10, 1, 0, 0, 0),
        ("tea", 1, 20, 2, 5, 5, 1),
        ("tea", 2, 10, 2, 0, 3, 1),
        ("tea", 3, 99, 9, 9, 9, 9),
    ]  # fmt: skip
    customers = [(0, 2, 2, 28, 2), (1, 1, 1, 20, 0), (2, 1, 1, 10, 0)]
    rows = _rows(
        _series(sales, customers, index=[("all", 0, 1.3), ("all", 1, 1.2), ("all", 2, 1.1)])
    )
    everything = {driver: row for (category, driver), row in rows.items() if category == "all"}
    assert len(everything) == 10
    assert everything["views"]["weeks"] == 3
    # Views 3, 5, 7, and the index, have the very shape of revenue.
    assert everything["views"]["grade"] == pytest.approx(1.0)
    assert everything["price_index"]["grade"] == pytest.approx(1.0)
    assert everything["views"]["rank"] == everything["price_index"]["rank"] == 1
    # Buyers 1, 1, 2 are 0, 0, 1, revenue 0, .5, 1; the widest gap of all is 1 (orders of 10, 20, 14
    # are 0, 1, .4, units of 2, 2, 3 as buyers, prices of 5, 10, 10, returns of 0, .25, 0).
    assert everything["buyers"]["grade"] == pytest.approx((1 + 0.5 / 1.0 + 1) / 3)
    assert everything["order_value"]["grade"] == pytest.approx((1 + 0.5 + 0.5 / 1.1) / 3)
    assert everything["return_share"]["grade"] == pytest.approx((1 + 0.5 + 0.5 / 1.5) / 3)
    assert everything["messages"]["reason"] == "it does not vary"
    assert ("tea", "units") in rows
    assert ("tea", "buyers") not in rows
    assert rows["tea", "price_index"]["reason"] == "3 of 3 values are not known"


def test_a_quotient_of_nothing_is_not_known() -> None:
    sales = [("tea", 0, 20, 2, 0, 7, 1), ("tea", 1, 0, 0, 0, 5, 1), ("tea", 2, 10, 2, 0, 3, 1),
             ("tea", 3, 1, 1, 0, 0, 0)]  # fmt: skip
    rows = _rows(_series(sales))
    assert rows["tea", "unit_price"]["reason"] == "1 of 3 values are not known"
    assert rows["tea", "cart_adds"]["reason"] == "it does not vary"
    assert rows["all", "order_value"]["reason"] == "3 of 3 values are not known"
    assert "grade" in rows["tea", "views"]


def test_few_weeks_and_constant_revenue_have_a_reason_and_no_sales_no_row() -> None:
    two = [("tea", week, 10 * week + 1, 1, 0, week, 0) for week in range(3)]
    reasons = {row["reason"] for row in _rows(_series(two)).values()}
    assert reasons == {"whole weeks with records: 2; 3 are needed"}
    flat = [("tea", week, 10, 1, 0, week, 0) for week in range(5)]
    rows = _rows(_series(flat))
    assert {row["reason"] for row in rows.values()} == {"the reference: it does not vary"}
    assert {row["weeks"] for row in rows.values()} == {4}
    assert _rows(_series([])) == {}


def test_a_rank_that_depends_on_the_method_is_marked() -> None:
    revenue = [100, 110, 120, 130, 140, 100]
    views = [1, 9, 2, 9, 3, 1]
    units = [140, 130, 121, 110, 100, 141]
    sales = [("tea", week, revenue[week], units[week], 0, views[week], 0) for week in range(6)] + [
        ("tea", 6, 1, 1, 0, 1, 0)
    ]
    rows = _rows(_series(sales), replace(SETTINGS, weeks=6, rhos=(0.1, 1.0)))
    for row in rows.values():
        if "grade" in row:
            assert row["lowest_grade"] <= row["grade"] <= row["highest_grade"]
            assert row["rank_changes"] == (row["best_rank"] < row["worst_rank"])
    assert rows["tea", "units"]["rank_changes"]
