"""What was taken is known by its content: nothing is lost, nothing is doubled, and what changes is said."""

import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from worlds import Desk

from clarion.explore.query import format_result
from clarion.kernel.errors import ClarionError, ConfigError, SourceError
from clarion.lake import Lake

pytestmark = pytest.mark.deep  # files that change, from day to day

Make = Callable[..., Desk]
HEADER = "order,when,who,product,quantity,price"
COLUMNS = {
    "campaign_ref": "`order`",
    "day": "when",
    "channel": "product",
    "amount": "price",
}  # costs: the kind that takes least to clean


def line(number: int, *, price: str = "1.50", day: int = 1) -> str:
    return f"o{number},2026-01-{day:02d} 10:00:00,c{number % 3},p1,2,{price}"


def mapping(**change: Any) -> dict[str, Any]:
    written = {
        "where": "${data}/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
        "columns": COLUMNS, **change,
    }  # fmt: skip
    return {"costs": written}


def deliver(folder: Path, name: str, *lines: str, header: str = HEADER) -> Path:
    file = folder / name
    file.write_text("\n".join([header, *lines]) + "\n")
    stamp = deliver.clock = getattr(deliver, "clock", 1_800_000_000) + 10  # type: ignore[attr-defined]
    os.utime(file, (stamp, stamp))
    return file


def sold(desk: Desk) -> list[str]:
    return sorted(
        row[0]
        for row in desk.read("silver.costs")
        .selectExpr("concat(campaign_ref, ' ', amount)")
        .collect()
    )


def test_a_file_under_two_names_is_taken_once_and_a_late_one_is_not_forgotten(
    desk: Make, tmp_path: Path
) -> None:
    deliver(tmp_path, "2026-01-02.csv", line(2, day=2))
    here = desk({"shop": mapping(duplicates="keep")})
    here.run("ingest", "clean")
    deliver(tmp_path, "copy.csv", line(2, day=2))
    deliver(tmp_path, "2026-01-01.csv", line(1))
    here.run("ingest", "clean")
    assert sold(here) == ["o1 1.5000", "o2 1.5000"]
    assert any("copy.csv holds what another file held" in text for text in here.said)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("version", ["o1 1.5000", "o2 1.5000", "o2 9.0000"]), ("replace", ["o1 1.5000", "o2 9.0000"])],
)
def test_a_changed_file_is_refused_unless_the_mapping_says_what_it_means(
    desk: Make, tmp_path: Path, policy: str, expected: list[str]
) -> None:
    deliver(tmp_path, "a.csv", line(1))
    deliver(tmp_path, "b.csv", line(2), line(3, price="-1"))
    here = desk({"shop": mapping()})
    here.run("ingest", "clean")
    deliver(tmp_path, "a.csv", line(1))  # written again, the same
    here.run("ingest")
    assert here.said[-1] == "nothing new"
    deliver(tmp_path, "b.csv", line(2, price="9.00"), line(3, price="-1"))  # as long as it was
    with pytest.raises(SourceError, match="was changed after it was taken") as error:
        here.run("ingest")
    assert "changed: replace" in str(error.value)
    assert sold(here) == ["o1 1.5000", "o2 1.5000"]
    here.map("shop", mapping(changed=policy))
    here.run("ingest", "clean")
    assert sold(here) == expected
    assert (
        here.read("silver.quarantine").count() == 1
    )  # the refused line stands there once, whichever take it came with
    here.run("ingest", "clean")
    assert sold(here) == expected


def test_a_duplicate_of_a_record_that_was_replaced_becomes_the_fact(
    desk: Make, tmp_path: Path
) -> None:
    deliver(tmp_path, "a.csv", line(1))
    here = desk({"shop": mapping(changed="replace")})
    here.run("ingest", "clean")
    deliver(tmp_path, "b.csv", line(1), line(2))
    here.run("ingest", "clean")
    assert sold(here) == ["o1 1.5000", "o2 1.5000"]
    deliver(tmp_path, "a.csv", line(7))
    here.run("ingest", "clean")
    assert sold(here) == ["o1 1.5000", "o2 1.5000", "o7 1.5000"]


