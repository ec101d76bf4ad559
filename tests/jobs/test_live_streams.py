"""Several streams of one kind, and a stream that is read again: nothing is lost or counted twice."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from worlds import Desk, contents

from clarion.contracts import TABLES
from clarion.lake.locks import exclusive_lock

pytestmark = pytest.mark.deep  # several runs of streams

MORNING = datetime(2026, 6, 1, 10, tzinfo=UTC)
NAMES = ("event_ref", "happened_at", "type", "customer_ref", "product_ref", "channel")


def _mapping(name: str) -> dict[str, Any]:
    return {
        "events": {
            "where": f"${{data}}/{name}/*.jsonl",
            "format": "json",
            "mode": "stream",
            "time_zone": "UTC",
            "namespace": "shop",
            "consent": {"basis": "declared", "purposes": ["analytics"]},
            "columns": {name: name for name in NAMES},
        }
    }


def _deliver(here: Desk, source: str, name: str, minute: int, *products: str) -> None:
    at = (MORNING + timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M:%S")
    rows = [
        {
            "event_ref": f"{source}-{name}-{product}", "happened_at": at, "type": "cart_add",
            "customer_ref": "anna", "product_ref": product, "channel": source,
        }
        for product in products
    ]  # fmt: skip
    (here.folder / source).mkdir(exist_ok=True)
    lines = "\n".join(json.dumps(row) for row in rows)
    (here.folder / source / f"{name}.jsonl").write_text(lines)


@pytest.mark.covers("F1")
def test_two_streams_of_one_kind_lose_nothing(desk: Callable[..., Desk]) -> None:
    here = desk({"app": _mapping("app"), "till": _mapping("till")})
    _deliver(here, "till", "1", 0, "t1")
    for number in range(3):  # the app has more batches than the till
        _deliver(here, "app", str(number), number, f"a{number}")
        here.run("monitor")
    _deliver(here, "till", "2", 3, "t2")
    here.run("monitor")
    state = here.read("live.customer_state").where("valid_to IS NULL").collect()
    assert [row["open_cart"] for row in state] == [["a0", "a1", "a2", "t1", "t2"]]
    assert state[0]["interest"] == pytest.approx(5, rel=0.01)
    minutes = here.read("live.kpi_minutes")
    counted = {
        (row["source"], row["value"], row["minute"].minute): row["cart_adds"]
        for row in minutes.where("dimension = 'channel'").collect()
    }
    assert counted == {
        ("app.events", "app", 0): 1,
        ("app.events", "app", 1): 1,
        ("app.events", "app", 2): 1,
        ("till.events", "till", 0): 1,
        ("till.events", "till", 3): 1,
    }


@pytest.mark.covers("F1")
def test_a_stream_that_is_read_again_from_an_older_checkpoint_changes_nothing(
    desk: Callable[..., Desk],
) -> None:
    here = desk({"app": _mapping("app")})
    _deliver(here, "app", "1", 0, "x", "y")
    here.run("monitor")
    checkpoints = here.folder / "lake" / "_checkpoints"
    shutil.copytree(checkpoints, here.folder / "older")
    _deliver(here, "app", "2", 1, "z")
    here.run("monitor")
    before = contents(here.lake)
    assert before["live.kpi_minutes"][0] == 4
    shutil.rmtree(checkpoints)
    shutil.copytree(here.folder / "older", checkpoints)
    here.run("monitor")
    assert contents(here.lake) == before


@pytest.mark.covers("F1")
def test_what_cannot_be_read_goes_to_the_quarantine_and_holds_up_nothing(
    desk: Callable[..., Desk],
) -> None:
    here = desk({"app": _mapping("app")})
    _deliver(here, "app", "1", 0, "x")
    good = (here.folder / "app" / "1.jsonl").read_text()
    no_name = json.dumps({**json.loads(good), "event_ref": None})
    no_time = json.dumps({**json.loads(good), "event_ref": "e2", "happened_at": "soon"})
    large = json.dumps({**json.loads(good), "event_ref": "e3", "note": "x" * 10_000_000})
    (here.folder / "app" / "1.jsonl").write_text(
        "\n".join(["{not a record", no_name, good, no_time, large])
    )
    here.run("monitor", "clean")
    minutes = here.read("live.kpi_minutes").where("dimension = 'all'").collect()
    assert [row["events"] for row in minutes] == [2]
    rejected = {
        row["_row"]: [reason["rule"] for reason in row["reasons"]]
        for row in here.read("silver.quarantine").collect()
    }
    assert rejected == {1: ["malformed_record"], 2: ["missing"], 4: ["unreadable"]}


@pytest.mark.covers("F1")
def test_a_pass_leaves_the_streams_to_a_monitor_that_runs_on(desk: Callable[..., Desk]) -> None:
    here = desk({"app": _mapping("app")})
    _deliver(here, "app", "1", 0, "x")
    held = exclusive_lock(
        here.lake.location, "monitor-runs-on", wait_seconds=0, say=here.said.append
    )
    with held:
        here.run("monitor")
    assert here.said == ["another monitor is running and reads what arrives: nothing to do"]
    assert not here.lake.exists(TABLES["bronze.events"])
    here.run("monitor")
    assert here.read("bronze.events").count() == 1
