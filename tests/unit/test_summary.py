"""What the demo prints at its end, by hand."""

from typing import Any

from rich.console import Console
from rich.table import Table
from small_figures import LAST, PROOF, TODAY, nothing, small_figures

from clarion.report.figures import Figures
from clarion.report.loop_run import LoopRun
from clarion.report.summary import summary


def summarised(figures: Figures) -> tuple[dict[str, list[list[str]]], str]:
    """The tables by their titles, as texts of cells, and all that is printed."""
    parts = summary(LoopRun("Plum & Co", "EUR", (LAST, TODAY)), figures)
    tables: dict[str, list[list[str]]] = {}
    for part in parts.renderables:
        if isinstance(part, Table):
            columns: list[list[Any]] = [list(column.cells) for column in part.columns]
            tables[str(part.title)] = [
                [str(cell) for cell in row] for row in zip(*columns, strict=True)
            ]
    console = Console(width=200, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as captured:
        console.print(parts)
    return tables, captured.get()


def test_the_summary_counts_rows_groups_campaigns_and_the_loop() -> None:
    tables, printed = summarised(small_figures())
    assert tables["Rows"] == [
        ["events", "20", "10", "10", "0"],
        ["orders", "1,500", "1,490", "6", "4"],
        ["all", "1,520", "1,500", "16", "4"],
    ]
    left_out = "1,200 rows of silver.order_lines are left out: no exchange rate (measure, profiles)"
    assert left_out in printed
    assert tables["Groups"] == [
        ["loyal <b>", "忠诚", "3", "90.0%", "4.2", "12"],
        ["silent", "沉默", "2", "10.0%", "0.5", "none yet"],
    ]
    # An offer's campaigns of all strategies together: 1,500 + 2, 1,200 + 1, 340.50 + 0.25, 410.25 + 0.50.
    assert tables["Campaigns"] == [
        ["Coupon", "1,502", "1,201", "340.75", "410.75"],
        ["News", "1", "1", "0.02", "-0.01"],
    ]
    assert "1,340.77 of 2,000.00 EUR are planned" in printed
    assert "399.00" not in printed  # the budget of the turn before
    assert tables["The loop"] == [
        [
            "2026-06-29",
            "g1",
            "1",
            "",
            "1.000 -> 1.000",
            "Nothing changes: there is no conversion yet.",
        ],
        ["2026-06-29", "g2", "2", "+0.350", "1.100 -> 1.177", "So a larger benefit is tried."],
    ]
    assert tables["Lift"] == [
        ["g1 v1", "2 / 0", "not computable", "–", "not computable", "–"],
        ["g2 v2", "310 / 78", "+6.9 (+0.1 to +13.6)", "9.1", "+12.3 (-1.5 to +26.2)", "19.8"],
    ]
    assert tables["Scorecard"] == [
        ["A1", "100.0%", "100%", "met"],
        ["A2", "", "", "not measurable"],
    ]
    assert "nan" not in printed
    assert "None" not in printed


def test_the_summary_shows_the_plan_on_the_large_shop_beside_the_truth() -> None:
    run = LoopRun("Plum & Co", "EUR", (LAST, TODAY), proof=PROOF)
    parts = summary(run, small_figures())
    table = next(
        part
        for part in parts.renderables
        if isinstance(part, Table) and part.title == "The same plan with 200,000 customers"
    )
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert [list(row) for row in zip(*cells, strict=True)] == [
        ["g2", "80,000 / 20,000", "+0.72 (+0.30 to +1.14)", "0.60", "+0.65", "+1.3 (-2.0 to +4.6)", "4.7"]
    ]  # fmt: skip


def test_a_shop_without_groups_campaigns_or_adjustments_has_a_summary() -> None:
    empty = {
        name: nothing(name)
        for name in ("segments", "campaigns", "budgets", "adjustments", "targets")
    }
    tables, printed = summarised(small_figures(**empty))
    assert tables["Rows"][-1] == ["all", "1,520", "1,500", "16", "4"]
    assert (tables["Groups"], tables["Campaigns"], tables["Scorecard"]) == ([], [], [])
    assert "The loop" not in tables
    assert "planned" not in printed