def test_a_new_column_is_kept_and_reported_and_a_missing_one_refused(
    desk: Make, tmp_path: Path
) -> None:
    deliver(tmp_path, "a.csv", line(1))
    here = desk({"shop": mapping()})
    here.run("ingest")
    deliver(tmp_path, "b.csv", line(2) + ",gift", header=f"{HEADER},wrapping")
    here.run("ingest")
    assert here.said[-2] == f"shop.costs: column 'wrapping' is new since {tmp_path}/b.csv"
    assert [
        row[0]
        for row in here.read("bronze.costs")
        .selectExpr("raw['wrapping']")
        .where("raw['order'] = 'o2'")
        .collect()
    ] == ["gift"]
    drifted = (
        here.read("ops.files")
        .where("size(drift) > 0 AND state = 'taken'")
        .selectExpr("_file", "drift[0].change", "drift[0].column")
        .collect()
    )
    assert [tuple(row) for row in drifted] == [(f"{tmp_path}/b.csv", "new", "wrapping")]
    deliver(tmp_path, "c.csv", line(3))
    with pytest.raises(SourceError, match="column 'wrapping' is missing since"):
        here.run("ingest")
    here.map("shop", mapping(drift={"missing": "null"}))
    here.run("ingest", "clean")
    assert len(sold(here)) == 3


def test_a_column_that_can_no_longer_be_read_is_refused_or_quarantined(
    desk: Make, tmp_path: Path
) -> None:
    deliver(tmp_path, "a.csv", *(line(n) for n in range(6)))
    here = desk({"shop": mapping()})
    here.run("ingest", "clean")
    deliver(
        tmp_path,
        "b.csv",
        *(line(n, price="1,50 EUR").replace("1,50 EUR", '"1,50 EUR"') for n in range(6, 12)),
    )
    with pytest.raises(
        SourceError, match="column 'amount' cannot be read as before since"
    ) as error:
        here.run("ingest", "clean")
    assert "retyped: quarantine" in str(error.value)
    assert (here.read("silver.costs").count(), here.read("silver.quarantine").count()) == (6, 0)
    here.map("shop", mapping(drift={"retyped": "quarantine"}))
    here.run("clean")
    assert here.read("silver.quarantine").count() == 6


def test_two_ingests_at_once_take_each_file_once(desk: Make, tmp_path: Path) -> None:
    for number in range(4):
        deliver(tmp_path, f"{number}.csv", line(number))
    here = desk({"shop": mapping(duplicates="keep")})
    other = Desk.__new__(Desk)
    other.__dict__ |= {**here.__dict__, "lake": Lake(here.lake.spark, here.lake.root), "said": []}
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(here.run, "ingest"), pool.submit(other.run, "ingest")]:
            run.result()
    here.run("clean")
    assert sold(here) == [f"o{number} 1.5000" for number in range(4)]
    assert sum("waiting" in text for text in here.said + other.said) == 1


@pytest.mark.covers("C7", "Q2")
def test_what_was_declared_and_did_not_arrive_lowers_the_collection_rate(
    desk: Make, tmp_path: Path
) -> None:
    deliver(tmp_path, "a.csv", *(line(n) for n in range(90)))
    deliver(tmp_path, "b.csv", *(line(n) for n in range(90, 100)), line(100, price="x"))
    (tmp_path / "manifest.txt").write_text("file,records\na.csv,100\nb.csv,11\n")
    here = desk({"shop": mapping(manifest="${data}/manifest.txt")})
    here.run("ingest", "clean", "scorecard")
    targets = {row["target"]: row for row in here.read("ops.targets").collect()}
    collected, standard = targets["C7 collected costs"], targets["Q2 standard form"]
    assert (collected["numerator"], collected["denominator"], collected["verdict"]) == (
        101,
        111,
        "missed",
    )
    assert collected["low"] < 101 / 111 < collected["high"]
    assert (standard["numerator"], standard["denominator"], standard["verdict"]) == (
        100,
        101,
        "met",
    )
    assert standard["reason"] == "lowest: shop.costs.amount 99.01%"
    (tmp_path / "manifest.txt").write_text("name,count\nc.csv,1\n")
    deliver(tmp_path, "c.csv", line(200))
    with pytest.raises(SourceError, match="is no manifest"):
        here.run("ingest")


