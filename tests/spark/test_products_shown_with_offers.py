"""Which products go with an offer: those of interest, their like, those a competitor has cut, those left in the cart."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame

from clarion.campaigns.decisions import products

ZONE, AS_OF = "Asia/Shanghai", date(2026, 6, 8)
INTERACTIONS = "customer_id string, product_id string, orders bigint, interest double"
NEIGHBOURS = "product_id string, neighbour_id string, cosine double"
ALERTS = "competitor string, product_id string, observed_at timestamp, change double, kind string"
STATE = "customer_id string, open_cart array<string>"
Rows = Callable[..., DataFrame]


def local(text: str) -> datetime:
    """An instant by the shop's clock."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZoneInfo(ZONE))


def shown(rows: Rows, name: str, *found: tuple[str, list[tuple[str, str]]]) -> DataFrame:
    return rows(
        f"customer_id string, {name} array<struct<product_id:string,reason:string>>", *found
    )


def assert_same(found: DataFrame, expected: DataFrame) -> None:
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_what_is_of_most_interest_is_shown_first_and_ties_go_by_name(rows: Rows) -> None:
    interactions = rows(
        INTERACTIONS,
        ("ann", "p3", 0, 2.0), ("ann", "p1", 0, 2.0), ("ann", "p2", 1, 2.5), ("ann", "p4", 0, 0.5),
        ("bob", "p4", 2, 0.1),
    )  # fmt: skip
    expected = shown(
        rows,
        "interests",
        ("ann", [("p2", "bought before"), ("p1", "looked at lately"), ("p3", "looked at lately")]),
        ("bob", [("p4", "bought before")]),
    )
    assert_same(products.products_of_interest(interactions, limit=3), expected)


@pytest.mark.covers("S1")
def test_products_like_those_of_interest_add_up_and_what_was_bought_is_left_out(rows: Rows) -> None:
    interactions = rows(
        INTERACTIONS,
        ("ann", "p1", 0, 2.0), ("ann", "p2", 1, 1.0),
        ("bob", "p2", 1, 1.0), ("bob", "p3", 3, 4.0),
        ("eve", "p9", 0, 5.0),  # like nothing else
    )  # fmt: skip
    neighbours = rows(
        NEIGHBOURS,
        ("p1", "p3", 0.5), ("p1", "p4", 0.75), ("p1", "p2", 0.9),
        ("p2", "p3", 0.75), ("p2", "p5", 0.5), ("p3", "p4", 0.25),
    )  # fmt: skip
    expected = shown(
        rows,
        "neighbours",
        # p3: 2.0 x 0.5 + 1.0 x 0.75 = 1.75, mostly because of p1 (1.0); p4: 2.0 x 0.75 = 1.5; p5: 0.5; p2 is hers already.
        ("ann", [("p3", "like p1"), ("p4", "like p1")]),
        # p4: 4.0 x 0.25 = 1.0; p5: 1.0 x 0.5; p3 is his already.
        ("bob", [("p4", "like p3"), ("p5", "like p2")]),
    )
    assert_same(products.similar_products(interactions, neighbours, limit=2), expected)


def test_equally_like_products_go_by_name_and_their_reason_is_the_last_name(rows: Rows) -> None:
    interactions = rows(INTERACTIONS, ("ann", "p1", 0, 1.0), ("ann", "p2", 0, 0.5))
    neighbours = rows(NEIGHBOURS, ("p1", "q", 0.25), ("p2", "q", 0.5), ("p1", "a", 0.5))
    expected = shown(rows, "neighbours", ("ann", [("a", "like p1"), ("q", "like p2")]))
    assert_same(products.similar_products(interactions, neighbours, limit=3), expected)


def test_nothing_of_interest_and_no_neighbours_show_nothing(rows: Rows) -> None:
    one = rows(INTERACTIONS, ("ann", "p1", 0, 1.0))
    assert products.similar_products(
        rows(INTERACTIONS), rows(NEIGHBOURS, ("p1", "p2", 0.5)), limit=3
    ).isEmpty()
    assert products.similar_products(one, rows(NEIGHBOURS), limit=3).isEmpty()


def alerted(interactions: DataFrame, alerts: DataFrame, *, limit: int = 3) -> DataFrame:
    return products.products_with_price_cut(
        interactions, alerts, as_of=AS_OF, days=7, time_zone=ZONE, limit=limit
    )


def alerts_of(rows: Rows, *moves: tuple[str, str, Any, float]) -> DataFrame:
    """Alerts of price moves, and a promotion that is none."""
    kinds = {True: "price_cut", False: "price_rise"}
    values = [(*move, kinds[move[3] < 0]) for move in moves]
    promotion = ("Omega", moves[0][1], moves[0][2], None, "promotion_start")
    return rows(ALERTS, *values, promotion)


@pytest.mark.covers("F2")
def test_a_product_of_interest_is_shown_with_the_competitor_who_cut_it_most(rows: Rows) -> None:
    interactions = rows(
        INTERACTIONS,
        ("ann", "p1", 0, 1.0),
        ("ann", "p2", 0, 3.0),
        ("ann", "p3", 0, 9.0),
        ("bob", "p1", 0, 1.0),
    )
    alerts = alerts_of(
        rows,
        ("Alpha", "p1", local("06-05 12:00"), -0.10),
        ("Beta", "p1", local("06-04 12:00"), -0.20),
        ("Gamma", "p2", local("06-05 12:00"), -0.30),
        ("Delta", "p2", local("06-05 12:00"), -0.30),  # a tie goes by name
        ("Alpha", "p3", local("06-05 12:00"), 0.50),  # dearer
        ("Alpha", "p7", local("06-05 12:00"), -0.50),  # of interest to nobody
    )
    expected = shown(
        rows,
        "alerted",
        ("ann", [("p2", "Delta cut its price"), ("p1", "Beta cut its price")]),
        ("bob", [("p1", "Beta cut its price")]),
    )
    assert_same(alerted(interactions, alerts), expected)


def test_a_cut_matters_for_seven_local_days_before_the_as_of_day(rows: Rows) -> None:
    days: list[tuple[Any, ...]] = [
        ("too old", local("05-31 23:59:59")),
        ("oldest", local("06-01 00:00")),
        ("newest", local("06-07 23:59:59")),
        ("on the day", local("06-08 00:00")),
    ]
    interactions = rows(INTERACTIONS, *(("ann", name, 0, 1.0) for name, _ in days))
    alerts = alerts_of(rows, *(("Alpha", name, seen, -0.2) for name, seen in days))
    expected = shown(
        rows,
        "alerted",
        ("ann", [("newest", "Alpha cut its price"), ("oldest", "Alpha cut its price")]),
    )
    assert_same(alerted(interactions, alerts), expected)


@pytest.mark.covers("F1")
def test_what_was_left_in_the_cart_is_shown_in_the_order_of_names(rows: Rows) -> None:
    state = rows(STATE, ("ann", ["p2", "p1"]), ("bob", []), ("eve", None))
    expected = shown(rows, "open_cart", ("ann", [("p1", "in the cart"), ("p2", "in the cart")]))
    assert_same(products.products_in_cart(state), expected)
