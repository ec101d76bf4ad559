"""Touches and exposures from files to facts: faults, consent, identity, as-of days and erasure."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from pyspark.sql import SparkSession
from worlds import Desk

from clarion.contracts.silver import EVENTS, EXPOSURES, TOUCHES
from clarion.governance.erasure import erase
from clarion.governance.undo import undo
from clarion.jobs.registry import JOBS
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking

pytestmark = pytest.mark.deep  # files through ingest, clean and resolve

DAY = date(2026, 3, 1)
ALLOWED = {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"}
CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC"}
JSON = {"format": "json", "time_zone": "UTC"}
TOUCH = "id,at,who,device,channel,campaign,what,cost,currency,known"
TOUCH_COLUMNS = {
    "touch_ref": "id", "happened_at": "at", "customer_ref": "who", "device_ref": "device", "channel": "channel", "campaign_ref": "campaign",
    "type": "what", "cost": {"from": "cost", "as": "price"}, "currency": "currency", "arrived_at": "known",
}  # fmt: skip
EXPOSURE = (
    "exposure_ref", "happened_at", "customer_ref", "device_ref", "slot", "rank", "item_type", "item_ref", "model_version", "probability",
    "experiment", "arm", "clicked_at", "arrived_at",
)  # fmt: skip
EVENT = ("event_ref", "happened_at", "type", "customer_ref", "arrived_at")
MAPPINGS: dict[str, dict[str, Any]] = {
    "ads": {
        "registrations": {
            "where": "${data}/people/*.csv", **CSV, "consent": ALLOWED,
            "columns": {"customer_ref": "ref", "registered_at": "at"},
        },
        "consents": {
            "where": "${data}/consents/*.csv", **CSV, "consent": {"basis": "recorded"},
            "columns": {"customer_ref": "ref", "purpose": "purpose", "channel": "'*'", "granted": "granted", "at": "at"},
        },
        "events": {"where": "${data}/events/*.json", **JSON, "consent": ALLOWED, "columns": {name: name for name in EVENT}},
        "touches": {
            "where": "${data}/touches/*.csv", **CSV, "consent": ALLOWED, "currency": "EUR", "manifest": "${data}/manifest.txt",
            "columns": TOUCH_COLUMNS,
        },
        "exposures": {"where": "${data}/exposures/*.json", **JSON, "consent": ALLOWED, "columns": {name: name for name in EXPOSURE}},
    },
    "club": {
        "touches": {"where": "${data}/club/*.csv", **CSV, "consent": {"basis": "recorded"}, "currency": "EUR", "columns": TOUCH_COLUMNS},
        "consents": {
            "where": "${data}/club_consents/*.csv", **CSV, "consent": {"basis": "recorded"},
            "columns": {"customer_ref": "ref", "purpose": "purpose", "channel": "'*'", "granted": "granted", "at": "at"},
        },
    },
}  # fmt: skip
GOOD_TOUCHES = (
    "t1,2026-02-03 10:00:00,ANNA,d-anna,search,spring,click,0.25,,",
    "t2,2026-02-03 11:00:00,,d-anna,display,spring,impression,0.001,,",
    "t3,2026-02-04 10:00:00,BEN,,email,,打开,,,",
    "t4,2026-02-05 10:00:00,,d-lost,social,,Click,1.00,USD,",
    "t5,2026-02-05 11:00:00,,d-lost,social,,shown,,USD,",
    "t6,2026-02-06 10:00:00,CARL,,email,,view,,,",
    "t7,2026-02-28 23:00:00,ANNA,d-anna,push,spring,view,,,2026-03-02 08:00:00",
    "t8,2026-03-01 00:00:00,ANNA,,store,,view,,,",
)
BAD_TOUCHES = {
    "b1,2026-02-03 10:00:00,ANNA,,search,,hover,0.25,,": [("unknown_type", "type")],
    "b2,2026-02-03 10:00:00,ANNA,,search,,click,-0.01,,": [("cost_negative", "cost")],
    "b3,2026-02-03 10:00:00,ANNA,,,,click,,,": [("missing", "channel")],
    "b4,2026-02-03 10:00:00,,,search,,hover,-1,,": [("cost_negative", "cost"), ("unknown_type", "type")],
    "b5,2026-02-03 10:00:00,BEN,,search,,,1,,": [("missing", "type")],
}  # fmt: skip


def shown(ref: str, at: str, **values: Any) -> str:
    """One exposure as a line of JSON: an item at the first position, to nobody."""
    item = {"slot": "start", "rank": 1, "item_type": "product", "item_ref": f"p-{ref}"}
    return json.dumps({"exposure_ref": ref, "happened_at": f"2026-{at}", **item, **values})


PAGE = {
    "customer_ref": "ANNA",
    "device_ref": "d-anna",
    "model_version": "m1",
    "experiment": "x1",
    "arm": "a",
}
KIOSK = {"customer_ref": "BEN", "device_ref": "d-kiosk"}
GOOD_EXPOSURES = (
    shown("x1", "02-03 12:00:00", **PAGE, probability=0.5),
    shown("x2", "02-03 12:00:00", **PAGE, rank=2, probability=1, clicked_at="2026-02-03 12:00:00"),
    shown("x3", "02-04 10:00:00", device_ref="d-anna", slot="cart", item_type="page", item_ref="help"),
    *(shown(f"k{n}", "02-05 10:00:00", **KIOSK, rank=n) for n in range(1, 5)),
    shown("x4", "02-06 10:00:00", device_ref="d-kiosk"),
    shown("x5", "02-06 11:00:00", customer_ref="CARL"),
    shown("x6", "02-28 23:59:00", customer_ref="ANNA", clicked_at="2026-03-01 00:10:00"),
    shown("x7", "02-28 23:00:00", customer_ref="ANNA", arrived_at="2026-03-02 08:00:00"),
    shown("x8", "03-01 00:00:00", customer_ref="ANNA"),
)  # fmt: skip
OUT_OF_RANGE = ("probability_out_of_range", "probability")
TOO_EARLY = ("clicked_before_shown", "clicked_at")
BAD_EXPOSURES = {
    shown("y1", "02-03 10:00:00", rank=0): [("rank_below_one", "rank")],
    shown("y2", "02-03 10:00:00", probability=0): [OUT_OF_RANGE],
    shown("y3", "02-03 10:00:00", probability=1.0001): [OUT_OF_RANGE],
    shown("y4", "02-03 10:00:00", probability=-0.2): [OUT_OF_RANGE],
    shown("y5", "02-03 10:00:00", probability="Infinity"): [OUT_OF_RANGE],
    shown("y6", "02-03 10:00:00", clicked_at="2026-02-03 09:59:59"): [TOO_EARLY],
    shown("y7", "02-03 10:00:00", rank=-1, probability=2, clicked_at="2026-02-02 10:00:00"): [TOO_EARLY, OUT_OF_RANGE, ("rank_below_one", "rank")],
    shown("y8", "02-03 10:00:00", rank="first"): [("unreadable", "rank")],
    shown("y9", "02-03 10:00:00", item_ref=None): [("missing", "item_ref")],
}  # fmt: skip


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def event(ref: str, at: str, arrived: str | None = None) -> str:
    row = {"event_ref": ref, "happened_at": f"2026-{at}", "type": "view", "customer_ref": "ANNA"}
    return json.dumps({**row, "arrived_at": arrived})


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Anna, Ben and Carl; Carl refuses analytics. In the club, D1 consents to collection and D2 does not."""
    folder = tmp_path_factory.mktemp("touches")
    write(folder, "people/1.csv", "ref,at", *(f"{who},2026-01-05 10:00:00" for who in ("ANNA", "BEN", "CARL")))  # fmt: skip
    write(folder, "consents/1.csv", "ref,purpose,granted,at", "CARL,analytics,no,2026-01-06 10:00:00")  # fmt: skip
    write(
        folder, "events/1.json",
        event("e1", "02-03 10:00:00"), event("e7", "02-28 23:00:00", "2026-03-02 08:00:00"), event("e8", "03-01 00:00:00"),
    )  # fmt: skip
    write(folder, "touches/1.csv", TOUCH, *GOOD_TOUCHES, *BAD_TOUCHES)
    write(folder, "exposures/1.json", *GOOD_EXPOSURES, *BAD_EXPOSURES)
    write(folder, "manifest.txt", "file,records", "1.csv,14")
    write(
        folder, "club/1.csv", TOUCH,
        "c1,2026-02-03 10:00:00,D1,d-1,email,,view,,,", "c2,2026-02-03 10:00:00,D2,d-2,email,,click,0.10,,",
    )  # fmt: skip
    write(folder, "club_consents/1.csv", "ref,purpose,granted,at", "D1,collection,yes,2026-01-06 10:00:00")  # fmt: skip
    desk = Desk(spark, folder, MAPPINGS, **{"shop.currency": "EUR", "shop.time_zone": "UTC"})
    desk.run("ingest", "clean", "resolve", "scorecard", as_of=DAY)
    return desk


