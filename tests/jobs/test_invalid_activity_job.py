"""A bot's visits are not counted for analytics, and stay in silver."""

import csv
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from frames import first_row
from pyspark.sql import functions as F
from worlds import Desk

from clarion.governance.quarantine import invalid_activity_by_detector

pytestmark = pytest.mark.deep  # three days of a shop

DECLARED = {
    "basis": "declared",
    "purposes": ["collection", "analytics", "marketing"],
    "note": "test",
}
SHOP = {
    "orders": {
        "where": "${data}/orders/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY", "duplicates": "drop",
        "consent": DECLARED, "columns": {name: name for name in ("order_ref", "customer_ref", "product_ref", "happened_at", "quantity", "unit_price")},
    },
    "events": {
        "where": "${data}/events/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "duplicates": {"key": ["event_ref"]},
        "consent": DECLARED, "columns": {name: name for name in ("event_ref", "customer_ref", "device_ref", "product_ref", "happened_at", "type", "dwell_ms")},
    },
}  # fmt: skip
DAY = datetime(2026, 4, 20)


def _write(folder: Path, kind: str, name: str, rows: list[dict[str, object]]) -> None:
    (folder / kind).mkdir(exist_ok=True)
    with (folder / kind / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _events(
    prefix: str, day: datetime, *, device: str, customer: str, count: int, gap: int, products: int
) -> list[dict[str, object]]:
    return [
        {
            "event_ref": f"{prefix}{number}", "customer_ref": customer, "device_ref": device, "product_ref": f"P{number % products}",
            "happened_at": day + timedelta(hours=9, seconds=gap * number), "type": "view", "dwell_ms": gap * 900,
        }
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.covers("Q3")
def test_invalid_activity_is_left_out_for_analytics_and_stays_in_silver(
    desk: Callable[..., Desk],
) -> None:
    one = desk({"mine": SHOP})
    person = _events("a", DAY, device="phone", customer="anna", count=12, gap=40, products=4)
    bot = _events("b", DAY, device="crawler", customer="", count=300, gap=2, products=300)
    _write(one.folder, "events", "1.csv", person + bot)
    order = {
        "order_ref": "O1",
        "customer_ref": "anna",
        "product_ref": "P1",
        "happened_at": DAY + timedelta(hours=10),
        "quantity": 1,
        "unit_price": 5,
    }
    _write(one.folder, "orders", "1.csv", [order])
    as_of = date(2026, 5, 3)
    one.run("ingest", "clean", "invalid_activity", "profiles", as_of=as_of)
    assert one.read("silver.events").count() == 312
    found = one.read("silver.invalid_activity")
    assert {(row["detector"], row["fact_table"], row["count"]) for row in found.groupBy("detector", "fact_table").count().collect()} == {
        ("bot", "silver.events", 300)
    }  # fmt: skip
    assert first_row(found)["features"]["events"] == 300.0
    assert first_row(one.read("gold.product_days").agg(F.sum("views")))[0] == 12
    assert any("bot: 300 of 312 silver.events" in said for said in one.said)

    assert [
        (row["detector"], row["flagged"]) for row in invalid_activity_by_detector(one.lake)
    ] == [("bot", 300)]

    # The next day only what is new is looked at; what was found before stays found.
    _write(
        one.folder,
        "events",
        "2.csv",
        _events(
            "c",
            DAY + timedelta(days=20),
            device="crawler",
            customer="",
            count=200,
            gap=2,
            products=200,
        ),
    )
    one.run("ingest", "clean", "invalid_activity", as_of=date(2026, 5, 23))
    checks = {
        row["as_of"]: row for row in one.read("ops.detections").where("detector = 'bot'").collect()
    }
    assert (checks[date(2026, 5, 23)]["checked"], checks[date(2026, 5, 23)]["flagged"]) == (
        200,
        200,
    )
    # A day that was judged before knows nothing of what was found later.
    one.run("invalid_activity", as_of=as_of)
    assert one.read("silver.invalid_activity").where("as_of = DATE'2026-05-03'").count() == 300
