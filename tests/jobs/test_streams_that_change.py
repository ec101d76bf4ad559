"""Streams whose records change their form or their rate, and the state that they keep for weeks."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql.streaming.query import StreamingQuery
from worlds import Desk

from clarion.kernel.errors import SourceError
from clarion.workflows.stream_queries import StreamCounts

pytestmark = pytest.mark.deep  # many batches

MORNING = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ("event_ref", "happened_at", "type", "customer_ref", "product_ref", "channel", "arrived_at")


def _mapping(form: str, **options: str) -> dict[str, Any]:
    return {
        "events": {
            "where": "${data}/app/*." + form,
            "format": "csv" if form == "csv" else "json",
            "options": options,
            "mode": "stream",
            "time_zone": "UTC",
            "consent": {"basis": "declared", "purposes": ["analytics"]},
            "columns": {name: name for name in NAMES},
        }
    }


def _event(number: int, at: datetime) -> dict[str, str]:
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    return {
        "event_ref": f"e{number}", "happened_at": text, "type": "view", "arrived_at": text,
        "customer_ref": f"c{number % 5}", "product_ref": f"p{number % 3}", "channel": "app",
    }  # fmt: skip


def _write(here: Desk, name: str, rows: list[dict[str, str]]) -> None:
    (here.folder / "app").mkdir(exist_ok=True)
    if name.endswith("csv"):
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    path = here.folder / "app" / name
    path.write_text("\n".join(lines) + "\n")
    # Spark reads files by the millisecond in which they were written: two in one come in any order.
    written = path.stat().st_mtime + len(list(path.parent.iterdir()))
    os.utime(path, (written, written))


def _counted(here: Desk) -> dict[str, int]:
    """Views by channel."""
    rows = here.read("live.kpi_minutes").where("dimension = 'channel'").groupBy("value")
    return {
        row["value"]: row["views"] for row in rows.sum("views").toDF("value", "views").collect()
    }


class Batches:
    """Rows in and rows of state of every batch of the query of minutes."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.state: list[int] = []

    def add(self, query: StreamingQuery) -> None:
        for progress in query.recentProgress:
            operators = [int(one["numRowsTotal"]) for one in progress["stateOperators"]]
            if len(operators) == 2:  # what was seen, and the open minutes
                self.rows.append(int(progress["numInputRows"]))
                self.state.append(max(operators))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    found = Batches()
    counted = StreamCounts.add

    def add(counts: StreamCounts, query: StreamingQuery) -> None:
        found.add(query)
        counted(counts, query)

    monkeypatch.setattr(StreamCounts, "add", add)
    return found


@pytest.mark.covers("F1")
def test_a_field_that_is_added_in_mid_stream_holds_up_nothing(desk: Callable[..., Desk]) -> None:
    here = desk({"app": _mapping("jsonl")})
    _write(here, "1.jsonl", [_event(number, MORNING) for number in range(4)])
    here.run("monitor")
    later = MORNING + timedelta(minutes=1)
    wider = [{"campaign": "june", **_event(number, later)} for number in range(4, 10)]
    _write(here, "2.jsonl", wider)
    here.run("monitor")
    assert _counted(here) == {"app": 10}
    bronze = here.read("bronze.events")
    assert bronze.where("_malformed IS NOT NULL").isEmpty()
    assert bronze.where("raw['campaign'] = 'june'").count() == 6
    here.run("clean")
    assert here.read("silver.quarantine").isEmpty()
    assert here.read("silver.events").count() == 10


@pytest.mark.covers("F1")
def test_a_file_with_another_header_stops_the_stream_until_it_is_delivered_again(
    desk: Callable[..., Desk],
) -> None:
    here = desk({"app": _mapping("csv", header="true")})
    _write(here, "1.csv", [_event(number, MORNING) for number in range(4)])
    here.run("monitor")
    rows = [_event(number, MORNING + timedelta(minutes=1)) for number in range(4, 10)]
    _write(here, "2.csv", [{"campaign": "june", **row} for row in rows])
    with pytest.raises(SourceError, match="2.csv: its header differs") as stopped:
        here.run("monitor")
    assert "8 columns, where 7 were expected" in str(stopped.value)
    _write(here, "2.csv", rows)
    here.run("monitor")
    assert _counted(here) == {"app": 10}
    assert here.read("bronze.events").count() == 10


@pytest.mark.covers("F1")
def test_ten_times_the_rate_is_read_in_parts(desk: Callable[..., Desk], batches: Batches) -> None:
    here = desk({"app": _mapping("jsonl")}, **{"monitor.files_per_trigger": "20"})
    for number in range(5):
        _write(here, f"{number:03}.jsonl", [_event(number, MORNING)])
    here.run("monitor")
    assert batches.rows == [5]
    for number in range(5, 55):
        _write(here, f"{number:03}.jsonl", [_event(number, MORNING + timedelta(seconds=number))])
    here.run("monitor")
    assert batches.rows == [5, 20, 20, 10]
    assert _counted(here) == {"app": 55}


@pytest.mark.covers("F1")
def test_the_state_of_a_week_is_that_of_its_last_minutes(
    desk: Callable[..., Desk], batches: Batches
) -> None:
    here = desk({"app": _mapping("jsonl")}, **{"monitor.files_per_trigger": "1"})
    per_file = 40
    for part in range(7):
        at = MORNING + timedelta(days=part)
        rows = [
            _event(part * per_file + number, at + timedelta(minutes=10 * number))
            for number in range(per_file)
        ]
        _write(here, f"{part:03}.jsonl", rows)
    here.run("monitor", as_of=(MORNING + timedelta(days=7)).date())
    assert len(batches.state) == 7
    # The open minutes of a batch in two dimensions, and what the one before left within the
    # watermark: never those of the whole week.
    assert max(batches.state) <= 2 * (per_file + 2)
    assert _counted(here) == {"app": 7 * per_file}


@pytest.mark.covers("F1")
def test_a_late_event_adds_to_its_minute_until_it_is_closed_and_never_replaces_it(
    desk: Callable[..., Desk],
) -> None:
    here = desk({"app": _mapping("jsonl")})
    late = iter(range(100, 110))
    batches: list[list[dict[str, str]]] = [
        [_event(number, MORNING) for number in range(3)],
        [_event(10, MORNING + timedelta(hours=1))],
        # The minute is still open: the batch before has only read what closes it.
        [_event(11, MORNING + timedelta(hours=2)), _event(next(late), MORNING)],
        [_event(12, MORNING + timedelta(hours=3)), _event(next(late), MORNING)],
        [_event(next(late), MORNING)],
    ]
    counted = []
    for place, rows in enumerate(batches):
        _write(here, f"{place}.jsonl", rows)
        here.run("monitor")
        first = here.read("live.kpi_minutes").where("dimension = 'all'").orderBy("minute").first()
        assert first is not None
        counted.append(first["views"])
    assert counted == [3, 3, 4, 4, 4]
    assert _counted(here) == {"app": 7}
    assert here.read("bronze.events").count() == 9
