"""What came back from messages, the KPIs of each strategy, and revenue in and outside the holdout: worked out by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from chispa import assert_approx_df_equality, assert_df_equality
from lake_rows import append_rows, consent
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import binomtest, t, ttest_ind
from worlds import Desk

from clarion.campaigns.measurement import transforms as campaigns
from clarion.campaigns.measurement.kept_orders import kept_orders
from clarion.campaigns.measurement.minutes import campaign_minutes

ZONE = "Asia/Shanghai"
SENT_ON, WINDOW = date(2026, 6, 1), 7  # the window ends as 8 June begins in Shanghai
SOON = 5  # days after a click in which an order is its conversion
MESSAGES = "message_id string, customer_id string"
RESPONSES = "message_ref string, type string, happened_at timestamp"
LINES = (
    "customer_id string, order_id string, kind string, amount decimal(18,4), happened_at timestamp, "
    "product_id string, quantity decimal(18,4)"
)
OUTCOMES = "message_id string, customer_id string, delivered boolean, clicked boolean, orders bigint, revenue decimal(18,4)"
DECISIONS = "customer_id string, strategy_id string, strategy_version int, is_holdout boolean"
KPIS = (
    "as_of date, decided_on date, strategy_id string, strategy_version int, window_days int, delivered bigint, clickers bigint, "
    "buyers bigint, revenue decimal(18,4), repeat_buyers bigint, ctr double, cr double, apu decimal(18,4), rpr double"
)
ARMS = "strategy_id string, is_holdout boolean, n bigint, buyers bigint, mean double, m2 double"
Rows = Callable[..., DataFrame]


def local(text: str) -> datetime:
    """An instant by the shop's clock."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(ZONE))


def sale(
    customer: str | None,
    order: str,
    amount: str,
    when: str,
    kind: str = "sale",
    *,
    product: str = "P1",
    units: str = "1",
) -> tuple[Any, ...]:
    return customer, order, kind, Decimal(amount), local(when), product, Decimal(units)


def outcomes(messages: DataFrame, responses: DataFrame, lines: DataFrame) -> DataFrame:
    return campaigns.outcomes(
        messages, responses, lines,
        sent_on=SENT_ON, window_days=WINDOW, conversion_days=SOON, time_zone=ZONE,
    )  # fmt: skip


def arms(decisions: DataFrame, lines: DataFrame) -> DataFrame:
    return campaigns.arms(decisions, lines, sent_on=SENT_ON, window_days=WINDOW, time_zone=ZONE)


def assert_same(found: DataFrame, expected: DataFrame) -> None:
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.mark.covers("S2")
def test_a_buyer_clicked_and_ordered_after_the_click(rows: Rows) -> None:
    messages = rows(MESSAGES, *((f"m{n}", f"c{n}") for n in range(1, 9)))
    responses = rows(
        RESPONSES,
        *((f"m{n}", "clicked", local("06-02 10:00")) for n in (6, 7, 8)),
        ("m1", "sent", local("06-01 08:00")),
        ("m1", "delivered", local("06-01 08:01")),
        ("m1", "clicked", local("06-02 10:00")),
        ("m1", "clicked", local("06-03 10:00")),  # a second click does not move the first
        ("m2", "delivered", local("06-01 08:01")),
        ("m3", "sent", local("06-01 08:00")),
        ("m4", "clicked", local("06-03 10:00")),  # what was clicked has arrived
    )
    lines = rows(
        LINES,
        sale("c1", "o1", "30.00", "06-02 10:12"),
        sale("c1", "o1", "12.50", "06-02 10:12"),  # a second line of the same order
        sale("c1", "o2", "7.50", "06-05 09:00"),
        sale("c1", "o0", "99.00", "06-02 09:59"),  # a minute before the click
        sale("c2", "o3", "20.00", "06-02 10:00"),  # bought without a click
        sale("c4", "o4", "20.00", "06-02 10:00"),  # before the click
        sale("c6", "o6", "20.00", "06-07 10:00"),  # five days after it, which is too late
        sale("c7", "o7", "20.00", "06-07 09:59"),
        sale("c7", "o8", "5.00", "06-07 20:00"),  # a buyer's later order
        sale("c8", "o9", "20.00", "06-03 10:00"),  # soon, but sent back
        sale("c8", "o9", "20.00", "06-04 10:00", "return"),
        sale("c8", "o10", "5.00", "06-07 20:00"),
    )
    expected = rows(
        OUTCOMES,
        ("m1", "c1", True, True, 2, Decimal("50.00")),  # 30.00 + 12.50 + 7.50
        ("m2", "c2", True, False, 0, Decimal(0)),
        ("m3", "c3", False, False, 0, Decimal(0)),
        ("m4", "c4", True, True, 0, Decimal(0)),
        ("m5", "c5", False, False, 0, Decimal(0)),
        ("m6", "c6", True, True, 0, Decimal(0)),
        ("m7", "c7", True, True, 2, Decimal("25.00")),
        ("m8", "c8", True, True, 0, Decimal(0)),
    )
    assert_same(outcomes(messages, responses, lines), expected)


