"""What was sent and lost lowers its own rate, and a missed target can fail a run."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from worlds import Desk

from clarion.contracts import TABLES
from clarion.explore.scorecard import Score, TargetsMissedError, age_of_tags, require_met
from clarion.lake.frames import rows_as_frame

pytestmark = pytest.mark.deep  # files that do not arrive, from day to day

DAY = date(2026, 6, 1)
ALLOWED = {"basis": "declared", "purposes": ["analytics"], "note": "test"}


def _kind(name: str, *columns: str, **more: Any) -> dict[str, Any]:
    return {
        "where": f"${{data}}/{name}-*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": ALLOWED,
        "manifest": f"${{data}}/{name}.manifest", "columns": {column: column for column in columns}, **more,
    }  # fmt: skip


EVENTS = ("event_ref", "happened_at", "type", "device_ref", "session_ref", "device_sequence_no")
ORDERS = ("order_ref", "customer_ref", "product_ref", "happened_at", "quantity", "unit_price")
REVIEWS = ("review_ref", "product_ref", "happened_at")
RESPONSES = ("message_ref", "type", "happened_at")
SHOP = {
    "shop": {
        "events": _kind("events", *EVENTS),
        "orders": _kind("orders", *ORDERS, currency="EUR"),
        "reviews": _kind("reviews", *REVIEWS),
        "responses": _kind("responses", *RESPONSES),
    }
}
AT = "2026-05-04 10:00:00"


def _deliver(
    folder: Path, name: str, columns: tuple[str, ...], rows: list[str], *, part: int
) -> None:
    (folder / f"{name}-{part}.csv").write_text("\n".join([",".join(columns), *rows]) + "\n")


def _declare(folder: Path, name: str, **files: int) -> None:
    lines = [f"{name}-{part.removeprefix('part')}.csv,{count}" for part, count in files.items()]
    (folder / f"{name}.manifest").write_text("\n".join(["file,records", *lines]) + "\n")


def _orders(first: int, last: int) -> list[str]:
    return [f"o{number},c{number},p1,{AT},1,10.00" for number in range(first, last + 1)]


def _losses(folder: Path) -> None:
    """Three visits of one device, of which the second is lost whole, and the end of the third.

    Of orders a whole file is lost, of reviews the end of one; all responses arrive.
    """
    visits = {"v1": range(1, 11), "v3": range(21, 29)}
    events = [
        f"e{number},{AT},view,d1,{visit},{number}"
        for visit, numbers in visits.items()
        for number in numbers
    ]
    _deliver(folder, "events", EVENTS, events, part=1)
    _declare(folder, "events", part1=20)
    _deliver(folder, "orders", ORDERS, _orders(1, 10), part=1)
    _declare(folder, "orders", part1=10, part2=5)
    _deliver(folder, "reviews", REVIEWS, [f"r{n},p1,{AT}" for n in range(19)], part=1)
    _declare(folder, "reviews", part1=20)
    _deliver(folder, "responses", RESPONSES, [f"m{n},viewed,{AT}" for n in range(8)], part=1)
    _declare(folder, "responses", part1=8)


def _collected(shop: Desk) -> dict[str, tuple[float, float, str]]:
    rows = shop.read("ops.targets").where("target LIKE 'C7 %'").collect()
    return {
        row["target"].removeprefix("C7 collected "): (
            row["numerator"],
            row["denominator"],
            row["verdict"],
        )
        for row in rows
    }


@pytest.mark.covers("C7")
def test_each_loss_lowers_the_rate_of_its_own_kind_and_can_fail_a_run(
    desk: Callable[..., Desk],
    clarion: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _losses(tmp_path)
    shop = desk(SHOP)
    shop.run("ingest", "clean", "scorecard", as_of=DAY)
    assert _collected(shop) == {
        "paths": (18, 28, "missed"),  # the second visit; its numbers run on over visits
        "events": (18, 20, "missed"),  # the end of the third, which no number shows
        "purchases": (10, 15, "missed"),
        "feedback": (19, 20, "missed"),
        "interactions": (8, 8, "met"),
    }
    assert any("declares orders-2.csv, which was not delivered" in text for text in shop.said)

    flags = ["--lake", shop.lake.root, "--as-of", str(DAY)]
    flags += [part for key, value in shop.settings.items() for part in ("--set", f"{key}={value}")]
    flags += ["--conf-dir", str(tmp_path / "conf")]
    assert clarion("scorecard", *flags) == 0
    shown = capsys.readouterr().out
    assert "C7 collected purchases" in shown
    assert "66.67%" in shown
    assert clarion("scorecard", "--strict", *flags) == 3
    told = capsys.readouterr().err
    assert "4 targets are missed" in told
    assert "C7 collected purchases 66.67% instead of 98%" in told
    assert "interactions" not in told

    # What comes late counts; in its first stage a shop must store nine tenths.
    _deliver(tmp_path, "orders", ORDERS, _orders(11, 15), part=2)
    shop.configure(**{"scorecard.first_stage": "true"})
    shop.run("ingest", "clean", "scorecard", as_of=DAY)
    late = _collected(shop)
    assert late["purchases"] == (15, 15, "met")
    assert late["feedback"] == (19, 20, "met")
    assert late["events"] == (18, 20, "met")
    assert late["paths"] == (18, 28, "missed")


@pytest.mark.covers("C6", "P6")
def test_a_week_without_a_run_shows_in_the_age_of_tags(desk: Callable[..., Desk]) -> None:
    shop = desk({})
    assert age_of_tags(shop.lake, now=DAY).verdict == "not measurable"
    zeros = dict.fromkeys(("orders", "views", "cart_adds", "events", "active_days"), 0) | {
        "tenure_days": 0.0,
        "idle_days": 0.0,
        "monetary": Decimal(0),
        "life_cycle": "lost",
        "interests": [],
    }
    profiles, tags = TABLES["gold.customer_profiles"], TABLES["gold.customer_tags"]
    people = [{**zeros, "as_of": DAY, "customer_id": name} for name in ("a", "b")]
    tagged = [
        {"as_of": day, "customer_id": name, "tags": []}
        for day, name in ((DAY, "a"), (DAY, "b"), (DAY + timedelta(days=6), "a"))
    ]
    shop.lake.append(profiles, rows_as_frame(shop.lake.spark, profiles, people))
    shop.lake.append(tags, rows_as_frame(shop.lake.spark, tags, tagged))

    def scored(days: int) -> tuple[float | None, str, str | None]:
        score = age_of_tags(shop.lake, now=DAY + timedelta(days=days))
        return score.value, score.verdict, score.reason

    assert scored(0) == scored(1) == (1.0, "met", None)
    assert scored(2) == (0.0, "missed", "the oldest tags are 2 days old")
    assert scored(7) == (0.5, "missed", "the oldest tags are 7 days old")


def test_only_missed_targets_are_named_and_none_is_no_error() -> None:
    met = Score("C8 delay", 0.995, 0.99, "met", None)
    reported = Score("S2 click rate", 0.01, None, "measured", None)
    unknown = Score("C7 collected paths", None, 0.98, "not measurable", "no numbers")
    require_met([met, reported, unknown])
    missed = Score("C9 accuracy", 0.9812, 0.99, "missed", None)
    with pytest.raises(TargetsMissedError, match="1 targets are missed") as stopped:
        require_met([met, reported, missed])
    assert stopped.value.exit_code == 3
    assert "C9 accuracy 98.12% instead of 99%" in str(stopped.value)
    assert "C8" not in str(stopped.value)
