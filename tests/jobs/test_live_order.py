"""A stream whose events come out of order, or from clocks that are ahead."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from worlds import Desk

MORNING = datetime(2026, 6, 1, 10, tzinfo=UTC)
NAMES = ("event_ref", "happened_at", "type", "customer_ref", "product_ref", "sequence_no")
MAPPING = {
    "app": {
        "events": {
            "where": "${data}/inbox/*.jsonl",
            "format": "json",
            "mode": "stream",
            "time_zone": "UTC",
            "consent": {"basis": "declared", "purposes": ["analytics"]},
            "columns": {name: name for name in NAMES},
        }
    }
}


def _event(name: str, at: datetime, type_: str, customer: str, **more: Any) -> dict[str, Any]:
    time = at.strftime("%Y-%m-%d %H:%M:%S")
    event = {"event_ref": name, "happened_at": time, "type": type_, "customer_ref": customer}
    return {"product_ref": None, "sequence_no": "1", **event, **more}


def _deliver(here: Desk, name: str, *events: dict[str, Any]) -> None:
    inbox = here.folder / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / f"{name}.jsonl").write_text("\n".join(json.dumps(event) for event in events))
    here.run("monitor")


@pytest.mark.deep  # three runs of a stream
@pytest.mark.covers("F1")
def test_a_clock_that_is_ahead_hides_no_other_event_and_a_late_one_reaches_its_cart(
    desk: Callable[..., Desk],
) -> None:
    here = desk(MAPPING)
    now = datetime.now(UTC)
    _deliver(
        here,
        "1",
        _event("a1", MORNING, "view", "anna", product_ref="x"),
        _event("b1", datetime(2041, 1, 1, tzinfo=UTC), "cart_add", "bert", product_ref="x"),
        _event("c1", now + timedelta(hours=3), "cart_add", "carl", product_ref="x"),
        _event("d1", MORNING + timedelta(minutes=30), "checkout", "dora"),
    )
    assert any("2 rows state a time after they arrived" in text for text in here.said)
    here.said.clear()
    # What a batch has read bounds what is late from the batch after the next on.
    nobody = {"customer_ref": None, "product_ref": "x"}
    _deliver(here, "1b", _event("n1", MORNING + timedelta(minutes=29), "view", "", **nobody))
    _deliver(
        here,
        "2",
        _event("a2", MORNING + timedelta(minutes=25), "cart_add", "anna", product_ref="x"),
        _event("a2", MORNING + timedelta(minutes=25), "cart_add", "anna", product_ref="x"),
        _event("d2", MORNING - timedelta(hours=2), "cart_add", "dora", product_ref="x"),
        _event("d3", MORNING + timedelta(minutes=31), "cart_add", "dora", product_ref="y"),
        _event("e1", MORNING - timedelta(hours=2), "cart_add", "emil", product_ref="z"),
    )
    minutes = here.read("live.kpi_minutes")
    counts = {
        (row["minute"].replace(tzinfo=UTC) - MORNING): row["events"] for row in minutes.collect()
    }
    assert counts == {timedelta(minutes=minute): 1 for minute in (0, 25, 29, 30, 31)}
    assert any("2 late rows did not count in their minutes" in text for text in here.said)
    states = here.read("live.customer_state").collect()
    carts = sorted((row["open_cart"], round(row["interest"], 2)) for row in states)
    # Anna; Carl, whose clock is 3 hours ahead; Dora; Emil, whose event came 2 hours late. Bert's
    # clock is years ahead: `clean` rejects his event, and no live table has it.
    assert carts == [(["x"], 0.0), (["x"], 1.99), (["y"], 2.0), (["z"], 0.0)]
    assert max(row["interest_at"].replace(tzinfo=UTC) for row in states) < datetime.now(UTC)
