"""One customer behind accounts of the app and of the store, from files to profiles."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk

from clarion.access.policy import AccessPolicy
from clarion.contracts import TABLES
from clarion.contracts.silver import FACTS

pytestmark = pytest.mark.deep  # several days of accounts

DAY = date(2026, 3, 1)
_HEAD = "ref,at,phone,mail,name,born\n"
_ALLOWED = {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"}
_PEOPLE = {
    "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": _ALLOWED,
    "columns": {"customer_ref": "ref", "registered_at": "at", "phone": {"from": "phone", "as": "phone", "country": "CN"}, "mail": "mail", "name": "name", "birth_date": "born"},
}  # fmt: skip
MAPPINGS: dict[str, dict[str, Any]] = {
    "app": {
        "registrations": {"where": "${data}/app/*.csv", **_PEOPLE},
        "events": {
            "where": "${data}/events/*.json", "format": "json", "time_zone": "UTC", "consent": _ALLOWED,
            "columns": {name: name for name in ("event_ref", "happened_at", "type", "customer_ref", "device_ref", "product_ref")},
        },
        "events.live": {
            "where": "${data}/live/*.json", "format": "json", "mode": "stream", "time_zone": "UTC", "consent": _ALLOWED,
            "columns": {name: name for name in ("event_ref", "happened_at", "type", "customer_ref", "device_ref", "product_ref")},
        },
        "consents": {
            "where": "${data}/consents/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": {"basis": "recorded"},
            "columns": {"customer_ref": "ref", "purpose": "purpose", "channel": "'*'", "granted": "granted = 'yes'", "at": "at"},
        },
    },
    "street": {
        "registrations": {"where": "${data}/street/*.csv", **_PEOPLE},
        "orders": {
            "where": "${data}/tills/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY", "consent": _ALLOWED,
            "columns": {"order_ref": "receipt", "happened_at": "at", "product_ref": "'P1'", "quantity": "1", "unit_price": "price", "customer_ref": "card"},
        },
    },
}  # fmt: skip


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Wang and Zhao have an account and a card, with one telephone written in two ways; Li has both, and nothing joins them."""
    tmp_path = tmp_path_factory.mktemp("resolve")
    _write(
        tmp_path,
        "app/1.csv",
        _HEAD
        + "A1,2026-01-05 10:00:00,139-0000-0001,w@x.example,王芳,1990-01-01\nA2,2026-01-06 10:00:00,13900000002,l@x.example,李娜,1991-01-01\nA3,2026-01-07 10:00:00,13900000003,,赵雷,1985-05-05\n",
    )
    _write(
        tmp_path,
        "street/1.csv",
        _HEAD
        + "M1,2026-01-03 10:00:00,+86 139 0000 0001,,王 芳,\nM2,2026-01-04 10:00:00,13900000077,,李强,\nM3,2026-01-08 10:00:00,139 0000 0003,,赵雷,1985-05-05\n",
    )
    _write(
        tmp_path,
        "tills/1.csv",
        "receipt,at,price,card\nT1,2026-02-01 10:00:00,30.00,M1\nT2,2026-02-02 10:00:00,5.00,M2\nT3,2026-02-03 10:00:00,7.00,M3\n",
    )
    events = [
        ("login", "A1", "d1"),
        ("view", "A1", "d1"),
        ("view", None, "d1"),
        ("login", "A2", "d2"),
        ("view", None, "d9"),
    ]
    lines = [
        json.dumps({"event_ref": f"E{place}", "happened_at": f"2026-02-03 10:0{place}:00", "type": kind, "customer_ref": who, "device_ref": device, "product_ref": "P1"})
        for place, (kind, who, device) in enumerate(events)
    ]  # fmt: skip
    _write(tmp_path, "events/1.json", "\n".join(lines))
    _write(tmp_path, "consents/1.csv", "ref,purpose,granted,at\n")
    desk = Desk(spark, tmp_path, MAPPINGS)
    desk.run("ingest", "clean", "resolve", as_of=DAY)
    return desk


def _ids(desk: Desk) -> dict[str, str]:
    return {row["ref"]: row["customer_id"] for row in desk.read("silver.identities").collect()}


def _seen(desk: Desk, table: str, as_of: date) -> list[Any]:
    policy = AccessPolicy(desk.lake, desk.config, as_of, "UTC", lambda frame: frame)
    return list(policy.resolve(FACTS[table], desk.read(f"silver.{table}")).collect())


