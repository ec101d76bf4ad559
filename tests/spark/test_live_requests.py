"""Occasions that ask for a decision, by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame

from clarion.contracts.live import CUSTOMER_STATE, REQUESTS
from clarion.streaming.requests import (
    RequestRules,
    contact_requests,
    customer_requests,
    market_requests,
    new_requests,
    review_requests,
)

Rows = Callable[..., DataFrame]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
RULES = RequestRules(
    cart_after=timedelta(hours=1),
    cart_within=timedelta(days=3),
    payments_within=timedelta(hours=1),
    interest_within=timedelta(days=7),
)


def _ago(**time: float) -> datetime:
    return (NOW - timedelta(**time)).replace(tzinfo=None)


def _moments(*times: datetime) -> list[tuple[datetime, None, None]]:
    return [(time, None, None) for time in times]


def _states(rows: Rows, **customers: dict[str, Any]) -> DataFrame:
    """States of customers; what a customer does not state is empty."""
    empty: dict[str, Any] = {
        "valid_from": NOW.date(), "interest": 1.0, "interest_at": _ago(minutes=1), "category_interest": {},
        "open_cart": [], "cart_changes": [], "cart_add_moments": [], "payment_failure_moments": [],
        "_stream_batches": {},
    }  # fmt: skip
    values = [
        tuple({**empty, "customer_id": name, **own}.get(column) for column in CUSTOMER_STATE.column_names)
        for name, own in customers.items()
    ]  # fmt: skip
    return rows(CUSTOMER_STATE.ddl, *values)


def _found(requests: DataFrame) -> set[tuple[str, str]]:
    rows = requests.select("kind", "customer_id", "request_id").collect()
    assert len({row["request_id"] for row in rows}) == len(rows)
    return {(row["kind"], row["customer_id"]) for row in rows}


@pytest.mark.covers("F1")
def test_a_cart_that_nobody_touches_for_an_hour_is_abandoned(rows: Rows) -> None:
    def cart(left: datetime) -> dict[str, Any]:
        return {"open_cart": ["x"], "cart_at": left}

    states = _states(
        rows,
        left=cart(_ago(hours=1)),
        shopping=cart(_ago(minutes=59)),
        long_gone=cart(_ago(days=3)),
        almost_gone=cart(_ago(days=2, hours=23)),
        empty={"cart_at": _ago(hours=2)},
    )
    found = _found(customer_requests(states, RULES, now=NOW))
    assert found == {("abandoned_cart", "left"), ("abandoned_cart", "almost_gone")}


def test_payments_that_fail_twice_and_three_cart_adds_are_occasions(rows: Rows) -> None:
    states = _states(
        rows,
        twice={"payment_failure_moments": _moments(_ago(minutes=1), _ago(minutes=61))},
        apart={"payment_failure_moments": _moments(_ago(minutes=1), _ago(minutes=62))},
        once={"payment_failure_moments": _moments(_ago(minutes=1))},
        long_ago={"payment_failure_moments": _moments(_ago(hours=2), _ago(hours=2.1))},
        keen={"cart_add_moments": _moments(_ago(hours=1), _ago(days=2), _ago(days=7))},
        slow={"cart_add_moments": _moments(_ago(hours=1), _ago(days=2), _ago(days=8))},
        two={"cart_add_moments": _moments(_ago(hours=1), _ago(days=2))},
        in_future={"cart_add_moments": _moments(*[_ago(hours=-1)] * 3)},
    )
    found = _found(customer_requests(states, RULES, now=NOW))
    assert found == {("payment_failure", "twice"), ("sudden_interest", "keen")}


def test_complaints_and_low_ratings_are_occasions(rows: Rows) -> None:
    contacts = rows(
        "contact_ref string, customer_id string, happened_at timestamp, topic string, "
        "satisfaction decimal(4,2)",
        ("c1", "a", _ago(hours=1), "complaint", None),
        ("c2", "b", _ago(hours=1), "question", Decimal(2)),
        ("c3", "c", _ago(hours=1), "question", Decimal("2.5")),
        ("c4", "d", _ago(hours=1), "question", None),
    )
    reviews = rows(
        "review_ref string, customer_id string, product_id string, happened_at timestamp, "
        "rating decimal(4,2)",
        ("r1", "a", "x", _ago(hours=1), Decimal(1)),
        ("r2", "b", "x", _ago(hours=1), Decimal(3)),
        ("r3", "c", "x", _ago(hours=1), None),
    )
    assert _found(contact_requests(contacts, low=2)) == {("complaint", "a"), ("complaint", "b")}
    assert _found(review_requests(reviews, low=2)) == {("low_rating", "a")}


def test_what_competitors_begin_on_products_of_the_shop_are_occasions(rows: Rows) -> None:
    schema = (
        "alert_id string, kind string, competitor string, product_id string, category string, "
        "observed_at timestamp, change double, promotion string"
    )
    alerts = rows(
        schema,
        ("1", "price_cut", "Alpha", "p1", "tea", _ago(hours=1), -0.2, None),
        ("2", "price_cut", "Alpha", None, None, _ago(hours=1), -0.2, None),
        ("3", "price_war", None, None, "tea", _ago(hours=1), None, None),
        ("4", "promotion_start", "Alpha", "p1", "tea", _ago(hours=1), None, "sale"),
        ("5", "price_rise", "Alpha", "p1", "tea", _ago(hours=1), 0.2, None),
        ("6", "promotion_end", "Alpha", "p1", "tea", _ago(hours=1), None, "sale"),
    )
    found = market_requests(alerts).collect()
    assert {(row["kind"], row["product_id"]) for row in found} == {
        ("price_cut", "p1"),
        ("price_war", None),
        ("promotion_start", "p1"),
    }
    evidence = {row["kind"]: row["evidence"] for row in found}
    assert evidence["promotion_start"] == {"competitor": "Alpha", "promotion": "sale"}
    assert evidence["price_cut"] == {"competitor": "Alpha", "change": "-0.2"}


def test_an_occasion_becomes_one_request_and_a_lasting_one_is_quiet_for_a_week(rows: Rows) -> None:
    def failing(days: float) -> DataFrame:
        moments = _moments(_ago(days=days), _ago(days=days, minutes=5))
        states = _states(
            rows,
            a={"payment_failure_moments": moments},
            b={"open_cart": ["x"], "cart_at": _ago(days=days, hours=2)},
        )
        return customer_requests(states, RULES, now=NOW - timedelta(days=days))

    known = rows(REQUESTS.ddl)
    first = new_requests(failing(20), known, quiet=timedelta(days=7)).persist()
    assert _found(first) == {("payment_failure", "a"), ("abandoned_cart", "b")}
    known = rows(REQUESTS.ddl, *((*row, NOW) for row in first.collect()))
    assert new_requests(failing(20), known, quiet=timedelta(days=7)).isEmpty()
    # Another cart is another occasion; payments that fail again within a week are not.
    again = new_requests(failing(14), known, quiet=timedelta(days=7))
    assert _found(again) == {("abandoned_cart", "b")}
    later = new_requests(failing(12), known, quiet=timedelta(days=7))
    assert _found(later) == {("payment_failure", "a"), ("abandoned_cart", "b")}
