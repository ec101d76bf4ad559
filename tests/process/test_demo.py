"""The demo from its command to its report, in a process of its own."""

import re

import pytest
from frames import first_row
from pyspark.sql import functions as F
from turns import TURNS, Turns

pytestmark = [pytest.mark.deep, pytest.mark.process]


def test_the_demo_ends_well_and_says_where_its_report_is(turns: Turns) -> None:
    assert turns.code == 0, turns.errors[-2000:]
    assert turns.errors == ""  # no warning of Spark or MLflow reaches the user
    told = "".join(turns.out.splitlines()[-3:])  # a long path is wrapped
    assert re.search(r"\d+ s\. The report is ", told)
    assert str(turns.folder / "report.html") in told


def test_the_summary_shows_every_table_and_no_missing_number(turns: Turns) -> None:
    for title in ("Rows", "Groups", "Campaigns", "The loop", "Scorecard"):
        assert re.search(rf"^\s*{title}\s*$", turns.out, flags=re.MULTILINE), title
    assert re.search(r"[\d,.]+ of [\d,.]+ CNY are planned", turns.out)
    assert not re.search(r"\bnan\b", turns.out, flags=re.IGNORECASE | re.ASCII)
    assert "None" not in turns.out


def test_the_report_says_what_the_lake_holds(turns: Turns) -> None:
    page, today = turns.page, turns.days[-1]
    assert len(turns.days) == TURNS
    assert f"as of {today}, after {TURNS} turns of the loop" in page.words

    *kinds, total = page.rows("kind")
    batches = first_row(
        turns.read("ops.batches").agg(
            F.sum("rows_in"), F.sum("accepted"), F.sum("quarantined"), F.sum("duplicates")
        )
    )
    counted = [int(cell.replace(",", "")) for cell in total[1:]]
    assert counted == list(batches)
    assert counted[0] == sum(counted[1:]) > 10_000
    assert {"orders", "events", "responses"} <= {row[0] for row in kinds}

    segments = turns.read("gold.segments").where(F.col("as_of") == today).collect()
    assert len(segments) >= 3
    for segment in segments:
        assert (
            f"{segment['segment_id']} {segment['name_en']} · {segment['name_zh']}: {segment['customers']:,} customers"
            in page.words
        )

    campaigns = turns.read("gold.campaigns").where(F.col("as_of") == today).collect()
    expected = {
        (
            row["offer_name_en"],
            row["strategy_id"],
            f"{row['reach']:,}",
            f"{row['expected_cost']:,.2f}",
        )
        for row in campaigns
    }
    shown = {
        (row[0].split(" · ")[0], row[1].split(" ")[0], row[3], row[4]) for row in page.rows("offer")
    }
    assert shown == expected
    assert len(shown) >= 3

    measured, corrected = (table[1:] for table in page.tables if table[0][0] == "as of")
    assert len(measured) == turns.read("gold.strategy_kpis").count() >= 3
    assert len(corrected) == turns.read("gold.adjustments").count() >= 3


def test_the_report_holds_no_missing_number_and_needs_no_network(turns: Turns) -> None:
    page = turns.page
    assert not re.search(r"\bnan\b|None|undefined|\{\{", page.words, flags=re.ASCII)
    assert not re.search(r"\bnan\b", page.words, flags=re.IGNORECASE | re.ASCII)
    text = (turns.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    assert text.count("Plotly.newPlot(") >= 5