def scope(desk: Desk, as_of: date) -> Scope:
    """A job of analytics that reads what was shown, and to whom."""
    job = JobSpec(
        name="test", summary="A test.", reads=(EVENTS, TOUCHES, EXPOSURES), writes=(), purpose="analytics",
    )  # fmt: skip
    tracking = Tracking("sqlite:///none", "none")
    return Scope(
        job=job, params=Params(as_of), lake=desk.lake, config=desk.config, say=desk.said.append, tracking=tracking,
    )  # fmt: skip


def names(desk: Desk) -> dict[str, str]:
    """The shop's name of each surrogate."""
    return {row["customer_id"]: row["ref"] for row in desk.read("silver.identities").collect()}


def reasons(desk: Desk, source: str) -> dict[int, list[tuple[str, str]]]:
    """Every reason of each rejected record of a source, by its number."""
    rejected = desk.read("silver.quarantine").where(f"_source = '{source}'").collect()
    return {
        row["_row"]: sorted((one["rule"], one["column"]) for one in row["reasons"])
        for row in rejected
    }


@pytest.mark.covers("C1", "Q1")
def test_a_touch_is_a_view_or_a_click_of_somebody_and_has_a_cost(shop: Desk) -> None:
    known = names(shop)
    rows = {
        row["touch_ref"]: (known.get(row["customer_id"]), row["device_ref"], row["channel"], row["type"], row["cost"], row["currency"])
        for row in shop.read("silver.touches").where("_source = 'ads.touches'").collect()
    }  # fmt: skip
    assert rows == {
        "t1": ("ANNA", "d-anna", "search", "click", Decimal("0.2500"), "EUR"),
        "t2": (None, "d-anna", "display", "view", Decimal("0.0010"), "EUR"),
        "t3": ("BEN", None, "email", "view", None, "EUR"),
        "t4": (None, "d-lost", "social", "click", Decimal("1.0000"), "USD"),
        "t5": (None, "d-lost", "social", "view", None, "USD"),
        "t6": ("CARL", None, "email", "view", None, "EUR"),
        "t7": ("ANNA", "d-anna", "push", "view", None, "EUR"),
        "t8": ("ANNA", None, "store", "view", None, "EUR"),
    }
    first = len(GOOD_TOUCHES) + 1
    assert reasons(shop, "ads.touches") == dict(enumerate(BAD_TOUCHES.values(), first))


