"""The demo from its command to its report, in a process of its own."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from frames import first_row
from pages import Page
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.contracts import TABLES
from clarion.lake import Lake

pytestmark = [pytest.mark.deep, pytest.mark.process]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a user of the demo sees."""

    code: int
    out: str
    errors: str
    folder: Path

    @property
    def page(self) -> Page:
        return Page((self.folder / "report.html").read_text(encoding="utf-8"))

    @property
    def days(self) -> list[str]:
        return re.findall(r"^as of (\S+)$", self.out, flags=re.MULTILINE)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("demo") / "shop"
    command = [
        sys.executable,
        "-m",
        "clarion.jobs",
        "demo",
        "--lake",
        str(folder),
        "--size",
        "small",
        "--turns",
        "2",
        "--seed",
        "11",
    ]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False
    )
    return Shown(done.returncode, done.stdout, done.stderr, folder)


def test_the_demo_ends_well_and_says_where_its_report_is(demo: Shown) -> None:
    assert demo.code == 0, demo.errors[-2000:]
    assert "Traceback" not in demo.errors
    told = "".join(demo.out.splitlines()[-3:])  # a long path is wrapped
    assert re.search(r"\d+ s\. The report is ", told)
    assert str(demo.folder / "report.html") in told


def test_the_summary_shows_every_table_and_no_missing_number(demo: Shown) -> None:
    for title in ("Rows", "Groups", "Campaigns", "The loop", "Scorecard"):
        assert re.search(rf"^\s*{title}\s*$", demo.out, flags=re.MULTILINE), title
    assert re.search(r"[\d,.]+ of [\d,.]+ CNY are planned", demo.out)
    assert not re.search(r"\bnan\b", demo.out, flags=re.IGNORECASE | re.ASCII)
    assert "None" not in demo.out


def test_the_report_says_what_the_lake_holds(demo: Shown, spark: SparkSession) -> None:
    lake, page = Lake(spark, str(demo.folder / "lake")), demo.page
    today = demo.days[-1]
    assert len(demo.days) >= 2
    assert f"as of {today}, after {len(demo.days)} turns of the loop" in page.words

    *kinds, total = page.rows("kind")
    batches = first_row(
        lake.read(TABLES["ops.batches"]).agg(
            F.sum("rows_in"), F.sum("accepted"), F.sum("quarantined"), F.sum("duplicates")
        )
    )
    counted = [int(cell.replace(",", "")) for cell in total[1:]]
    assert counted == list(batches)
    assert counted[0] == sum(counted[1:]) > 10_000
    assert {"orders", "events", "responses"} <= {row[0] for row in kinds}

    segments = lake.read(TABLES["gold.segments"]).where(F.col("as_of") == today).collect()
    assert len(segments) >= 3
    for segment in segments:
        assert (
            f"{segment['segment_id']} {segment['name_en']} · {segment['name_zh']}: {segment['customers']:,} customers"
            in page.words
        )

    campaigns = lake.read(TABLES["gold.campaigns"]).where(F.col("as_of") == today).collect()
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
    assert len(measured) == lake.read(TABLES["gold.strategy_kpis"]).count() >= 3
    assert len(corrected) == lake.read(TABLES["gold.adjustments"]).count() >= 3


def test_the_report_holds_no_missing_number_and_needs_no_network(demo: Shown) -> None:
    page = demo.page
    assert not re.search(r"\bnan\b|None|undefined|\{\{", page.words, flags=re.ASCII)
    assert not re.search(r"\bnan\b", page.words, flags=re.IGNORECASE | re.ASCII)
    text = (demo.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    assert text.count("Plotly.newPlot(") >= 5
