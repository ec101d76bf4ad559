"""Excel workbooks: every cell has one text, and what cannot be read is said."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
import pytest

from clarion.collect.sources.sample import sample_file
from clarion.collect.sources.workbooks import (
    SheetOptions,
    cell_text,
    column_names,
    read_sheet,
    sheet_names,
)
from clarion.config import Config
from clarion.kernel.errors import SourceError
from clarion.onboarding.new_shop import infer_mapping


def workbook(*rows: list[Any], **others: list[list[Any]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = "Orders"
    for row in rows:
        book.active.append(row)
    for title, content in others.items():
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    return book


def stored(book: openpyxl.Workbook) -> BinaryIO:
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def rows_of(book: openpyxl.Workbook, **options: Any) -> list[list[str | None]]:
    return list(read_sheet(stored(book), SheetOptions(**options), path="a.xlsx"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"), (-3, "-3"), (0.0, "0"), (19.900000000000002, "19.9"), (0.1 + 0.2, "0.3"), (1e-7, "0.0000001"), (1234567.891, "1234567.891"),
        (1930679858170647, "1930679858170647"), (1930679858170647000, "1.93067985817065e+18"), (True, "true"), (False, "false"),
        ("007", "007"), (" a ", " a "), ("", None), (None, None), ("#N/A", "#N/A"),
        (datetime(2026, 3, 2, 9, 50, 26), "2026-03-02T09:50:26"), (datetime(2026, 3, 2), "2026-03-02T00:00:00"), (date(2026, 3, 2), "2026-03-02T00:00:00"),
        (time(9, 5), "09:05:00"), (timedelta(hours=30, minutes=1), "30:01:00"),
    ],
)  # fmt: skip
def test_a_cell_has_one_text(value: Any, text: str | None) -> None:
    assert cell_text(value) == text


def test_a_sheet_is_read_below_its_header_without_empty_rows() -> None:
    book = workbook(
        ["May"], ["id", "paid at", "id", None, " net\nprice "], [1, datetime(2026, 3, 2, 9, 50), "x", "#N/A", 2.5],
        [None] * 5, [2, None, None], [],
    )  # fmt: skip
    book.active["A7"] = "merged"
    book.active.merge_cells("A7:C8")
    book.active.row_dimensions[3].hidden = True
    options = SheetOptions(skip_lines=1)
    assert column_names(stored(book), options, path="a.xlsx") == ("id", "paid at", "id_2", "_c3", "net price")  # fmt: skip
    assert rows_of(book, skip_lines=1)[1:] == [
        ["1", "2026-03-02T09:50:00", "x", "#N/A", "2.5"],
        ["2"],
        ["merged"],
    ]


def test_days_since_1904_are_the_same_days() -> None:
    book = workbook([datetime(2026, 3, 2, 9, 50)])
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    assert rows_of(book) == [["2026-03-02T09:50:00"]]


def test_a_sheet_is_named_or_is_the_only_visible_one() -> None:
    book = workbook(["a"], Returns=[["b"]])
    for sheet, cell in (("Orders", "a"), ("2", "b"), ("Returns", "b"), ("1", "a")):
        assert rows_of(book, sheet=sheet) == [[cell]]
    with pytest.raises(SourceError, match=r"which sheet\?") as error:
        rows_of(book)
    assert error.value.found == "Orders, Returns"
    with pytest.raises(SourceError, match="there is no sheet '3'"):
        rows_of(book, sheet="3")
    book["Returns"].sheet_state = "hidden"
    assert rows_of(book) == [["a"]]
    assert rows_of(book, sheet="Returns") == [["b"]]
    assert sheet_names(stored(book), path="a.xlsx") == ["Orders"]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orders.csv", "a,b")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old format"),
        (b"PK\x03\x04 and nothing else", "no Excel workbook"),
        (b"<html><table>", "no Excel workbook"),
        (zipped(), "no Excel workbook"),
        (stored(workbook(["a"])).read()[:-200], "no Excel workbook"),
        (stored(workbook()).read(), "the sheet is empty"),
    ],
    ids=["xls", "cut", "html", "zip", "short", "empty"],
)
def test_what_is_no_workbook_is_said(content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as error:
        column_names(io.BytesIO(content), SheetOptions(), path="a.xlsx")
    assert "a.xlsx" in error.value.what
    assert error.value.fix


@pytest.mark.parametrize(
    "options", [{"sep": ";"}, {"skip_lines": "two"}, {"sheet": "A", "multiLine": "true"}]
)
def test_an_option_that_a_workbook_does_not_know_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="an option that a workbook does not know"):
        SheetOptions.of(options, where="m.orders")


def test_infer_proposes_the_format_and_the_sheet(tmp_path: Path) -> None:
    lines = [[f"O{n}", datetime(2026, 3, n + 1, 9), f"P{n % 3}", n + 1, 2.5 * (n % 3) + 1] for n in range(9)]  # fmt: skip
    names = ["order id", "order date", "sku", "quantity", "unit price"]
    file = tmp_path / "orders.xlsx"
    workbook(names, *lines, Notes=[["x"]]).save(file)
    assert sample_file(str(file)).rows == 9
    body = infer_mapping(Config.load(), str(file), kind="orders").body
    assert (body["format"], body["options"], body["where"]) == ("xlsx", {"sheet": "Orders"}, "${data}/*.xlsx")  # fmt: skip
    assert {"order_ref", "happened_at", "product_ref", "quantity", "unit_price"} <= set(body["columns"])  # fmt: skip
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(SourceError, match="old format"):
        infer_mapping(Config.load(), str(tmp_path / "old.xls"), kind="orders")