@pytest.mark.covers("C1", "Q1")
def test_an_exposure_is_one_item_in_a_slot_with_its_propensity(shop: Desk) -> None:
    exposures = {row["exposure_ref"]: row for row in shop.read("silver.exposures").collect()}
    assert len(exposures) == len(GOOD_EXPOSURES)
    clicked = exposures["x2"]
    fields = ("slot", "rank", "item_type", "item_ref", "model_version", "probability", "experiment", "arm", "clicked_at")  # fmt: skip
    assert tuple(clicked[name] for name in fields) == (
        "start", 2, "product", "p-x2", "m1", 1.0, "x1", "a", clicked["happened_at"],
    )  # fmt: skip
    device_only = exposures["x3"]
    assert (device_only["customer_id"], device_only["device_ref"]) == (None, "d-anna")
    assert (device_only["probability"], device_only["clicked_at"]) == (None, None)
    first = len(GOOD_EXPOSURES) + 1
    assert reasons(shop, "ads.exposures") == dict(enumerate(BAD_EXPOSURES.values(), first))


@pytest.mark.covers("C7")
def test_records_that_the_manifest_declares_are_counted(shop: Desk) -> None:
    (target,) = shop.read("ops.targets").where("target = 'C7 collected touches'").collect()
    assert (target["numerator"], target["denominator"]) == (13, 14)


