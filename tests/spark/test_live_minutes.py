"""Figures of each minute, and the steps at which payments stop, by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from frames import first_row
from pyspark.sql import DataFrame

from clarion.streaming.minutes import event_minutes, minute_totals, order_minutes
from clarion.streaming.problems import payment_problems

Rows = Callable[..., DataFrame]
MIDDAY = datetime(2026, 6, 1, 12)
EVENT = """event_ref string, happened_at timestamp, type string, customer_ref string,
    device_ref string, session_ref string, channel string, category string, page string,
    payment_method string"""
LINE = """order_ref string, happened_at timestamp, amount decimal(18,4), channel string,
    category string"""


def _event(rows: Rows, *values: tuple[int, str, str, str | None, str | None]) -> DataFrame:
    """Events: second after midday, type, customer, channel, category; each is its own visit."""
    made = [
        (f"e{number}", MIDDAY + timedelta(seconds=second), type_, customer, None, f"s{customer}",
         channel, category, "/pay", "card" if type_.startswith("payment") else None)
        for number, (second, type_, customer, channel, category) in enumerate(values)
    ]  # fmt: skip
    return rows(EVENT, *made)


@pytest.mark.covers("F1")
def test_each_minute_counts_all_and_each_channel_and_category(rows: Rows) -> None:
    events = _event(
        rows,
        (0, "view", "a", "app", "tea"),
        (30, "view", "b", "web", None),
        (59, "cart_add", "a", "app", "tea"),
        (60, "checkout", "a", "app", None),
        (61, "payment_failed", "a", None, None),
        (62, "payment_given_up", "a", None, None),
    )
    minutes = event_minutes(events, source="shop.events").collect()
    counts = {
        (row["minute"].minute, row["dimension"], row["value"]): (
            row["events"], row["views"], row["cart_adds"], row["checkouts"], row["visitors"],
            row["sessions"], row["payment_failures"], row["payments_given_up"],
        )
        for row in minutes
    }  # fmt: skip
    assert counts == {
        (0, "all", "all"): (3, 2, 1, 0, 2, 2, 0, 0),
        (0, "channel", "app"): (2, 1, 1, 0, 1, 1, 0, 0),
        (0, "channel", "web"): (1, 1, 0, 0, 1, 1, 0, 0),
        (0, "category", "tea"): (2, 1, 1, 0, 1, 1, 0, 0),
        (1, "all", "all"): (3, 0, 0, 1, 1, 1, 1, 1),
        (1, "channel", "app"): (1, 0, 0, 1, 1, 1, 0, 0),
        (1, "payment", "/pay / card"): (2, 0, 0, 0, 1, 1, 1, 1),
    }
    assert {(row["source"], row["orders"], row["revenue"]) for row in minutes} == {
        ("shop.events", 0, Decimal(0))
    }


@pytest.mark.covers("F1")
@pytest.mark.covers("X5")
def test_an_order_counts_once_in_its_minute_with_all_its_lines(rows: Rows) -> None:
    lines = rows(
        LINE,
        ("o1", MIDDAY, Decimal("9.90"), "app", "tea"),
        ("o1", MIDDAY, Decimal("5.10"), "app", "soap"),
        ("o2", MIDDAY + timedelta(seconds=59), Decimal(20), "live-stream", "tea"),
        ("o3", MIDDAY + timedelta(seconds=60), Decimal(1), None, None),
    )
    minutes = order_minutes(lines, source="shop.orders").collect()
    sums = {
        (row["minute"].minute, row["dimension"], row["value"]): (row["orders"], row["revenue"])
        for row in minutes
    }
    assert sums == {
        (0, "all", "all"): (2, Decimal(35)),
        (0, "channel", "app"): (1, Decimal(15)),
        (0, "channel", "live-stream"): (1, Decimal(20)),
        (0, "category", "tea"): (2, Decimal("29.90")),
        (0, "category", "soap"): (1, Decimal("5.10")),
        (1, "all", "all"): (1, Decimal(1)),
    }


def test_sources_are_summed_and_conversion_is_unknown_without_visits(rows: Rows) -> None:
    events = _event(rows, (0, "view", "a", "app", None), (1, "view", "b", "app", None))
    lines = rows(
        LINE,
        ("o1", MIDDAY, Decimal(10), "app", None),
        ("o2", MIDDAY + timedelta(minutes=5), Decimal(10), "app", None),
    )
    minutes = event_minutes(events, source="a").unionByName(order_minutes(lines, source="b"))
    totals = {
        row["minute"].minute: (row["views"], row["orders"], row["conversion"])
        for row in minute_totals(minutes).where("dimension = 'all'").collect()
    }
    assert totals == {0: (2, 1, 0.5), 5: (0, 1, None)}


@pytest.mark.covers("S8")
def test_a_step_that_many_give_up_is_to_be_made_simpler(rows: Rows) -> None:
    until = MIDDAY.replace(tzinfo=UTC) + timedelta(hours=1)
    gives_up = [(second, "payment_given_up", "a", None, None) for second in range(12)]
    pays = [(second, "checkout", "b", None, None) for second in range(88)]
    events = event_minutes(_event(rows, *gives_up, *pays), source="app")

    def problem(minutes: DataFrame, *, least: int = 10, share: float = 0.1) -> tuple[object, ...]:
        found = first_row(payment_problems(minutes, until=until, least=least, share=share))
        return found["step"], found["payment_method"], found["given_up"], found["simplify"]

    assert problem(events) == ("/pay", "card", 12, True)
    assert problem(events, least=13)[-1] is False
    assert problem(events, share=0.13)[-1] is False
    day_later = payment_problems(events, until=until + timedelta(days=1), least=1, share=0.0)
    assert day_later.isEmpty(), "what is older than a day does not count"