@pytest.mark.covers("S2")
def test_what_was_sent_back_within_the_window_was_not_bought(rows: Rows) -> None:
    messages = rows(MESSAGES, *((f"m{n}", f"c{n}") for n in range(1, 7)))
    clicks = [(f"m{n}", "clicked", local("06-02 10:00")) for n in range(1, 7)]
    lines = rows(
        LINES,
        sale("c1", "o1", "100", "06-02 12:00"),
        sale("c1", "o1", "100", "06-06 12:00", "return"),  # all of it
        sale("c2", "o2", "40", "06-03 12:00"),
        sale("c2", "o2", "60", "06-03 12:00", product="P2"),
        sale("c2", "o2", "60", "06-07 12:00", "return", product="P2"),  # one of two lines
        sale("c3", "o3", "30", "06-03 12:00"),
        sale("c3", "o3", "30", "06-08 00:00", "return"),  # as the window ends
        sale("c4", "o4", "50", "06-03 12:00"),
        sale("c4", "r4", "20", "06-04 12:00", "return"),  # with a number of its own
        sale("c4", "r5", "70", "06-04 12:00", "return", product="P9"),  # bought before the click
        sale("c5", "o0", "80", "06-02 12:00", "return"),  # bought before the click
        sale("c6", "o6", "10", "06-03 12:00"),
        sale("c6", "o6", "25", "06-04 12:00", "return"),  # more than was paid
        sale("c6", "o7", "15", "06-05 12:00"),
        sale("c6", "o8", "99", "06-05 12:00", "no_sale"),
    )
    expected = rows(
        OUTCOMES,
        ("m1", "c1", True, True, 0, Decimal(0)),
        ("m2", "c2", True, True, 1, Decimal(40)),
        ("m3", "c3", True, True, 1, Decimal(30)),
        ("m4", "c4", True, True, 1, Decimal(30)),
        ("m5", "c5", True, True, 0, Decimal(0)),
        ("m6", "c6", True, True, 1, Decimal(15)),
    )
    assert_same(outcomes(messages, rows(RESPONSES, *clicks), lines), expected)