@pytest.mark.covers("C10")
def test_who_did_not_consent_to_collection_is_in_no_layer_and_the_touch_stays(shop: Desk) -> None:
    kept = shop.read("silver.touches").where("_source = 'club.touches'").orderBy("touch_ref")
    fields = ("touch_ref", "customer_id", "device_ref", "type")
    named, nobody = (tuple(row[name] for name in fields) for row in kept.collect())
    assert (names(shop)[named[1]], named[2:]) == ("D1", ("d-1", "view"))
    assert nobody == ("c2", None, None, "click")
    raw = shop.read("bronze.touches").where("_source = 'club.touches'").collect()
    values = {value for row in raw for value in row["raw"].values()}
    assert "D1" in values
    assert not values & {"D2", "d-2"}
    (target,) = shop.read("ops.targets").where("target = 'C10 authorised rows'").collect()
    assert (target["numerator"], target["denominator"]) == (1, 1)


@pytest.mark.covers("C5")
@pytest.mark.parametrize(
    ("table", "ref", "owner"),
    [(TOUCHES, "t2", "ANNA"), (TOUCHES, "t5", None), (EXPOSURES, "x3", "ANNA"), (EXPOSURES, "x4", None)],
)  # fmt: skip
def test_a_device_alone_is_its_owners_and_a_page_of_items_is_one_use_of_it(
    shop: Desk, table: Any, ref: str, owner: str | None
) -> None:
    # Anna was seen on her device by a touch and a page; Ben on the kiosk by one page of four items.
    of_day = scope(shop, DAY).facts(table).where(f"{table.column_names[1]} = '{ref}'")
    assert names(shop).get(first_row(of_day)["customer_id"]) == owner


@pytest.mark.covers("C10")
@pytest.mark.parametrize("table", [TOUCHES, EXPOSURES])
def test_who_refuses_analytics_is_withheld_and_nobody_is_not(shop: Desk, table: Any) -> None:
    known = names(shop)
    facts = scope(shop, DAY).facts(table)
    seen = {known.get(row["customer_id"]) for row in facts.select("customer_id").collect()}
    assert seen == {"ANNA", "BEN", None}


@pytest.mark.parametrize("table", [EVENTS, TOUCHES, EXPOSURES])
def test_what_counts_as_of_a_day_happened_before_it_and_had_arrived(shop: Desk, table: Any) -> None:
    def seen(as_of: date) -> set[str]:
        facts = scope(shop, as_of).facts_within(table, 30)
        return {row[0][1:] for row in facts.select(table.column_names[1]).collect()}

    marks = {"1", "7", "8"}  # before the day; before it, and arrived after it; on the day
    assert seen(DAY) & marks == {"1"}
    assert seen(DAY + timedelta(days=1)) & marks == {"1", "8"}
    assert seen(DAY + timedelta(days=2)) & marks == marks


