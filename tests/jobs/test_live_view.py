"""One customer at once: what the stream says is what the batch says, and it is there within milliseconds."""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk

from clarion.serving.live_view import LiveView

pytestmark = pytest.mark.deep  # a stream and a batch of one shop

AS_OF = date(2026, 6, 1)
HALF_LIFE = 24.0
WITHIN = 0.05  # seconds in which what is known of a customer is there
TYPES = ("view", "view", "view", "cart_add", "search", "favourite", "checkout", "login")


def _events(first: int, count: int, day: date) -> list[dict[str, Any]]:
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    return [
        {
            "event_ref": f"e{number}", "happened_at": (at + timedelta(minutes=7 * (number % 90))).strftime("%Y-%m-%d %H:%M:%S"), "type": TYPES[number % 8],
            "customer_ref": f"c{number % 11}", "product_ref": f"p{number % 5}", "dwell_ms": 1000 * (number % 17),
        }
        for number in range(first, first + count)
    ]  # fmt: skip


def _mapping(folder: Path, mode: str) -> dict[str, dict[str, Any]]:
    columns = {name: name for name in ("event_ref", "type", "customer_ref", "product_ref")}
    columns |= {
        "happened_at": "cast(happened_at as timestamp)",
        "arrived_at": "cast(happened_at as timestamp)",
        "dwell_ms": "cast(dwell_ms as bigint)",
    }
    consent = {"basis": "declared", "purposes": ["collection", "analytics"]}
    return {
        "app": {
            "events": {
                "where": f"{folder}/*.jsonl",
                "format": "json",
                "mode": mode,
                "time_zone": "UTC",
                "consent": consent,
                "columns": columns,
            }
        }
    }


def _write(folder: Path, name: str, events: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(event) for event in events))


def _features_of(desk: Desk) -> dict[str, Any]:
    return {
        row["customer_id"]: (row["values"], row["labels"])
        for row in desk.read("gold.customer_features")
        .where(F.col("as_of") == F.lit(AS_OF))
        .collect()
    }


@pytest.mark.covers("Q6", "Q7")
def test_features_after_the_stream_equal_those_of_the_batch_and_are_there_at_once(
    spark: SparkSession, desk: Callable[..., Desk], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    days = [AS_OF - timedelta(days=back) for back in (20, 6, 1)]
    batch, stream = (
        desk(_mapping(inbox, "batch")),
        Desk(spark, tmp_path / "stream", _mapping(inbox, "stream")),
    )
    for turn, day in enumerate(
        days
    ):  # the stream takes each day as it comes, the batch all at the end
        _write(inbox, f"day{turn}", _events(200 * turn, 200, day))
        stream.run("monitor", as_of=AS_OF)
    batch.run("ingest", as_of=AS_OF)
    for desk_of_mode in (batch, stream):
        desk_of_mode.run("clean", "profiles", "features", as_of=AS_OF)
    assert len(_features_of(batch)) == 11
    assert _features_of(batch) == _features_of(stream)

    view = LiveView(stream.lake.root, half_life_hours=HALF_LIFE)
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    present = stream.read("live.customer_state").where("valid_to IS NULL")
    states = {row["customer_id"]: row for row in present.collect()}
    assert len(states) == 11
    durations = []
    for customer, (values, labels) in list(_features_of(stream).items()) * 10:
        began = time.monotonic()
        customer_now = view.of(customer, now=now)
        durations.append(time.monotonic() - began)
        assert customer_now is not None
        assert (customer_now.as_of, customer_now.features) == (AS_OF, {**values, **labels})
        age = (now - states[customer]["interest_at"].replace(tzinfo=UTC)).total_seconds() / 3600
        assert customer_now.interest == pytest.approx(
            states[customer]["interest"] * 0.5 ** (age / HALF_LIFE)
        )
        assert list(customer_now.open_cart) == states[customer]["open_cart"]
    assert statistics.quantiles(durations[1:], n=100)[94] < WITHIN
    assert view.of("nobody", now=now) is None

    _write(inbox, "later", _events(600, 50, AS_OF))
    stream.run("monitor", as_of=AS_OF)
    customer = next(iter(states))
    later = view.of(customer, now=datetime(2026, 6, 2, tzinfo=UTC))
    assert later is not None
    assert later.seen_at is not None
    assert later.seen_at.date() == AS_OF, (
        "a view that is open sees what the stream has written since"
    )


def test_the_command_answers_without_a_jvm(
    clarion: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert clarion("customer", "somebody", "--now", "--lake", str(tmp_path)) == 2
    assert "nothing is known of 'somebody'" in capsys.readouterr().err
