"""The masking scan finds planted leaks alone; upkeep compacts files beside running writes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from pyspark.sql import functions as F
from worlds import Desk

from clarion.contracts import TABLES
from clarion.contracts.live_market import MARKET_STATE
from clarion.kernel.errors import QualityError
from clarion.lake.frames import rows_as_frame
from clarion.lake.maintenance import Maintenance

pytestmark = pytest.mark.deep  # a drill

DAY = date(2026, 3, 1)
ALLOWED = {"basis": "declared", "purposes": ["analytics"], "note": "test"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "shop": {
        "registrations": {
            "where": "${data}/people.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": ALLOWED,
            "columns": {"customer_ref": "ref", "registered_at": "at", "phone": "tel", "name": "name", "address": "street", "channel": "channel"},
        },
        "reviews": {
            "where": "${data}/reviews.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": ALLOWED,
            "columns": {"review_ref": "review", "product_ref": "'P1'", "happened_at": "at", "customer_ref": "who", "text": "text"},
        },
        "products": {
            "where": "${data}/products.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC",
            "columns": {"product_ref": "sku", "title": "title", "attributes": "map('maker', maker)"},
        },
    }
}  # fmt: skip


def _shop(
    desk: Callable[..., Desk], folder: Path, *, text: str, title: str, maker: str, **settings: str
) -> Desk:
    (folder / "people.csv").write_text(
        "ref,at,tel,name,street,channel\nC1,2026-01-05 10:00:00,13900000001,李娜,1 Long Street,app\nC3,2026-01-07 10:00:00,,,北京市朝阳路1号,app\nC2,2026-01-06 10:00:00,,Anna Miller,,web\n"
    )
    (folder / "reviews.csv").write_text(
        f'review,at,who,text\nR1,2026-02-05 10:00:00,C1,"{text}"\nR2,2026-02-05 11:00:00,C2,fine\n'
    )
    (folder / "products.csv").write_text(f"sku,title,maker\nP1,{title},{maker}\n")
    shop = desk(MAPPINGS, **settings)
    shop.run("ingest", "clean")
    return shop


@pytest.mark.covers("Q8")
def test_a_shop_whose_people_are_protected_has_nothing_to_read(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    shop = _shop(
        desk, tmp_path, text="1763867027123 and 2026-01-31", title="Long blue coat", maker="Mill"
    )
    shop.run("scan", as_of=DAY)
    assert shop.read("ops.leaks").isEmpty()
    assert any("nothing personal can be read" in line for line in shop.said)


@pytest.mark.covers("Q8")
def test_planted_leaks_are_found_and_stop_the_day(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    shop = _shop(
        desk, tmp_path, text="请电13812345678或 me@mail.example, 号码110105194912310021, 李娜，住北京市朝阳路1号。北京市朝阳路1号", title="Coat of Anna Miller at 1 Long Street", maker="13700000000",
        **{"scan.accepted": "[silver.products.attributes, author@library.example]"},
    )  # fmt: skip
    (shop.folder / "report.html").write_text("<p>13512345678</p> // by author@library.example")
    with pytest.raises(QualityError, match="personal values can be read"):
        shop.run("scan", as_of=DAY)
    leak_cells = {
        (Path(row["location"]).name, row["column"], row["kind"]): (row["cells"], row["sample"])
        for row in shop.read("ops.leaks").collect()
    }
    assert set(leak_cells) == {
        ("silver.reviews", "text", "phone"), ("silver.reviews", "text", "mail"), ("silver.reviews", "text", "id_number"), ("silver.reviews", "text", "name"),
        ("silver.reviews", "text", "address"),
        ("silver.products", "title", "name"), ("silver.products", "title", "address"), ("report.html", "", "phone"),
        ("bronze.reviews", "text", "phone"), ("bronze.reviews", "text", "mail"), ("bronze.reviews", "text", "id_number"), ("bronze.reviews", "text", "name"),
        ("bronze.reviews", "text", "address"), ("bronze.products", "title", "name"), ("bronze.products", "title", "address"), ("bronze.products", "maker", "phone"),
    }  # fmt: skip
    assert leak_cells["silver.reviews", "text", "phone"] == (1, "00000000000")
    leaks = shop.read("ops.leaks").select(F.to_json(F.struct("*")).alias("row"))
    assert leaks.where("row LIKE '%13812345678%' OR row LIKE '%Anna Miller%'").isEmpty()
    assert first_row(shop.read("ops.runs").where("job = 'scan'"))["state"] == "failed"


def _prices(desk: Desk, number: int) -> Any:
    row = {
        "competitor": "rival",
        "title": f"P{number}",
        "currency": "EUR",
        "price": Decimal(number + 1),
        "observed_at": datetime(2026, 1, 1),
        "history": [],
    }
    return rows_as_frame(desk.lake.spark, MARKET_STATE, [row])


@pytest.mark.covers("Q9")
def test_upkeep_compacts_small_files_beside_a_writer_and_loses_nothing(
    desk: Callable[..., Desk],
) -> None:
    shop = desk({}, **{"upkeep.small_files": "4"})
    for number in range(8):
        shop.lake.append(MARKET_STATE, _prices(shop, number))
    before, _ = Maintenance(shop.lake).files(MARKET_STATE)
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(
            lambda: [shop.lake.merge(MARKET_STATE, _prices(shop, number)) for number in (3, 20, 21)]
        )
        shop.run("upkeep", as_of=DAY)
        assert writing.result() == [0, 1, 1]
    after, _ = Maintenance(shop.lake).files(MARKET_STATE)
    assert after < before
    assert {int(row["price"]) for row in shop.lake.read(MARKET_STATE).collect()} == {
        *range(1, 9),
        21,
        22,
    }
    # History is what the contract promises: the first version can still be read.
    first = (
        shop.lake.spark.read.format("delta")
        .option("versionAsOf", 1)
        .load(shop.lake.path(MARKET_STATE))
    )
    assert first.count() == 1


@pytest.mark.covers("Q9")
def test_rows_past_their_time_are_deleted(desk: Callable[..., Desk]) -> None:
    table = TABLES["gold.customer_profiles"]
    shop = desk({})
    old, young = DAY - timedelta(days=731), DAY - timedelta(days=730)
    zeros = dict.fromkeys(("orders", "views", "cart_adds", "events", "active_days"), 0) | {
        "tenure_days": 0.0,
        "idle_days": 0.0,
        "monetary": Decimal(0),
    }
    rows = [
        {**zeros, "as_of": day, "customer_id": "c", "life_cycle": "lost", "interests": []}
        for day in (old, young)
    ]
    shop.lake.append(table, rows_as_frame(shop.lake.spark, table, rows))
    shop.run("upkeep", as_of=DAY)
    assert [row["as_of"] for row in shop.lake.read(table).collect()] == [young]