def test_a_click_of_a_later_day_is_not_known_before(shop: Desk) -> None:
    def clicked_at(as_of: date) -> datetime | None:
        exposures = scope(shop, as_of).facts_within(EXPOSURES, 30)
        value: datetime | None = first_row(exposures.where("exposure_ref = 'x6'"))["clicked_at"]
        return value

    assert clicked_at(DAY) is None
    clicked = clicked_at(DAY + timedelta(days=1))
    assert clicked is not None
    assert clicked.astimezone(UTC) == datetime(2026, 3, 1, 0, 10, tzinfo=UTC)


def test_a_touch_that_cost_nothing_needs_no_exchange_rate(shop: Desk) -> None:
    run = scope(shop, DAY)
    facts = run.facts(TOUCHES).where("device_ref = 'd-lost'")
    assert [row["touch_ref"] for row in facts.collect()] == ["t5"]
    run.note_rows_without_rate()
    assert run.rows_without_rate == {"silver.touches": 1}


@pytest.mark.covers("C10")
def test_an_erased_person_is_on_no_touch_and_no_exposure_and_does_not_come_back(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    kinds = MAPPINGS["ads"]
    sources = {
        "touches": {key: value for key, value in kinds["touches"].items() if key != "manifest"},
        "exposures": kinds["exposures"],
    }
    write(
        tmp_path, "touches/1.csv", TOUCH,
        "t1,2026-02-03 10:00:00,ANNA,d-anna,search,,click,0.25,,", "t2,2026-02-03 11:00:00,ANNA,d-both,email,,view,,,",
    )  # fmt: skip
    both, anna = {"device_ref": "d-both"}, {"device_ref": "d-anna"}
    write(
        tmp_path, "exposures/1.json",
        shown("x1", "02-03 12:00:00", customer_ref="BEN", **both), shown("x2", "02-03 13:00:00", **anna),
    )  # fmt: skip
    shop = desk({"ads": sources}, **{"shop.currency": "EUR", "shop.time_zone": "UTC"})
    shop.run("ingest", "clean", as_of=DAY)
    certificate = erase(shop.lake, shop.config, "ANNA", jobs=JOBS, say=shop.said.append)
    assert certificate.remaining_rows == 0
    assert (certificate.rows["silver.touches"], certificate.rows["silver.exposures"]) == (2, 1)

    write(tmp_path, "touches/2.csv", TOUCH, "t3,2026-02-04 10:00:00,,d-anna,push,,view,,,")
    write(tmp_path, "exposures/2.json", shown("x3", "02-04 10:00:00", customer_ref="ANNA", **both))
    shop.run("ingest", "clean", as_of=DAY)
    known = names(shop)
    assert set(known.values()) == {"BEN"}
    people = {
        row[0]: (known.get(row["customer_id"]), row["device_ref"])
        for table in (TOUCHES, EXPOSURES)
        for row in shop.lake.read(table).select(table.column_names[1], "customer_id", "device_ref").collect()
    }  # fmt: skip
    # Ben was shown something on the device that Anna used, too: it stays his.
    nobody = (None, None)
    assert people == {
        "t1": nobody, "t2": nobody, "t3": nobody, "x1": ("BEN", "d-both"), "x2": nobody, "x3": nobody,
    }  # fmt: skip


@pytest.mark.covers("Q9")
def test_an_unwanted_file_of_touches_is_undone(desk: Callable[..., Desk], tmp_path: Path) -> None:
    touches = {key: value for key, value in MAPPINGS["ads"]["touches"].items() if key != "manifest"}
    write(tmp_path, "touches/1.csv", TOUCH, GOOD_TOUCHES[0])
    shop = desk({"ads": {"touches": touches}})
    shop.run("ingest", "clean", as_of=DAY)
    assert shop.read("silver.touches").count() == 1
    (run,) = shop.read("ops.runs").where("job = 'ingest'").collect()
    undone = undo(shop.lake, shop.config, run["run_id"], say=shop.said.append)
    assert undone.tables == ("bronze.touches",)
    shop.run("clean", as_of=DAY)
    assert shop.read("silver.touches").isEmpty()
    assert not shop.lake.exists(EXPOSURES), "a kind that no source maps has no table"