BAD: dict[str, tuple[bytes, str, dict[str, Any], str]] = {
    "a cut Parquet file": (
        b"PAR1" + b"\x00" * 40,
        "x.parquet",
        {"format": "parquet"},
        "damaged or cut",
    ),
    "a cut gzip file": (b"\x1f\x8b\x08\x00" + b"\x00" * 3, "x.csv.gz", {}, "damaged or cut"),
    "another encoding": (
        f"{HEADER}\n{line(1)}\n".replace("c1", "Müller").encode("latin-1"),
        "x.csv",
        {},
        "text that is not UTF-8",
    ),
    "a cut record": (
        f"{HEADER}\n{line(1)}\no2,2026-01".encode(),
        "x.csv",
        {},
        "cannot be parsed",
    ),
    "deeper JSON": (
        b'{"order": "o1", "a": {"b": {"c": [1]}}}',
        "x.json",
        {"format": "json", "options": {}, "depth": 3},
        "cannot be parsed",
    ),
    "no such column": (b"order,when\no1,2026-01-01\n", "x.csv", {}, "mapping shop.costs"),
    "a sum over all records": (
        f"{HEADER}\n{line(1)}\n".encode(),
        "x.csv",
        {"columns": {**COLUMNS, "amount": "sum(price)"}},
        "mapping shop.costs",
    ),
    "half an expression": (
        f"{HEADER}\n{line(1)}\n".encode(),
        "x.csv",
        {"columns": {**COLUMNS, "amount": "price +"}},
        "mapping shop.costs",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_reported_with_its_fix_and_leaves_nothing_behind(
    desk: Make, tmp_path: Path, what: str
) -> None:
    content, name, change, message = BAD[what]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    here = desk({"shop": mapping(where=f"${{data}}/in/*{name[1:]}", **change)})
    with pytest.raises(ClarionError, match=message) as error:
        here.run("ingest")
    assert "found:" in str(error.value)
    assert "fix:" in str(error.value)
    assert error.value.exit_code == 2
    assert here.read("bronze.costs").isEmpty()
    assert here.read("ops.files").isEmpty()


@pytest.mark.covers("C9")
def test_values_beyond_all_measure_are_quarantined_one_by_one(desk: Make, tmp_path: Path) -> None:
    odd = [
        "o1,0001-01-01 10:00:00,c,p,2,1",
        "o2,9999-12-31 10:00:00,c,p,2,1",
        "o3,2026-01-01 10:00:00,c,p,2,1e308",
        f"{'o' * 10_000_000},2026-01-01 10:00:00,c,p,2,1",
    ]
    deliver(
        tmp_path,
        "a.csv",
        line(0),
        *odd,
        "o\x005,2026-01-01 10:00:00,c,p,2,1",
        "=cmd|' /C calc'!A0,2026-01-01 10:00:00,c,p,2,1",
    )
    here = desk({"shop": mapping()})
    here.run("ingest", "clean")
    found = {
        row["_row"]: [(reason["rule"], reason["column"]) for reason in row["reasons"]]
        for row in here.read("silver.quarantine").collect()
    }
    assert found == {
        2: [("no_time", "day"), ("out_of_calendar", "day")],
        3: [("no_time", "day"), ("out_of_calendar", "day")], 4: [("unreadable", "amount")],
        5: [("too_long", "campaign_ref")], 6: [("control_character", "campaign_ref")],
    }  # fmt: skip
    assert sold(here) == ["=cmd|' /C calc'!A0 1.0000", "o0 1.5000"]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)"])
def test_a_formula_in_a_cell_stays_text_in_an_export(rows: Callable[..., Any], cell: str) -> None:
    frame = rows("title string, amount decimal(18,4)", (cell, Decimal("-5.0000")), ("cup", None))
    assert next(csv.reader(format_result(frame, form="csv", limit=5).splitlines()[1:])) == [
        f"'{cell}",
        "-5.0000",
    ]


def test_a_path_that_climbs_out_is_refused(desk: Make) -> None:
    with pytest.raises(ConfigError, match="climb out"):
        desk({"shop": mapping(where="${data}/../*.csv")}).run("ingest")
