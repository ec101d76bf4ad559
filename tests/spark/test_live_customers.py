"""Live state of customers: interest, carts, and what was known on a past day."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from frames import first_row
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.contracts.live import CUSTOMER_STATE
from clarion.streaming.carts import MAX_CHANGES
from clarion.streaming.clocks import bound_event_times
from clarion.streaming.customers import StreamBatch, next_customer_state, state_as_of

Rows = Callable[..., DataFrame]
EVENT = "customer_id string, happened_at string, type string, product_id string"
DAY = date(2026, 6, 3)


def _batch(number: int, *, source: str = "app", day: date = DAY) -> StreamBatch:
    return StreamBatch(source, number, day)


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
    no_state = rows(CUSTOMER_STATE.ddl)
    state = next_customer_state(first, no_state, half_life_hours=24, batch=_batch(0)).persist()
    before = {row["customer_id"]: row for row in state.collect()}
    assert before["a"]["interest"] == pytest.approx(1.5)
    assert before["a"]["open_cart"] == ["p1"]
    second = _events(
        rows,
        ("a", "2026-06-03 00:00:00", "checkout", None),
        ("b", "2026-06-01 00:00:00", "cart_remove", "p3"),
    )
    next_state = next_customer_state(second, state, half_life_hours=24, batch=_batch(1))
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
    state = rows(CUSTOMER_STATE.ddl)
    states: dict[str, Row] = {}
    for turn in range(2):
        events = {customer: own[turn] for customer, own in batches.items() if turn < len(own)}
        changed = next_customer_state(
            _cart_events(rows, events), state, half_life_hours=24, batch=_batch(turn)
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
    columns = [name for name in states["0"].asDict() if name != "_stream_batches"]
    whole = states["0"]
    for state in states.values():
        assert state["interest"] == pytest.approx(whole["interest"])
        assert {
            name: state[name] for name in columns if name not in ("customer_id", "interest")
        } == {name: whole[name] for name in columns if name not in ("customer_id", "interest")}


def test_a_cart_keeps_its_newest_changes(rows: Rows) -> None:
    many: list[Event] = [(n, "cart_add", f"p{n:04d}", n) for n in range(MAX_CHANGES + 20)]
    next_state = next_customer_state(
        _cart_events(rows, {"a": many}),
        rows(CUSTOMER_STATE.ddl),
        half_life_hours=24,
        batch=_batch(0),
    )
    cart = first_row(next_state)["open_cart"]
    assert cart == [f"p{n:04d}" for n in range(20, MAX_CHANGES + 20)]


def test_the_last_three_cart_adds_and_failed_payments_are_kept_whatever_their_order(
    rows: Rows,
) -> None:
    adds: list[Event] = [(n, "cart_add", f"p{n}", n) for n in (5, 1, 4, 2, 3)]
    fails: list[Event] = [(9, "payment_failed", None, 9), (10, "payment_given_up", None, 10)]
    states = _state_after(rows, {"a": [adds[:2], adds[1:]], "b": [fails[:1], fails[1:]]})

    def minutes(row: Row, name: str) -> list[float]:
        return [(moment["at"] - MIDDAY).total_seconds() / 60 for moment in row[name]]

    assert minutes(states["a"], "cart_add_moments") == [5, 4, 3]
    assert states["a"]["payment_failure_moments"] == []
    assert minutes(states["b"], "payment_failure_moments") == [10, 9]


def test_interest_in_categories_halves_and_the_least_is_forgotten(rows: Rows) -> None:
    schema = (
        "customer_id string, happened_at timestamp, type string, product_id string, "
        "category string, session_ref string"
    )
    midday = MIDDAY
    first = rows(
        schema,
        ("a", midday, "view", "p1", "soap", "s1"),
        ("a", midday, "view", "p2", "soap", "s1"),
        ("a", midday, "view", "p3", "tea", "s1"),
        ("a", midday, "login", None, None, None),
    )
    empty = rows(CUSTOMER_STATE.ddl)
    state = next_customer_state(first, empty, half_life_hours=24, batch=_batch(0)).persist()
    before = first_row(state)
    assert before["category_interest"] == {"soap": pytest.approx(2.0), "tea": pytest.approx(1.0)}
    assert (before["interest"], before["session_ref"]) == (pytest.approx(4.0), "s1")
    later = rows(schema, ("a", midday + timedelta(days=1), "view", "p3", "tea", "s2"))
    after = first_row(next_customer_state(later, state, half_life_hours=24, batch=_batch(1)))
    assert after["category_interest"] == {"soap": pytest.approx(1.0), "tea": pytest.approx(1.5)}
    assert after["session_ref"] == "s2"
    last = rows(schema, ("a", midday + timedelta(days=12), "view", "p3", "tea", "s3"))
    forgotten = first_row(next_customer_state(last, state, half_life_hours=24, batch=_batch(1)))
    assert list(forgotten["category_interest"]) == ["tea"]


@pytest.mark.covers("F1")
def test_the_state_of_a_past_day_is_what_was_known_on_it(rows: Rows) -> None:
    def event(customer: str, day: int, product: str) -> tuple[str, str, str, str]:
        return (customer, f"2026-06-{day:02d} 12:00:00", "cart_add", product)

    state = rows(CUSTOMER_STATE.ddl)
    batches = [
        (_batch(0, day=date(2026, 6, 1)), [event("a", 1, "x"), event("b", 1, "x")]),
        (_batch(1, day=date(2026, 6, 1)), [event("a", 1, "y")]),
        (_batch(2, day=date(2026, 6, 4)), [event("a", 4, "z")]),
        # Arrived late: it is in what is known now, and changes nothing that was decided before.
        (_batch(3, day=date(2026, 6, 2)), [event("a", 2, "late"), event("b", 2, "late")]),
    ]
    for batch, events in batches:
        changed = next_customer_state(
            _events(rows, *events), state, half_life_hours=24, batch=batch
        )
        new = {(row["customer_id"], row["valid_from"]): row for row in changed.collect()}
        old = {(row["customer_id"], row["valid_from"]): row for row in state.collect()}
        state = rows(CUSTOMER_STATE.ddl, *(old | new).values())

    def carts(day: int) -> dict[str, list[str]]:
        known = state_as_of(state, date(2026, 6, day)).collect()
        assert len({row["customer_id"] for row in known}) == len(known)
        return {row["customer_id"]: row["open_cart"] for row in known}

    assert carts(1) == {}
    assert carts(2) == {"a": ["x", "y"], "b": ["x"]}
    assert carts(3) == {"a": ["x", "y"], "b": ["late", "x"]}
    assert carts(4) == {"a": ["x", "y"], "b": ["late", "x"]}
    assert carts(5) == {"a": ["late", "x", "y", "z"], "b": ["late", "x"]}


def test_streams_of_two_sources_and_a_repeated_batch_are_told_apart(rows: Rows) -> None:
    first = _events(rows, ("a", "2026-06-03 12:00:00", "view", "x"))
    empty = rows(CUSTOMER_STATE.ddl)
    state = next_customer_state(first, empty, half_life_hours=24, batch=_batch(7)).persist()
    of_till = _batch(2, source="till")
    row = first_row(next_customer_state(first, state, half_life_hours=24, batch=of_till))
    assert {name: mark["batch"] for name, mark in row["_stream_batches"].items()} == {
        "app": 7,
        "till": 2,
    }


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
        rows(CART_EVENT, *one_instant),
        rows(CUSTOMER_STATE.ddl),
        half_life_hours=24,
        batch=_batch(0),
    )
    assert first_row(state)["open_cart"] == ["x"]