BEFORE, FIRST, SECOND, LATER = "05-20 12:00", "06-02 12:00", "06-03 12:00", "06-05 12:00"
# Lines of a customer (order, amount, when, kind, units, product), and what they kept, by order.
RETURNS: dict[str, tuple[list[tuple[str, ...]], dict[str, int]]] = {
    "a return of an earlier order under its number takes nothing of a later one": (
        [("o1", "10", BEFORE), ("o2", "10", FIRST), ("o1", "10", SECOND, "return")],
        {"o2": 10},
    ),
    "nor one of an order that was no sale": (
        [("o2", "10", FIRST), ("o1", "10", SECOND, "no_sale"), ("o1", "10", LATER, "return")],
        {"o2": 10},
    ),
    "a return before the purchase is of the one before": (
        [("o1", "10", BEFORE), ("r", "10", FIRST, "return"), ("o2", "12", SECOND)],
        {"o2": 12},
    ),
    "a return before the only purchase is of something unknown": (
        [("r", "10", FIRST, "return"), ("o2", "12", SECOND)],
        {"o2": 12},
    ),
    "without an order it is the latest purchase before it": (
        [("o1", "10", BEFORE), ("o2", "12", FIRST), ("r", "12", SECOND, "return")],
        {},
    ),
    "a purchase at the time of the return is before it": (
        [("o2", "12", FIRST), ("r", "12", FIRST, "return")],
        {},
    ),
    "a second return is of the purchase before, outside of the window": (
        [("o1", "10", BEFORE), ("o2", "12", FIRST), ("r1", "12", SECOND, "return"), ("r2", "10", LATER, "return")],
        {},
    ),
    "two returns of two purchases leave nothing": (
        [("o1", "10", FIRST), ("o2", "12", SECOND), ("r1", "12", LATER, "return"), ("r2", "10", LATER, "return")],
        {},
    ),
    "what came back under its number is left for no other return": (
        [("o1", "10", FIRST), ("o2", "12", SECOND), ("o2", "12", LATER, "return"), ("r", "10", LATER, "return")],
        {},
    ),
    "several returns of one line": (
        [("o1", "30", FIRST, "sale", "3"), ("r1", "10", SECOND, "return"), ("r2", "10", LATER, "return")],
        {"o1": 10},
    ),
    "several returns of one line under its number": (
        [("o1", "30", FIRST, "sale", "3"), ("o1", "10", SECOND, "return"), ("o1", "10", LATER, "return")],
        {"o1": 10},
    ),
    "a return larger than its purchase takes no more": (
        [("o1", "10", FIRST), ("o2", "12", SECOND), ("r", "99", LATER, "return", "5")],
        {"o1": 10},
    ),
    "nor of the order's other products": (
        [("o1", "10", FIRST), ("o1", "60", FIRST, "sale", "1", "P2"), ("o1", "50", LATER, "return")],
        {"o1": 60},
    ),
    "a product that the order does not have is taken of the whole order": (
        [("o1", "10", FIRST), ("o1", "60", FIRST, "sale", "1", "P2"), ("o1", "5", LATER, "return", "1", "P9")],
        {"o1": 65},
    ),
    "and without an order of nothing": (
        [("o1", "10", FIRST), ("r", "10", LATER, "return", "1", "P9")],
        {"o1": 10},
    ),
    "a return before the window has its own purchase": (
        [("o0", "10", BEFORE), ("r0", "10", "05-25 12:00", "return"), ("o1", "12", FIRST), ("r1", "12", LATER, "return")],
        {},
    ),
    "less was paid back than was paid": (
        [("o1", "10", FIRST), ("o1", "10", FIRST), ("o1", "8", LATER, "return")],
        {"o1": 12},
    ),
}  # fmt: skip


@pytest.mark.covers("S2")
def test_a_return_counts_against_its_own_purchase(rows: Rows) -> None:
    def line(customer: str, order: str, amount: str, when: str, *more: str) -> tuple[Any, ...]:
        kind, units, product = (*more, *("sale", "1", "P1")[len(more) :])
        return sale(customer, order, amount, when, kind, units=units, product=product)

    start, end = (local(f"{day} 00:00").isoformat() for day in ("06-01", "06-08"))
    in_window = F.expr(f"happened_at >= timestamp'{start}' AND happened_at < timestamp'{end}'")
    cases = ((customer, lines) for customer, (lines, _) in RETURNS.items())
    of_all = [line(customer, *item) for customer, lines in cases for item in lines]
    lines = rows(LINES, *of_all).withColumn("counts", in_window)
    found: dict[str, dict[str, Decimal]] = {customer: {} for customer in RETURNS}
    for row in kept_orders(lines, of="customer_id").collect():
        found[row["customer_id"]][row["order_id"]] = row["amount"]
    assert found == {customer: left for customer, (_, left) in RETURNS.items()}


