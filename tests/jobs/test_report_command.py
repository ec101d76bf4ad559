"""`clarion report` on any lake: what it has, what it lacks, and which command fills that."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from frames import first_row
from pages import Page
from pyspark.sql import functions as F
from worlds import Desk, World

from clarion.contracts.gold import STRATEGIES
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame
from clarion.report.loop_run import read_loop_run

ORDERS = {
    "where": "${data}/orders.csv",
    "format": "csv",
    "options": {"header": True},
    "time_zone": "UTC",
    "currency": "EUR",
    "consent": {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"},
    "columns": {
        name: name
        for name in (
            "order_ref",
            "customer_ref",
            "product_ref",
            "happened_at",
            "quantity",
            "unit_price",
        )
    },
}
ALL_BUT_ROWS = ["Groups", "Products", "Live", "Predictions", "Forecast", "Market", "Campaigns", "The loop", "Scorecard"]  # fmt: skip


def flags(settings: dict[str, str]) -> list[str]:
    return [flag for name, value in settings.items() for flag in ("--set", f"{name}={value}")]


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_lake_with_nothing_gets_no_report_but_the_command_that_fills_it(
    clarion: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    folder: str,
) -> None:
    out = tmp_path / "report.html"
    assert clarion("report", "--lake", str(tmp_path / folder), "--out", str(out)) == 2
    message = capsys.readouterr().err
    assert "found:" in message
    assert "clarion run all" in message
    assert not out.exists()


@pytest.mark.deep  # a lake of its own
def test_a_lake_that_holds_only_records_gets_them_and_the_commands_for_the_rest(
    clarion: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    desk: Callable[..., Desk],
) -> None:
    shop = desk({"mine": {"orders": ORDERS}}, **{"shop.name": "Corner Shop"})
    (shop.folder / "orders.csv").write_text(
        "order_ref,customer_ref,product_ref,happened_at,quantity,unit_price\n"
        "1,anna,P1,2026-05-04 10:00:00,2,10.50\n2,ben,P1,not a time,1,20.00\n"
    )
    shop.run("ingest", "clean")
    arguments = ["--lake", shop.lake.root, "--conf-dir", str(shop.folder / "conf")]
    arguments += ["--as-of", "2026-06-01", *flags(shop.settings)]

    assert clarion("report", *arguments) == 0
    printed = capsys.readouterr().out
    page = Page((shop.folder / "report.html").read_text(encoding="utf-8"))
    assert "Corner Shop" in page.words
    assert "as of 2026-06-01" in page.words
    assert page.rows("kind") == [
        ["orders", "2", "1", "1", "0"],
        ["all", "2", "1", "1", "0"],
    ]
    assert [row[0] for row in page.rows("part")] == ALL_BUT_ROWS
    assert page.rows("part")[0][2] == "clarion run all --to segment"
    assert f"The report is {shop.folder / 'report.html'}" in printed
    assert "not in this lake yet: Groups" in printed
    assert "clarion run all --to segment" in printed

    assert clarion("report", *arguments, "--quiet") == 0  # replaces its own file, says one line
    assert capsys.readouterr().out.splitlines() == [f"The report is {shop.folder / 'report.html'}"]
    assert clarion("report", *arguments, "--out", str(shop.folder / "orders.csv")) == 2
    assert "is not a report" in capsys.readouterr().err


def test_a_shops_lake_is_reported_as_of_its_last_day(
    clarion: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    world: World,
    tmp_path: Path,
) -> None:
    out = tmp_path / "shop.html"
    arguments = ["--lake", world.lake.root, "--out", str(out), *flags(world.settings)]
    assert clarion("report", *arguments, "--as-of", "2999-01-01") == 0
    printed = capsys.readouterr().out
    assert f"nothing was computed for 2999-01-01; the report shows {world.as_of}" in printed

    page = Page(out.read_text(encoding="utf-8"))
    assert f"as of {world.as_of}." in page.words  # one turn
    sums = first_row(world.read("ops.batches").agg(F.sum("rows_in"), F.sum("accepted")))
    assert page.rows("kind")[-1][:3] == ["all", *(f"{count:,}" for count in sums)]
    for row in world.read("gold.segments").collect():
        assert f"{row['segment_id']} {row['name_en']}" in page.words
    assert len(page.rows("offer")) == world.read("gold.campaigns").count()
    assert len(page.rows("target")) == world.read("ops.targets").count()
    assert [row[0] for row in page.rows("part")] == ["Forecast", "The loop"], (
        "120 days are too few for its backtest"
    )
    assert "nan" not in page.words.lower()

    assert clarion("report", *arguments, "--as-of", "2000-01-01") == 2
    message = capsys.readouterr().err
    assert "nothing was computed up to 2000-01-01" in message
    assert f"--as-of {world.as_of}" in message


def test_the_days_of_a_run_are_those_with_strategies_up_to_the_day_asked_for(
    lake: Lake, desk: Callable[..., Desk]
) -> None:
    config = desk({"mine": {"orders": ORDERS}}).config
    days = [date(2026, 5, 1), date(2026, 5, 29), date(2026, 6, 26)]
    plan = {
        "strategy_id": "g1",
        "version": 1,
        "segment_id": "g1",
        "name_en": "all",
        "name_zh": "全部",
        "benefit": 1.0,
        "target_ctr": 0.1,
        "target_cr": 0.1,
        "target_apu": Decimal(10),
        "target_rpr": 0.1,
    }
    rows = [{**plan, "as_of": day} for day in days]
    with pytest.raises(UsageError, match="nothing to report yet"):
        read_loop_run(lake, config, as_of=days[0])
    lake.append(STRATEGIES, rows_as_frame(lake.spark, STRATEGIES, rows))
    assert read_loop_run(lake, config, as_of=date(2026, 6, 1)).days == tuple(days[:2])
    assert read_loop_run(lake, config, as_of=days[2]).days == tuple(days)
    with pytest.raises(UsageError, match="nothing was computed up to 2026-04-30"):
        read_loop_run(lake, config, as_of=date(2026, 4, 30))
