"""Live state of customers and of competitors' prices, by hand."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from frames import first_row
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.streaming.carts import MAX_CHANGES
from clarion.streaming.clocks import bound_event_times
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


MIDDAY = datetime(2026, 6, 1, 12)
CART_EVENT = """customer_id string, happened_at timestamp, type string, product_id string,
    sequence_no bigint, stated_at timestamp"""
Event = tuple[int, str, str | None, int | None]  # minutes after midday, type, product, number


def _cart_events(rows: Rows, events: dict[str, list[Event]]) -> DataFrame:
    """Events of customers, who are named by the keys."""
    values = [
        (customer, MIDDAY + timedelta(minutes=minute), type_, product, number, None)
        for customer, own in events.items()
        for minute, type_, product, number in own
    ]
    return rows(CART_EVENT, *values)


def _state_after(rows: Rows, batches: dict[str, list[list[Event]]]) -> dict[str, Row]:
    """The state of each customer after two batches of events, of which the second may be none."""
    state = rows(CUSTOMER_STATE)
    states: dict[str, Row] = {}
    for turn in range(2):
        events = {customer: own[turn] for customer, own in batches.items() if turn < len(own)}
        changed = next_customer_state(
            _cart_events(rows, events), state, half_life_hours=24, batch=turn
        )
        states |= {row["customer_id"]: row for row in changed.collect()}
        state = rows(changed.schema, *states.values())
    return states


@pytest.mark.covers("F1")
def test_a_cart_follows_the_time_of_events_and_not_their_arrival(rows: Rows) -> None:
    add, remove, out = "cart_add", "cart_remove", "checkout"
    cases: dict[str, tuple[list[list[Event]], list[str]]] = {
        "added before a checkout, arrived after": ([[(10, out, None, 1)], [(5, add, "x", 2)]], []),
        "checked out before it was added": ([[(5, add, "x", 1)], [(0, out, None, 2)]], ["x"]),
        "added, removed, added": (
            [[(0, add, "x", 1), (1, remove, "x", 2), (2, add, "x", 3)]], ["x"],
        ),
        "removed and added again": (
            [[(-9, add, "x", 1)], [(0, remove, "x", 2), (1, add, "x", 3)]], ["x"],
        ),
        "removed later, arrived earlier": ([[(5, remove, "x", 2)], [(3, add, "x", 1)]], []),
        "the number decides at one instant": (
            [[(0, remove, "x", 7)], [(0, add, "x", 8), (0, add, "y", 9), (0, remove, "y", 10)]],
            ["x"],
        ),
        "what empties comes last where no number decides": (
            [[(0, add, "x", None), (0, remove, "x", None)],
             [(0, add, "y", None), (0, out, None, None), (1, add, "z", None)]], ["z"],
        ),
        "an event that is repeated": (
            [[(0, add, "x", 1), (1, remove, "x", 2)], [(0, add, "x", 1)]], [],
        ),
        "a checkout of months ago": (
            [[(0, add, "x", 1)], [(-200_000, out, None, 1), (-200_001, add, "old", 1)]], ["x"],
        ),
        "a checkout arrives last": (
            [[(0, add, "x", 1), (9, add, "y", 3)], [(4, out, None, 2), (3, add, "z", 1)]], ["y"],
        ),
    }  # fmt: skip
    states = _state_after(rows, {name: batches for name, (batches, _) in cases.items()})
    assert {name: state["open_cart"] for name, state in states.items()} == {
        name: cart for name, (_, cart) in cases.items()
    }
    assert states["a checkout of months ago"]["last_product_id"] == "x"


def test_any_order_and_split_of_events_gives_the_same_state(rows: Rows) -> None:
    draw = random.Random(5)
    types = ("cart_add", "cart_add", "cart_remove", "checkout", "view")
    events: list[Event] = [
        (draw.randrange(8), draw.choice(types), draw.choice("xyz"), draw.choice((None, 1, 2)))
        for _ in range(14)
    ]
    batches: dict[str, list[list[Event]]] = {"0": [events]}
    for turn in range(1, 40):
        shuffled = draw.sample(events, k=len(events))
        cut = draw.randrange(1, len(events))
        batches[str(turn)] = [shuffled[:cut], shuffled[cut:]]
    states = _state_after(rows, batches)
    columns = [name for name in states["0"].asDict() if name != "_stream_batch"]
    whole = states["0"]
    for state in states.values():
        assert state["interest"] == pytest.approx(whole["interest"])
        assert {
            name: state[name] for name in columns if name not in ("customer_id", "interest")
        } == {name: whole[name] for name in columns if name not in ("customer_id", "interest")}


def test_a_cart_keeps_its_newest_changes_and_a_state_of_before_keeps_its_products(
    rows: Rows,
) -> None:
    many: list[Event] = [(n, "cart_add", f"p{n:04d}", n) for n in range(MAX_CHANGES + 20)]
    before = ("b", 1.0, MIDDAY, "q", ["q", "r"], MIDDAY, 0)
    events = _cart_events(rows, {"a": many, "b": [(1, "cart_remove", "q", 1)]})
    next_state = next_customer_state(
        events, rows(CUSTOMER_STATE, before), half_life_hours=24, batch=1
    )
    states = {row["customer_id"]: row for row in next_state.collect()}
    assert states["a"]["open_cart"] == [f"p{n:04d}" for n in range(20, MAX_CHANGES + 20)]
    assert states["b"]["open_cart"] == ["r"]


def test_no_event_is_later_than_its_arrival_and_its_own_clock_keeps_the_order(rows: Rows) -> None:
    events = rows(
        "event_ref string, happened_at timestamp, arrived_at timestamp",
        ("on time", MIDDAY, MIDDAY),
        ("fast", MIDDAY + timedelta(hours=3), MIDDAY + timedelta(hours=3)),
        ("fast, and the shop says when it came", MIDDAY, MIDDAY - timedelta(hours=2)),
        ("of the next decade", MIDDAY.replace(year=2036), MIDDAY.replace(year=2036)),
    )
    landed = MIDDAY + timedelta(hours=1)
    bounded = {
        row["event_ref"]: (row["happened_at"], row["ahead_s"])
        for row in bound_event_times(events, landed_at=F.lit(landed)).collect()
    }
    assert bounded == {
        "on time": (MIDDAY, 0),
        "fast": (landed, 7200),
        "fast, and the shop says when it came": (MIDDAY - timedelta(hours=2), 7200),
        "of the next decade": (landed, (MIDDAY.replace(year=2036) - landed).total_seconds()),
    }
    one_instant = [("a", landed, "cart_add", "x", 1, landed + timedelta(minutes=9))]
    one_instant.append(("a", landed, "cart_remove", "x", 1, landed + timedelta(minutes=8)))
    state = next_customer_state(
        rows(CART_EVENT, *one_instant), rows(CUSTOMER_STATE), half_life_hours=24, batch=0
    )
    assert first_row(state)["open_cart"] == ["x"]


@pytest.mark.covers(
    "F2", partly="a promotion raises an alert, and an alert is there minutes after the move"
)
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
