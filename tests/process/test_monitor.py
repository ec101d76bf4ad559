"""A monitor that runs on: it ends cleanly, is alone, and loses nothing however often it is killed."""

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from delivered import table_rows
from monitors import Shop, monitor, wait_until

pytestmark = [pytest.mark.deep, pytest.mark.process]  # JVMs of their own


def _events_counted(shop: Shop, lake: str) -> int:
    """Events in the minutes of a lake; 0 as long as there is no table."""
    if not list(Path(shop.folder, lake, "live", "kpi_minutes", "_delta_log").glob("*1.json")):
        return 0
    minutes = table_rows(str(shop.folder / lake), "live.kpi_minutes")
    return int(minutes[minutes["dimension"] == "all"]["events"].sum())


def _contents(shop: Shop, lake: str) -> dict[str, list[Any]]:
    """Rows of the live tables and number of records in bronze; interest to a millionth."""
    root = str(shop.folder / lake)
    found: dict[str, list[Any]] = {}
    for name in ("live.kpi_minutes", "live.customer_state", "live.requests", "live.problems"):
        rows = table_rows(root, name)
        shown = rows[[column for column in rows.columns if not column.startswith("_")]].copy()
        for column in {"interest", "given_up_share"}.intersection(shown.columns):
            shown[column] = shown[column].round(6)
        found[name] = sorted(shown.astype(str).to_numpy().tolist())
    for kind in ("events", "orders"):
        found[kind] = [len(table_rows(root, f"bronze.{kind}"))]
    return found


@pytest.mark.covers("F1")
@pytest.mark.parametrize("kills", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_a_monitor_that_is_killed_again_and_again_ends_with_what_a_calm_one_has(
    tmp_path: Path, kills: int
) -> None:
    shop, draws = Shop(tmp_path), random.Random(kills)
    met_at_work = 0
    for _ in range(kills):
        shop.deliver(files=4)
        with monitor(shop, "killed", "--every", "0.5") as process:
            time.sleep(draws.uniform(10, 26))
            met_at_work += process.poll() is None
    assert met_at_work == kills
    shop.deliver(files=2)
    for lake in ("killed", "calm"):
        with monitor(shop, lake, "--once") as process:
            assert process.wait(240) == 0, (tmp_path / "monitor.log").read_text()[-3000:]
    calm = _contents(shop, "calm")
    assert len(calm["live.kpi_minutes"]) > 20
    assert len(calm["live.customer_state"]) == 30
    assert _contents(shop, "killed") == calm


@pytest.mark.covers("F1")
def test_a_monitor_counts_while_files_arrive_is_alone_and_ends_when_it_is_asked_to(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path)
    shop.deliver(files=2)
    with monitor(shop, "lake", "--every", "0.5") as process:
        wait_until(lambda: _events_counted(shop, "lake") == 80, process, shop)
        shop.deliver(files=2)
        wait_until(lambda: _events_counted(shop, "lake") == 160, process, shop)
        with monitor(shop, "lake") as second:
            assert second.wait(60) == 2
        assert "another monitor is running" in (tmp_path / "monitor.log").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    runs = table_rows(str(tmp_path / "lake"), "ops.runs")
    assert list(runs["state"]) == ["done"]
    assert "Traceback" not in (tmp_path / "monitor.log").read_text()