@pytest.mark.covers("S2")
def test_a_return_of_what_was_bought_before_the_click_or_the_window_takes_nothing_of_later_orders(
    rows: Rows,
) -> None:
    lines = rows(
        LINES,
        sale("c1", "o0", "50", "06-02 09:00"),  # an hour before the click
        sale("c1", "o1", "80", "06-03 12:00"),
        sale("c1", "o0", "50", "06-04 12:00", "return"),
        sale("c2", "o2", "50", "05-20 12:00"),
        sale("c2", "o3", "80", "06-03 12:00", product="P2"),
        sale("c2", "r2", "50", "06-04 12:00", "return"),
    )
    clicks = [(name, "clicked", local("06-02 10:00")) for name in ("m1", "m2")]
    messages = rows(MESSAGES, ("m1", "c1"), ("m2", "c2"))
    expected = rows(
        OUTCOMES,
        ("m1", "c1", True, True, 1, Decimal(80)),
        ("m2", "c2", True, True, 1, Decimal(80)),
    )
    assert_same(outcomes(messages, rows(RESPONSES, *clicks), lines), expected)
    decisions = rows(DECISIONS, ("c1", "s", 1, False), ("c2", "s", 1, True))
    # c1 bought twice within the window, before and after the click, and one came back.
    assert_same(
        arms(decisions, lines),
        rows(ARMS, ("s", False, 1, 1, 80.0, 0.0), ("s", True, 1, 1, 80.0, 0.0)),
    )


@pytest.mark.covers("S2")
def test_revenue_per_customer_is_less_what_came_back(rows: Rows) -> None:
    decisions = rows(DECISIONS, ("k1", "s", 1, False), ("k2", "s", 1, False), ("k3", "s", 1, True))
    lines = rows(
        LINES,
        sale("k1", "o1", "100", "06-02 12:00"),
        sale("k1", "o1", "100", "06-06 12:00", "return"),
        sale("k2", "o2", "40", "06-03 12:00"),
        sale("k3", "o3", "30", "06-03 12:00", "no_sale"),
    )
    # (100 - 100 + 40) / 2 = 20; deviations -20 and 20
    expected = rows(ARMS, ("s", False, 2, 1, 20.0, 800.0), ("s", True, 1, 0, 0.0, 0.0))
    assert_same(arms(decisions, lines), expected)


def test_the_window_begins_with_the_shops_day_and_ends_before_its_last_midnight(rows: Rows) -> None:
    messages = rows(
        MESSAGES, *((name, name) for name in ("early", "first", "late", "order", "last"))
    )
    responses = rows(
        RESPONSES,
        ("early", "clicked", local("05-31 23:59:59")),
        ("first", "clicked", local("06-01 00:00")),
        ("late", "clicked", local("06-08 00:00")),
        ("order", "clicked", local("06-03 10:00")),
        ("last", "clicked", local("06-03 10:00")),
    )
    lines = rows(
        LINES,
        sale("early", "o1", "1", "06-02 10:00"),
        sale("first", "o2", "2", "06-01 00:00"),  # at the moment of the click
        sale("late", "o3", "3", "06-08 00:00"),
        sale("order", "o4", "4", "06-08 00:00"),  # exactly at the end
        sale("last", "o5", "5", "06-07 23:59:59.999999"),
    )
    expected = rows(
        OUTCOMES,
        ("early", "early", False, False, 0, Decimal(0)),
        ("first", "first", True, True, 1, Decimal(2)),
        ("late", "late", False, False, 0, Decimal(0)),
        ("order", "order", True, True, 0, Decimal(0)),
        ("last", "last", True, True, 1, Decimal(5)),
    )
    assert_same(outcomes(messages, responses, lines), expected)


