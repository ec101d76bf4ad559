"""Excel workbooks (.xlsx) as rows of text; every cell has one canonical form."""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO
from warnings import catch_warnings, simplefilter

from clarion.kernel.errors import SourceError, first_line

MAX_MB = 64  # of a workbook; it is read in the memory of one process
_MAX_UNPACKED_MB = 1024
_MB = 1 << 20
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"  # Excel to 2003, and a workbook with a password
_EXACT = 2**53  # above it a number of Excel has lost digits

Cells = list[str | None]


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """Which part of a workbook is read.

    Args:
        sheet: its name, or its number from 1; empty for the only one that is visible.
        skip_lines: rows above the header.
        has_header: whether the first row names the columns.
    """

    sheet: str = ""
    skip_lines: int = 0
    has_header: bool = True

    @classmethod
    def of(cls, options: Mapping[str, str], *, where: str) -> "SheetOptions":
        """The options as a mapping has them: sheet, skip_lines, header.

        Raises:
            SourceError: an option that a workbook does not know, or a value that it cannot take.
        """
        unknown = sorted(set(options) - {"sheet", "skip_lines", "header"})
        skip_lines = options.get("skip_lines", "0")
        if unknown or not skip_lines.isdecimal():
            raise SourceError(
                f"{where}: an option that a workbook does not know",
                found=", ".join(unknown) or f"skip_lines: {skip_lines}",
                fix="use sheet (name or number), skip_lines (rows above the header), header",
            )
        has_header = options.get("header", "true") == "true"
        return cls(options.get("sheet", ""), int(skip_lines), has_header)


def is_workbook(start: bytes) -> bool:
    """Whether a file that starts so is a workbook, of the new format or of the old one."""
    return start.startswith((_ZIP, _OLE))


def sheet_names(file: BinaryIO, *, path: str) -> list[str]:
    """The visible sheets of a workbook.

    Raises:
        SourceError: the file is no workbook that can be read.
    """
    return [sheet.title for sheet in _visible(_open(file, path))]


def read_sheet(file: BinaryIO, options: SheetOptions, *, path: str) -> Iterator[Cells]:
    """The rows of a sheet that have a value, without the empty cells at their ends.

    Hidden rows and columns are read. A formula has the value that Excel stored. Of merged cells the
    first has the value.

    Args:
        file: the workbook.
        options: what is read.
        path: its path, for messages.

    Raises:
        SourceError: the file is no workbook that can be read, or has no such sheet.
    """
    sheet = _sheet(_open(file, path), options, path)
    sheet.reset_dimensions()  # some writers state them wrongly
    with catch_warnings():
        simplefilter("ignore")  # of dates that are none: they become '#VALUE!'
        for number, values in enumerate(sheet.iter_rows(values_only=True)):
            if number < options.skip_lines:
                continue
            cells = [cell_text(value) for value in values]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                yield cells


def column_names(file: BinaryIO, options: SheetOptions, *, path: str) -> tuple[str, ...]:
    """The columns of a sheet, from its first row; `_c0`, `_c1` where that names none.

    Raises:
        SourceError: the workbook cannot be read, or the sheet is empty.
    """
    first = next(read_sheet(file, options, path=path), None)
    if first is None:
        raise SourceError(
            f"{path}: the sheet is empty",
            found=f"no value below row {options.skip_lines}",
            fix="correct 'sheet' or 'skip_lines' in the mapping's options, or remove the file",
        )
    names: list[str] = []
    for index, cell in enumerate(first):
        name = " ".join((cell or "").split()) if options.has_header else ""
        name = name or f"_c{index}"
        names.append(f"{name}_{index}" if name in names else name)
    return tuple(names)


def cell_text(value: Any) -> str | None:
    """A cell as text.

    Whole numbers have no decimals, others as many digits as Excel keeps (15). A number that has
    lost digits is written as Excel shows it, with its exponent. Times are ISO 8601 without a zone.

    Example:
        >>> cell_text(2.0), cell_text(0.1 + 0.2), cell_text(1e20), cell_text(True)
        ('2', '0.3', '1e+20', 'true')
    """
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case int() | float():
            is_exact = value == int(value) and abs(value) < _EXACT
            shown = str(int(value)) if is_exact else f"{value:.15g}"
            is_large = abs(value) >= _EXACT
            return shown if is_large or "e" not in shown else format(Decimal(shown), "f")
        case datetime():
            return value.isoformat()
        case date():
            return datetime(value.year, value.month, value.day).isoformat()
        case time():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    minutes, seconds = divmod(int(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _open(file: BinaryIO, path: str) -> Any:
    import openpyxl  # takes a third of a second: only where there is a workbook

    start = file.read(8)
    file.seek(0)
    if start.startswith(_OLE):
        raise SourceError(
            f"{path} is an Excel file of the old format (.xls), or has a password",
            found="no .xlsx",
            fix="save it as 'Excel Workbook (.xlsx)' without a password, or as CSV",
        )
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        file.seek(0)
        if unpacked > _MAX_UNPACKED_MB * _MB:
            raise SourceError(
                f"{path} is too large a workbook",
                found=f"{unpacked // _MB:,} MB unpacked; at most {_MAX_UNPACKED_MB:,}",
                fix="save it as CSV, or in parts",
            )
        with catch_warnings():
            simplefilter("ignore")  # of styles, which nobody asks for
            return openpyxl.load_workbook(file, read_only=True, data_only=True)
    except SourceError:
        raise
    except Exception as error:  # zip, XML and openpyxl have no error in common
        raise SourceError(
            f"{path} is no Excel workbook that can be read",
            found=first_line(error),
            fix="deliver the file again, or correct 'format' in the mapping",
        ) from error


def _visible(workbook: Any) -> list[Any]:
    return [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]


def _sheet(workbook: Any, options: SheetOptions, path: str) -> Any:
    sheets = list(workbook.worksheets)
    names = [sheet.title for sheet in sheets]
    if options.sheet in names:
        return sheets[names.index(options.sheet)]
    if options.sheet.isdecimal() and 0 < int(options.sheet) <= len(sheets):
        return sheets[int(options.sheet) - 1]
    visible = _visible(workbook)
    if not options.sheet and len(visible) == 1:
        return visible[0]
    raise SourceError(
        f"{path}: there is no sheet '{options.sheet}'"
        if options.sheet
        else f"{path}: which sheet?",
        found=", ".join(names),
        fix=f"write 'options: {{sheet: {(visible or sheets)[0].title}}}' in the mapping",
    )
