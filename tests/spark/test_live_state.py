"""Live state of customers and of competitors' prices, by hand."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.streaming.customers import next_customer_state
from clarion.streaming.market import price_alerts

Rows = Callable[..., DataFrame]
EVENT = "customer_id string, happened_at string, type string, product_id string"
CUSTOMER_STATE = """customer_id string, interest double, interest_at timestamp,
    last_product_id string, open_cart array<string>, cart_at timestamp, _stream_batch bigint"""
MARKET_STATE = "competitor string, product_id string, price decimal(18,4), observed_at timestamp"


def _events(rows: Rows, *values: tuple[str, str, str, str | None]) -> DataFrame:
    return rows(EVENT, *values).withColumn("happened_at", F.col("happened_at").cast("timestamp"))


@pytest.mark.covers("F1")
def test_interest_halves_and_a_cart_closes_at_the_checkout(rows: Rows) -> None:
    first = _events(
        rows,
        ("a", "2026-06-01 00:00:00", "cart_add", "p1"),
        ("a", "2026-06-02 00:00:00", "view", "p2"),
        ("b", "2026-06-01 00:00:00", "cart_add", "p3"),
    )
    no_state = rows(CUSTOMER_STATE)
    state = next_customer_state(first, no_state, half_life_hours=24, batch=0).persist()
    before = {row["customer_id"]: row for row in state.collect()}
    assert before["a"]["interest"] == pytest.approx(1.5)
    assert before["a"]["open_cart"] == ["p1"]
    second = _events(
        rows,
        ("a", "2026-06-03 00:00:00", "checkout", None),
        ("b", "2026-06-01 00:00:00", "cart_remove", "p3"),
    )
    next_state = next_customer_state(second, state, half_life_hours=24, batch=1)
    after = {row["customer_id"]: row for row in next_state.collect()}
    assert after["a"]["interest"] == pytest.approx(1.75)
    assert after["a"]["open_cart"] == []
    assert after["b"]["open_cart"] == []


@pytest.mark.covers("F2")
def test_a_competitors_move_is_compared_with_the_price_before(rows: Rows) -> None:
    prices = rows(
        f"{MARKET_STATE}, promotion string",
        ("Alpha", "p1", Decimal(80), datetime(2026, 6, 2), "deal"),
        ("Alpha", "p2", Decimal(99), datetime(2026, 6, 2), None),
        ("Alpha", "p3", Decimal(50), datetime(2026, 6, 2), None),
    )
    state = rows(
        MARKET_STATE,
        ("Alpha", "p1", Decimal(100), datetime(2026, 6, 1)),
        ("Alpha", "p2", Decimal(100), datetime(2026, 6, 1)),
    )
    alerts = price_alerts(prices, state, threshold=0.1).collect()
    assert [(row["product_id"], row["change"]) for row in alerts] == [("p1", pytest.approx(-0.2))]
