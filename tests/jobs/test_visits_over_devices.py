"""A person with an account of the app and one of the mini-program: one chain of visits on two devices."""

import json
from collections import Counter
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from worlds import Desk

from clarion.contracts.silver import EVENTS, PRODUCTS
from clarion.customers.features.visits import visits
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking

pytestmark = pytest.mark.deep  # files through resolve to features

DAY = date(2026, 3, 1)
ALLOWED = {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"}
EVENT = (
    "event_ref", "happened_at", "type", "customer_ref", "device_ref", "product_ref", "dwell_ms",
    "channel", "session_ref", "sequence_no",
)  # fmt: skip
PRICES = {"P1": 30.0, "P2": 12.5}


def mapping(name: str) -> dict[str, Any]:
    """Accounts and events of one way in, which gives names of its own."""
    people = {name: name for name in ("customer_ref", "registered_at", "mail", "name")}
    phone = {"phone": {"from": "phone", "as": "phone", "country": "CN"}}
    return {
        "registrations": {
            "where": f"${{data}}/{name}_people/*.csv", "format": "csv", "options": {"header": True},
            "time_zone": "UTC", "consent": ALLOWED, "columns": {**people, **phone},
        },
        "events": {
            "where": f"${{data}}/{name}_events/*.json", "format": "json", "time_zone": "UTC",
            "consent": ALLOWED, "columns": {name: name for name in EVENT},
        },
    }  # fmt: skip


def planted() -> dict[str, list[dict[str, Any]]]:
    """Events by way in; on her mini-program Wang looks at a product before she logs in."""

    def visit(
        way: str, session: str, hour: int, who: str, device: str, *steps: tuple[str, str | None]
    ) -> list[dict[str, Any]]:
        logged_in = [type_ for type_, _ in steps].index("login")
        return [
            {
                "event_ref": f"{session}-{place}",
                "happened_at": f"2026-02-{hour // 24 + 1:02d} {hour % 24:02d}:{place:02d}:00",
                "type": type_,
                "customer_ref": who if place >= logged_in else None,
                "device_ref": device,
                "product_ref": product,
                "dwell_ms": 2000 * (place + 1) if product else None,
                "channel": way,
                "session_ref": session,
                "sequence_no": place + 1,
            }
            for place, (type_, product) in enumerate(steps)
        ]

    login, look, add = ("login", None), ("view", "P1"), ("cart_add", "P2")
    return {
        "app": [
            *visit("app", "a1", 10, "A1", "d-app", login, look, ("favourite", "P1"), add),
            *visit("app", "a2", 30, "A1", "d-app", login, look),
            *visit("app", "a3", 12, "A2", "d-li", login, look, add),
        ],
        "mini": [
            *visit("mini_program", "m1", 20, "W1", "d-mini", look, login, ("review_view", "P1"), add, add),
            *visit("mini_program", "m2", 40, "W1", "d-mini", login, look),
            *visit("mini_program", "m3", 14, "W9", "d-strange", login, look),
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder: Path = tmp_path_factory.mktemp("devices")
    head = "customer_ref,registered_at,phone,mail,name\n"
    people = {
        "app": "A1,2026-01-05 10:00:00,139-0000-0001,w@x.example,王芳\nA2,2026-01-06 10:00:00,13900000002,l@x.example,李娜\n",
        "mini": "W1,2026-01-07 10:00:00,+86 139 0000 0001,,王芳\nW9,2026-01-08 10:00:00,13900000009,,李娜\n",
    }
    for way, events in planted().items():
        for name, text in (
            (f"{way}_people/1.csv", head + people[way]),
            (f"{way}_events/1.json", "\n".join(map(json.dumps, events))),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    (folder / "products").mkdir()
    (folder / "products" / "1.csv").write_text(
        "ref,path,price\nP1,care > soap,30.00\nP2,care > cream,12.50\n"
    )
    products = {
        "where": "${data}/products/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY",
        "columns": {"product_ref": "ref", "title": "ref", "category_path": "path", "list_price": "price"},
    }  # fmt: skip
    mappings = {"app": {**mapping("app"), "products": products}, "mini": mapping("mini")}
    desk = Desk(spark, folder, mappings, **{"shop.time_zone": "UTC", "shop.currency": "CNY"})
    desk.run("ingest", "clean", "resolve", "profiles", "features", as_of=DAY)
    return desk


def hand_count() -> dict[str, list[dict[str, Any]]]:
    """Visits of each person in the order of time, as anybody counts them in the files."""
    person_of_device = {"d-app": "A1", "d-mini": "A1", "d-li": "A2", "d-strange": "W9"}
    sessions: dict[str, dict[str, Any]] = {}
    for event in sorted(
        chain.from_iterable(planted().values()), key=lambda event: event["happened_at"]
    ):
        visit = sessions.setdefault(
            event["session_ref"],
            {"who": person_of_device[event["device_ref"]], "channel": event["channel"].replace("_", "-"), "path": [],
             "dwell": 0.0, "cart": 0.0},
        )  # fmt: skip
        visit["path"].append(event["type"])
        visit["dwell"] += (event["dwell_ms"] or 0) / 1000
        visit["cart"] += PRICES[event["product_ref"]] if event["type"] == "cart_add" else 0
    people: dict[str, list[dict[str, Any]]] = {}
    for visit in sessions.values():
        people.setdefault(visit["who"], []).append(visit)
    return people


@pytest.mark.covers("C4")
def test_two_devices_that_resolution_joins_have_one_chain_of_visits(shop: Desk) -> None:
    job = JobSpec(
        name="test", summary="A test.", reads=(EVENTS, PRODUCTS), writes=(), purpose="analytics"
    )
    scope = Scope(
        job=job, params=Params(DAY), lake=shop.lake, config=shop.config, say=shop.said.append,
        tracking=Tracking("sqlite:///none", "none"),
    )  # fmt: skip
    products = current_products(scope.facts(PRODUCTS), as_of=DAY, time_zone="UTC")
    found = visits(scope.facts(EVENTS), products, as_of=DAY, time_zone="UTC").collect()
    ids = {row["ref"]: row["customer_id"] for row in shop.read("silver.identities").collect()}
    names = {ids["A1"]: "A1", ids["W1"]: "A1", ids["A2"]: "A2", ids["W9"]: "W9"}
    expected = hand_count()
    for who, own in expected.items():
        rows = sorted(
            (row for row in found if names[row["customer_id"]] == who),
            key=lambda row: row["visit_no"],
        )
        assert len({row["customer_id"] for row in rows}) == 1, "one customer"
        assert [(row["visit_no"], row["channel"], row["path"]) for row in rows] == [
            (number, visit["channel"], visit["path"]) for number, visit in enumerate(own, 1)
        ]
        assert [row["dwell_s"] for row in rows] == [visit["dwell"] for visit in own]
        assert [row["cart_value"] or 0.0 for row in rows] == [visit["cart"] for visit in own]
    assert [visit["channel"] for visit in expected["A1"]] == ["app", "mini-program"] * 2
    paths = Counter(tuple(row["path"]) for row in found)
    assert paths == Counter(tuple(v["path"]) for own in expected.values() for v in own)
    assert max(paths.values()) > 1


@pytest.mark.covers("C4")
def test_features_describe_the_visits_on_both_devices(shop: Desk) -> None:
    ids = {row["ref"]: row["customer_id"] for row in shop.read("silver.identities").collect()}
    values = {
        row["customer_id"]: row["values"] for row in shop.read("gold.customer_features").collect()
    }
    expected = hand_count()
    (wang,) = (values[ids[ref]] for ref in ("A1", "W1") if ids[ref] in values)
    carts = [visit["cart"] for visit in expected["A1"] if visit["cart"]]
    steps = [len(visit["path"]) for visit in expected["A1"]]
    assert wang["channel_changes_90d"] == 3
    assert wang["visit_steps"] == pytest.approx(sum(steps) / 4)
    assert wang["visit_time"] == pytest.approx(sum(v["dwell"] for v in expected["A1"]) / 4)
    assert wang["cart_value"] == pytest.approx(sum(carts) / len(carts))
    assert values[ids["A2"]]["channel_changes_90d"] == 0