def test_a_window_over_a_clock_change_still_ends_at_the_shops_midnight(rows: Rows) -> None:
    def berlin(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo("Europe/Berlin"))

    # Clocks go back on 25 October: the week that begins on the 20th has 169 hours.
    responses = rows(RESPONSES, ("m1", "clicked", berlin("10-20 10:00")))
    lines = rows(
        LINES,
        ("c1", "o1", "sale", Decimal(5), berlin("10-26 23:59"), "P1", Decimal(1)),
        ("c1", "o2", "sale", Decimal(7), berlin("10-27 00:00"), "P1", Decimal(1)),
    )
    found = campaigns.outcomes(
        rows(MESSAGES, ("m1", "c1")),
        responses,
        lines,
        sent_on=date(2026, 10, 20),
        window_days=7,
        conversion_days=7,
        time_zone="Europe/Berlin",
    )
    assert_same(found, rows(OUTCOMES, ("m1", "c1", True, True, 1, Decimal(5))))


def test_a_return_larger_than_its_purchase_takes_no_more_and_sales_to_nobody_count_for_nobody(
    rows: Rows,
) -> None:
    messages = rows(MESSAGES, ("m1", "c1"))
    responses = rows(
        RESPONSES,
        ("m1", "clicked", local("06-02 10:00")),
        ("unknown", "clicked", local("06-02 10:00")),
        (None, "clicked", local("06-02 10:00")),
    )
    lines = rows(
        LINES,
        sale("c1", "o1", "30", "06-02 11:00"),
        sale("c1", "o1", "100", "06-04 11:00", kind="return"),
        sale(None, "o2", "500", "06-02 11:00"),
    )
    assert_same(
        outcomes(messages, responses, lines),
        rows(OUTCOMES, ("m1", "c1", True, True, 0, Decimal(0))),
    )


def test_no_messages_have_no_outcomes(rows: Rows) -> None:
    assert outcomes(rows(MESSAGES), rows(RESPONSES), rows(LINES)).isEmpty()


@pytest.mark.covers("S2")
def test_the_four_kpis_are_known_only_where_there_is_something_to_divide_by(rows: Rows) -> None:
    decided = [(f"c{n}", "reached", 1, False) for n in range(1, 7)]
    decided += [("d1", "unsent", 1, False), ("d2", "unsent", 1, True)]
    decided += [
        ("e1", "ignored", 1, False),
        ("f1", "looked_at", 3, False),
        ("f2", "looked_at", 2, False),
    ]
    results = rows(
        OUTCOMES,
        ("m1", "c1", True, True, 2, Decimal(110)),  # bought twice
        ("m2", "c2", True, True, 1, Decimal(40)),
        ("m3", "c3", True, True, 0, Decimal(0)),
        ("m4", "c4", True, False, 0, Decimal(0)),
        ("m5", "c5", False, False, 0, Decimal(0)),  # never arrived; c6 was sent nothing
        ("m6", "e1", True, False, 0, Decimal(0)),
        ("m7", "f1", True, True, 0, Decimal(0)),
        ("m8", "f2", True, True, 3, Decimal(9)),
    )
    found = campaigns.strategy_kpis(
        rows(DECISIONS, *decided),
        results,
        as_of=date(2026, 6, 8),
        decided_on=SENT_ON,
        window_days=WINDOW,
    )
    day = (date(2026, 6, 8), SENT_ON)
    expected = rows(
        KPIS,
        # 3 of 4 delivered clicked, 2 of 3 bought, 150 / 2 buyers, 1 of 2 came back
        (*day, "reached", 1, WINDOW, 4, 3, 2, Decimal(150), 1, 3 / 4, 2 / 3, Decimal(75), 1 / 2),
        (*day, "unsent", 1, WINDOW, 0, 0, 0, Decimal(0), 0, None, None, None, None),
        (*day, "ignored", 1, WINDOW, 1, 0, 0, Decimal(0), 0, 0.0, None, None, None),
        (*day, "looked_at", 3, WINDOW, 1, 1, 0, Decimal(0), 0, 1.0, 0.0, None, None),
        (*day, "looked_at", 2, WINDOW, 1, 1, 1, Decimal(9), 1, 1.0, 1.0, Decimal(9), 1.0),
    )
    assert_same(found, expected)