@pytest.mark.covers("C5")
def test_what_was_bought_with_the_card_belongs_to_the_account(shop: Desk) -> None:
    ids = _ids(shop)
    # The card was seen first: its surrogate stands for the person.
    names = {
        row["ref"]: row["customer_id"]
        for row in shop.read("silver.resolutions").where("kind = 'customer'").collect()
    }
    assert names == {ids["A1"]: ids["M1"], ids["M3"]: ids["A3"]}
    links = {
        (row["method"], tuple(row["agrees"]), row["is_linked"])
        for row in shop.read("silver.identity_links").collect()
    }
    assert links == {
        ("phone", ("phone", "name"), True),
        ("phone", ("phone", "name", "birth_date"), True),
    }
    assert {row["order_id"]: row["customer_id"] for row in _seen(shop, "order_lines", DAY)} == {
        "T1": ids["M1"],
        "T2": ids["M2"],
        "T3": ids["A3"],
    }
    # A view without a login on Wang's own device is Wang's; d9 was never logged in on.
    assert {row["event_ref"]: row["customer_id"] for row in _seen(shop, "events", DAY)} == {
        "E0": ids["M1"], "E1": ids["M1"], "E2": ids["M1"], "E3": ids["A2"], "E4": None,
    }  # fmt: skip
    shop.run("profiles", as_of=DAY)
    profiles = {row["customer_id"]: row for row in shop.read("gold.customer_profiles").collect()}
    assert set(profiles) == {ids["M1"], ids["M2"], ids["A2"], ids["A3"]}
    days = (
        shop.read("gold.customer_days")
        .where(F.col("customer_id") == ids["M1"])
        .agg(F.sum("events"), F.sum("amount"))
        .first()
    )
    assert days is not None
    assert (days[0], float(days[1])) == (3, 30.0)


def test_a_repeat_changes_nothing_and_no_surrogate_ever_changes(shop: Desk) -> None:
    def contents() -> dict[str, list[Any]]:
        names = ("resolutions", "identity_links", "identity_models", "identities")
        return {name: sorted(map(str, shop.read(f"silver.{name}").collect())) for name in names}

    before = contents()
    shop.run("resolve", as_of=DAY)
    assert contents() == before


@pytest.mark.covers("C5")
def test_merges_and_splits_are_kept_with_their_day_and_past_days_stay(shop: Desk) -> None:
    ids = _ids(shop)
    # Li gives the card's desk the telephone of the account: from the next day both are one.
    _write(
        shop.folder, "street/2.csv", _HEAD + "M2,2026-03-01 10:00:00,13900000002,,李娜,1991-01-01\n"
    )
    # Wang takes consent back, and the account stands alone again; Zhao wants no more offers.
    _write(
        shop.folder,
        "consents/2.csv",
        "ref,purpose,granted,at\nA1,analytics,no,2026-03-01 12:00:00\nA3,marketing,no,2026-03-01 12:00:00\n",
    )
    later = DAY + timedelta(days=1)
    shop.run("ingest", "clean", "resolve", as_of=later)
    names = shop.read("silver.resolutions").where("kind = 'customer'")
    assert {
        (row["as_of"], row["ref"], row["customer_id"], row["since"]) for row in names.collect()
    } == {
        (DAY, ids["A1"], ids["M1"], DAY),
        (DAY, ids["M3"], ids["A3"], DAY),
        (later, ids["A2"], ids["M2"], later),
        (later, ids["M3"], ids["A3"], DAY),
    }
    logins = {row["event_ref"]: row["customer_id"] for row in _seen(shop, "events", later)}
    assert (logins["E0"], logins["E2"], logins["E3"]) == (ids["A1"], None, ids["M2"])
    # The day before is seen as it was.
    assert {row["event_ref"]: row["customer_id"] for row in _seen(shop, "events", DAY)}[
        "E0"
    ] == ids["M1"]
    assert _ids(shop) == ids
    # Who withdraws on one account withdraws on all: nothing that was bought with Zhao's card serves marketing.
    policy = AccessPolicy(shop.lake, shop.config, later, "UTC", lambda frame: frame)
    lines = policy.resolve(FACTS["order_lines"], shop.read("silver.order_lines"))
    consenting = policy.with_consent(
        TABLES["silver.order_lines"], lines, purpose="marketing"
    ).collect()
    assert {row["order_id"] for row in consenting} == {"T1", "T2"}
    # The stream knows the person, too.
    live = {
        "event_ref": "L1",
        "happened_at": "2026-03-02 09:00:00",
        "type": "cart_add",
        "customer_ref": "A2",
        "device_ref": "d2",
        "product_ref": "P1",
    }
    _write(shop.folder, "live/1.json", json.dumps(live))
    shop.run("monitor", as_of=later)
    (state,) = shop.read("live.customer_state").collect()
    assert (state["customer_id"], state["open_cart"]) == (ids["M2"], ["P1"])
