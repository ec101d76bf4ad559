"""A person is erased from every layer, older versions, the lake's bytes and later files."""

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from worlds import Desk

from clarion.contracts import TABLES
from clarion.governance.erasure import erase
from clarion.jobs.registry import JOBS
from clarion.kernel.errors import UsageError
from clarion.lake.frames import union_all

pytestmark = pytest.mark.deep  # a drill

ALLOWED = {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"}
CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": ALLOWED}
MAPPINGS: dict[str, dict[str, Any]] = {
    "shop": {
        "registrations": {
            "where": "${data}/people/*.csv", **CSV,
            "columns": {"customer_ref": "ref", "registered_at": "at", "phone": {"from": "tel", "as": "phone", "country": "CN"}, "name": "name", "address": "street"},
        },
        "events": {
            "where": "${data}/events/*.json", "format": "json", "time_zone": "UTC", "consent": ALLOWED,
            "columns": {name: name for name in ("event_ref", "happened_at", "type", "customer_ref", "device_ref", "product_ref")},
        },
        "orders": {
            "where": "${data}/orders/*.csv", **CSV, "currency": "CNY",
            "columns": {"order_ref": "receipt", "happened_at": "at", "product_ref": "'P1'", "quantity": "1", "unit_price": "price", "customer_ref": "who"},
        },
        "reviews": {
            "where": "${data}/reviews/*.csv", **CSV,
            "columns": {"review_ref": "review", "product_ref": "'P1'", "happened_at": "at", "customer_ref": "who", "text": "text"},
        },
    }
}  # fmt: skip
PEOPLE = "ref,at,tel,name,street\n"
ANNA = "CUST-ANNA-77,2026-01-05 10:00:00,13900000077,Anna Millerova,1 Long Street\n"
TRACES = ("CUST-ANNA-77", "13900000077", "Anna Millerova", "dev-anna-77", "I am Anna of number 77")
DAY = date(2026, 3, 1)


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def _events(*rows: tuple[str, str, str | None, str]) -> str:
    return "\n".join(
        json.dumps(
            {
                "event_ref": ref,
                "happened_at": "2026-02-03 10:00:00",
                "type": kind,
                "customer_ref": who,
                "device_ref": device,
                "product_ref": "P1",
            }
        )
        for ref, kind, who, device in rows
    )


@pytest.fixture
def shop(desk: Callable[..., Desk], tmp_path: Path) -> Desk:
    _write(
        tmp_path,
        "people/1.csv",
        PEOPLE + ANNA + "CUST-BEN,2026-01-06 10:00:00,13900000088,Ben Rossi,1 Long Street\n",
    )
    _write(
        tmp_path, "events/1.json",
        _events(("E1", "login", "CUST-ANNA-77", "dev-anna-77"), ("E2", "view", None, "dev-anna-77"), ("E3", "login", "CUST-ANNA-77", "dev-both"),
                ("E4", "login", "CUST-BEN", "dev-both"), ("E5", "view", None, "dev-both")),
    )  # fmt: skip
    _write(
        tmp_path,
        "orders/1.csv",
        "receipt,at,price,who\nT1,2026-02-01 10:00:00,30.00,CUST-ANNA-77\nT2,2026-02-02 10:00:00,5.00,CUST-BEN\nT3,bad,5.00,CUST-ANNA-77\n",
    )
    _write(
        tmp_path,
        "reviews/1.csv",
        "review,at,who,text\nR1,2026-02-05 10:00:00,CUST-ANNA-77,I am Anna of number 77\nR2,2026-02-05 10:00:00,CUST-BEN,good\n",
    )
    shop = desk(MAPPINGS)
    shop.run("ingest", "clean", "resolve", "profiles", as_of=DAY)
    anna = first_row(shop.read("silver.identities").where("ref = 'CUST-ANNA-77'"))["customer_id"]
    ben = first_row(shop.read("silver.identities").where("ref = 'CUST-BEN'"))["customer_id"]
    _write(
        tmp_path,
        "lake/outbox/2026-03-01/message-001.jsonl",
        "".join(
            json.dumps({"customer_id": who, "message_id": place}) + "\n"
            for place, who in enumerate((anna, ben))
        ),
    )
    return shop


def _bytes_with(folder: Path, text: str) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def _tables_with(
    desk: Desk, names: Iterable[str], traces: tuple[str, ...]
) -> list[tuple[str, str]]:
    """The tables in whose last version a text stands in some column of some row, with the text."""
    rows = union_all(
        desk.read(name).select(F.lit(name).alias("table"), F.to_json(F.struct("*")).alias("row"))
        for name in names
        if desk.lake.exists(TABLES[name])
    )
    trace = F.explode(F.array(*map(F.lit, traces))).alias("trace")
    found = rows.select("table", "row", trace).where(F.contains("row", "trace"))
    return [tuple(row) for row in found.select("table", "trace").distinct().collect()]


def _facts(desk: Desk) -> dict[str, Any]:
    """What is left of everyone: by order its amount and customer, by event its customer and device."""
    lines = {
        row["order_id"]: (float(row["amount"]), row["customer_id"])
        for row in desk.read("silver.order_lines").collect()
    }
    events = {
        row["event_ref"]: (row["customer_id"], row["device_ref"])
        for row in desk.read("silver.events").collect()
    }
    return {"lines": lines, "events": events}


@pytest.mark.covers("C10")
def test_an_erased_person_is_in_no_layer_no_version_and_no_byte(shop: Desk) -> None:
    ids = {row["ref"]: row["customer_id"] for row in shop.read("silver.identities").collect()}
    lake = shop.folder / "lake"
    assert _bytes_with(lake, "CUST-ANNA-77") != []
    traced = _tables_with(shop, TABLES, (*TRACES, ids["CUST-ANNA-77"]))
    assert {table for table, _ in traced} >= {"bronze.registrations", "silver.customers"}
    assert (
        not shop.read("gold.customer_profiles")
        .where(F.col("customer_id") == ids["CUST-ANNA-77"])
        .isEmpty()
    )

    with pytest.raises(UsageError, match="no customer is known as 'CUST-X'"):
        erase(shop.lake, shop.config, "CUST-X", jobs=JOBS, say=shop.said.append)
    result = erase(shop.lake, shop.config, "CUST-ANNA-77", jobs=JOBS, say=shop.said.append)

    assert _tables_with(shop, TABLES, (*TRACES, ids["CUST-ANNA-77"])) == []
    for trace in (*TRACES, ids["CUST-ANNA-77"]):
        assert _bytes_with(lake, trace) == [], trace
    with pytest.raises((PySparkException, Py4JJavaError)):
        shop.lake.spark.read.format("delta").option("versionAsOf", 1).load(
            shop.lake.path(TABLES["bronze.registrations"])
        ).collect()
    # The shop's books still add up, and Ben is as he was: his account, his device that Anna used too, the household's address.
    facts = _facts(shop)
    assert facts["lines"] == {"T1": (30.0, None), "T2": (5.0, ids["CUST-BEN"])}
    assert facts["events"] == {
        "E1": (None, None),
        "E2": (None, None),
        "E3": (None, None),
        "E4": (ids["CUST-BEN"], "dev-both"),
        "E5": (None, "dev-both"),
    }
    assert {row["review_ref"] for row in shop.read("silver.reviews").collect()} == {"R2"}
    fields = sorted(row["field"] for row in shop.read("vault.personal_data").collect())
    assert fields == ["address", "name", "phone", "source:name", "source:street", "source:tel"]
    (certificate,) = shop.read("ops.erasures").collect()
    assert (certificate["erasure_id"], certificate["accounts"], certificate["remaining_rows"]) == (
        result.erasure_id,
        1,
        0,
    )
    assert certificate["rows"]["bronze.registrations"] == 1
    assert certificate["rows"]["outbox"] == 1
    _a_new_file_does_not_bring_her_back(shop, shop.folder)


def _a_new_file_does_not_bring_her_back(shop: Desk, tmp_path: Path) -> None:
    """Part of the test above, since an erasure takes a while: neither by her name, nor by her telephone under another one, nor by her device."""
    again = (
        ANNA
        + ANNA.replace("CUST-ANNA-77", "CUST-NEW").replace("13900000077", "139 0000 0077")
        + "CUST-EVA,2026-01-09 10:00:00,13900000099,Eva Silva,2 Long Street\n"
    )
    _write(tmp_path, "people/2.csv", PEOPLE + again)
    _write(
        tmp_path,
        "events/2.json",
        _events(("E6", "view", None, "dev-anna-77"), ("E7", "login", "CUST-BEN", "dev-both")),
    )
    _write(
        tmp_path, "orders/2.csv", "receipt,at,price,who\nT4,2026-02-11 10:00:00,7.00,CUST-ANNA-77\n"
    )
    shop.run("ingest", "clean", "resolve", as_of=DAY)
    assert {row["ref"] for row in shop.read("silver.identities").collect()} == {
        "CUST-BEN",
        "CUST-EVA",
    }
    facts = _facts(shop)
    assert facts["lines"]["T4"] == (7.0, None)
    assert facts["events"]["E6"] == (None, None)
    layers = (
        "bronze.registrations",
        "bronze.events",
        "bronze.orders",
        "silver.customers",
        "silver.events",
    )
    assert _tables_with(shop, layers, ("CUST-ANNA-77", "CUST-NEW", "13900000077", "dev-anna-77")) == []  # fmt: skip
    reasons = (
        shop.read("silver.quarantine")
        .where("kind = 'registrations'")
        .select(F.explode("reasons.rule").alias("rule"))
        .distinct()
        .collect()
    )
    assert [row["rule"] for row in reasons] == ["no_consent_to_collection"]