def test_revenue_per_customer_has_a_mean_in_and_outside_the_holdout(rows: Rows) -> None:
    decisions = rows(
        DECISIONS,
        ("a1", "g1", 1, False), ("a2", "g1", 1, False), ("a3", "g1", 1, False),
        ("b1", "g1", 1, True), ("b2", "g1", 1, True),
        ("c1", "g2", 1, False),
    )  # fmt: skip
    lines = rows(
        LINES,
        sale("a1", "o1", "4", "06-01 00:00"),
        sale("a1", "o2", "6", "06-07 23:59"),
        sale("a2", "o3", "20", "06-03 10:00"),
        sale("a3", "o4", "50", "06-08 00:00"),  # at the end of the window: spent nothing within it
        sale("a3", "o5", "50", "06-02 10:00", kind="return"),  # of a purchase before it
        sale("b1", "o6", "5", "06-02 10:00"),
        sale("b2", "o7", "8", "05-31 23:59"),
        sale(None, "o8", "900", "06-02 10:00"),
        sale("stranger", "o9", "900", "06-02 10:00"),
    )
    expected = rows(
        ARMS,
        ("g1", False, 3, 2, 10.0, 200.0),  # 10, 20, 0: (0 + 100 + 100)
        ("g1", True, 2, 1, 2.5, 12.5),  # 5, 0: 2 x 2.5²
        ("g2", False, 1, 0, 0.0, 0.0),  # and no holdout at all
    )
    assert_approx_df_equality(
        arms(decisions, lines), expected, 1e-9, ignore_row_order=True, ignore_nullable=True
    )


def test_nobody_decided_on_makes_no_arm(rows: Rows) -> None:
    assert arms(rows(DECISIONS), rows(LINES, sale("c1", "o1", "5", "06-02 10:00"))).isEmpty()


def decision(customer: str, strategy: str, *, held_out: bool = False) -> dict[str, Any]:
    return {
        "as_of": SENT_ON, "decision_id": customer, "customer_id": customer, "strategy_id": strategy, "is_holdout": held_out,
        "action": "nothing" if held_out else "coupon", "consent_basis": "recorded", "expected_cost": Decimal(0),
    }  # fmt: skip


def bought(customer: str, amount: str, when: str, *, arrived: str | None = None) -> dict[str, Any]:
    order = f"{customer} {when}"
    return {
        "order_line_id": order, "order_id": order, "customer_id": customer, "amount": Decimal(amount), "kind": "sale",
        "happened_at": local(when), "arrived_at": local(arrived or when), "currency": "EUR",
    }  # fmt: skip


def answered(customer: str, what: str, when: str) -> dict[str, Any]:
    return {
        "record_id": f"{customer} {what}", "message_ref": f"m-{customer}", "type": what, "happened_at": local(when),
        "arrived_at": local(when),
    }  # fmt: skip


@pytest.mark.deep  # the job on several days; its figures by hand are above
@pytest.mark.covers("S2")
def test_a_strategy_is_measured_on_the_day_its_window_ends_and_not_before(
    spark: SparkSession, tmp_path: Path
) -> None:
    desk = Desk(
        spark, tmp_path, {}, **{"shop.time_zone": ZONE, "strategy.window_days": str(WINDOW)}
    )
    treated, held_out = ["a1", "a2", "a3"], ["b1", "b2"]
    known = [*treated, *held_out, "c1", "c2"]
    append_rows(
        desk.lake,
        "silver.consents",
        *(consent(name, "analytics") for name in known),
        consent("late", "analytics", at=local("06-04 10:00")),  # not when it was decided
    )
    append_rows(
        desk.lake,
        "gold.strategies",
        *({"as_of": SENT_ON, "strategy_id": name} for name in ("g1", "g2")),
    )
    unprofiled = decision("late", "(none)") | {"strategy_version": 0, "action": "nothing"}
    append_rows(
        desk.lake,
        "gold.decisions",
        unprofiled,
        unprofiled | {"as_of": date(2026, 5, 31)},  # a day without a strategy
        *(decision(name, "g1") for name in treated),
        *(decision(name, "g1", held_out=True) for name in held_out),
        *(decision(name, "g2") for name in ("c1", "c2")),  # a strategy without a holdout
    )
    append_rows(
        desk.lake,
        "gold.messages",
        *(
            {"message_id": f"m-{name}", "as_of": SENT_ON, "customer_id": name, "state": "sent"}
            for name in ("a1", "a2", "c1")
        ),
        {"message_id": "m-a3", "as_of": SENT_ON, "customer_id": "a3", "state": "withheld"},
    )
    append_rows(
        desk.lake,
        "silver.responses",
        *(answered(name, "clicked", "06-02 10:00") for name in ("a1", "a2")),
        answered("a3", "clicked", "06-02 10:00"),  # of a message that was never sent
        answered("c1", "delivered", "06-02 10:00"),
    )
    append_rows(
        desk.lake,
        "silver.order_lines",
        bought("a1", "10", "06-02 11:00"),
        bought(
            "a2", "40", "06-03 11:00", arrived="06-08 00:00"
        ),  # known only after the measurement
        bought("a3", "26", "06-04 11:00"),
        bought("b1", "5", "06-02 11:00"),
        bought("c2", "70", "06-02 11:00"),
        bought("late", "90", "06-05 11:00"),
    )
    desk.run("measure", as_of=date(2026, 6, 7))
    assert desk.read("gold.strategy_kpis").isEmpty()
    assert desk.said == ["no strategy has run for 7 days yet"]

    desk.run("measure", as_of=date(2026, 6, 8))
    found = {row["strategy_id"]: row for row in desk.read("gold.strategy_kpis").collect()}
    assert set(found) == {"g1", "g2"}
    one, two = found["g1"], found["g2"]
    counted = ("delivered", "clickers", "buyers", "revenue", "repeat_buyers")
    assert tuple(one[name] for name in counted) == (2, 2, 1, Decimal(10), 0)
    assert (one["ctr"], one["cr"], one["apu"], one["rpr"]) == (1.0, 0.5, Decimal(10), 0.0)
    assert (one["held_out"], one["treated"]) == (2, 3)
    by_scipy = ttest_ind([10.0, 0.0, 26.0], [5.0, 0.0], equal_var=False)
    ends = by_scipy.confidence_interval(0.95)
    assert one["lift"] == pytest.approx(12 - 2.5)
    assert (one["lift_low"], one["lift_high"]) == pytest.approx((ends.low, ends.high), abs=1e-6)
    # Two of three and one of two ordered: 2/3 - 1/2.
    assert (one["treated_buyers"], one["held_out_buyers"]) == (2, 1)
    two_thirds, half = (
        binomtest(*counts).proportion_ci(method="wilson") for counts in ((2, 3), (1, 2))
    )
    low = 1 / 6 - np.hypot(2 / 3 - two_thirds.low, half.high - 1 / 2)
    high = 1 / 6 + np.hypot(two_thirds.high - 2 / 3, 1 / 2 - half.low)
    assert one["order_rate_lift"] == pytest.approx(1 / 6, abs=1e-6)
    assert (one["order_rate_low"], one["order_rate_high"]) == pytest.approx((low, high), abs=1e-6)
    # Variances within both arms: (10² + 0² + 26² - 3 x 12² + 12.5) / 3 and (2/3 + 1/2) / 3. Of arms
    # of 3 and 2 Welch's degrees of freedom are (5/6)² / (1/9/2 + 1/4) = 25/11.
    quantiles = t.ppf(0.975, 25 / 11) + t.ppf(0.8, 25 / 11)
    spread = (356.5 / 3 * 5 / 6) ** 0.5, (7 / 18 * 5 / 6) ** 0.5
    assert (one["lift_detectable"], one["order_rate_detectable"]) == pytest.approx(
        (quantiles * spread[0], quantiles * spread[1]), abs=1e-5
    )
    # Nobody was held out: what the strategy brought is not computable, and not 0.
    assert (two["held_out"], two["treated"]) == (0, 2)
    assert (two["treated_buyers"], two["held_out_buyers"]) == (1, 0)
    for name in ("lift", "order_rate"):
        assert [two[f"{name}_{end}"] for end in ("low", "high", "detectable")] == [None] * 3
    assert (two["lift"], two["order_rate_lift"]) == (None, None)
    assert (two["ctr"], two["cr"], two["apu"], two["rpr"]) == (0.0, None, None, None)


@pytest.mark.covers("F8")
def test_what_comes_back_counts_in_its_minute(rows: Rows) -> None:
    day = SENT_ON
    messages = rows(
        "message_id string, customer_id string, campaign_id string, as_of date, "
        "expected_cost decimal(18,4)",
        ("m1", "c1", "a", day, Decimal("0.5")),
        ("m2", "c2", "a", day, Decimal("0.25")),
        ("m3", "c3", "b", day, Decimal("0.25")),  # bounced
        ("m4", "c4", "b", day, Decimal("0.25")),  # never delivered
    )
    responses = rows(
        "message_id string, type string, at timestamp",
        ("m1", "delivered", local("06-01 08:00:05")),
        ("m2", "delivered", local("06-01 08:00:59")),
        ("m1", "clicked", local("06-01 09:30:00")),
        ("m1", "clicked", local("06-02 09:30:00")),
        ("m2", "clicked", local("06-01 09:30:40")),
        ("m3", "delivered", local("06-01 08:00:00")),
        ("m3", "bounced", local("06-01 08:03:00")),
        ("m2", "clicked", local("06-09 08:03:00")),  # after the window
    )
    lines = rows(
        LINES,
        sale("c1", "o1", "30", "06-01 10:00"),
        sale("c1", "o2", "5", "06-03 12:00"),
        sale("c2", "o3", "20", "06-01 09:30"),  # before the click
    )
    windows = campaigns.with_window(messages, window_days=WINDOW, time_zone=ZONE)
    reached = campaigns.reached_messages(windows, responses)
    orders = campaigns.orders_of_buyers(reached, lines, conversion_days=SOON)
    found = {
        (row["minute"], row["campaign_id"]): (
            row["delivered"], row["clickers"], row["buyers"], row["orders"], float(row["revenue"]),
            float(row["expected_cost"]),
        )
        for row in campaign_minutes(reached, orders).collect()
    }  # fmt: skip

    def utc(text: str) -> datetime:
        return local(text).astimezone(UTC).replace(tzinfo=None)

    assert found == {
        (utc("06-01 08:00"), "a"): (2, 0, 0, 0, 0.0, 0.75),
        (utc("06-01 09:30"), "a"): (0, 2, 0, 0, 0.0, 0.0),
        (utc("06-01 10:00"), "a"): (0, 0, 1, 1, 30.0, 0.0),
        (utc("06-03 12:00"), "a"): (0, 0, 0, 1, 5.0, 0.0),
    }
