"""How the lines of a delimited text file are made up: separators, quotes, names, odd lines."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from clarion.collect.sources.inference.dates import read_dates
from clarion.collect.sources.mapping import WHITESPACE
from clarion.kernel.errors import SourceError
from clarion.kernel.text import shape

_SEPARATORS = (",", ";", "\t", "|", "^", WHITESPACE)
_SEP_LINE = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_LINES_COMPARED = 300
MAX_RECORDS = 1000
_MAX_PREAMBLE = 40
_MAX_FOOTER = 10
_ROWS_COMPARED = 50  # first rows whose shapes tell a record from a sum


@dataclass(frozen=True, slots=True)
class Row:
    """A record of a file.

    Args:
        line: number of its first line.
        cells: its texts.
        lines: how many lines it takes.
    """

    line: int
    cells: list[str]
    lines: int = 1

    @property
    def is_sparse(self) -> bool:
        """Whether most of it is empty, as of a title over a table."""
        filled = sum(bool(cell.strip()) for cell in self.cells)
        return len(self.cells) > 1 and filled < max(len(self.cells) / 2, 2)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are told apart.

    Args:
        separator: what stands between cells; WHITESPACE for runs of blanks.
        quote: what stands around a cell.
        escape: what stands before a quote within one.
        multi_line: whether a cell may hold line breaks.
    """

    separator: str
    quote: str = '"'
    escape: str = '"'
    multi_line: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """What the lines of a file are.

    Args:
        dialect: how cells are told apart.
        names: of the columns; `_c0`, `_c1`, … where no line names them.
        has_names: whether a line names them.
        before: lines above the names.
        trailing: whether each record ends with a separator that names do not have.
        rows: records.
        repeated: lines that name the columns again.
        footer: lines after the last record.
        odd: other lines with more or fewer cells.
        has_quotes: whether any cell is quoted.
        shared_names: names in the file that several columns have.
    """

    dialect: Dialect
    names: tuple[str, ...]
    has_names: bool
    before: tuple[Row, ...]
    trailing: bool
    rows: tuple[Row, ...]
    repeated: tuple[Row, ...] = field(default=())
    footer: tuple[Row, ...] = field(default=())
    odd: tuple[Row, ...] = field(default=())
    has_quotes: bool = False
    shared_names: tuple[str, ...] = ()


def read_rows(text: str, dialect: Dialect, *, start: int = 1) -> list[Row]:
    """The records of a text; blank lines are none, as for Spark.

    Args:
        text: some lines of the file.
        dialect: how cells are told apart.
        start: number of the first line.

    Raises:
        csv.Error: a cell is too long to be one.
    """
    lines = list(io.StringIO(text, newline=""))
    if dialect.separator == WHITESPACE:
        return [Row(n, line.split()) for n, line in enumerate(lines, start) if line.strip()]
    if dialect.multi_line:
        return _parsed(lines, dialect, start)
    rows: list[Row] = []
    for number, line in enumerate(lines, start):
        rows += _parsed([line], dialect, number)
    return rows


def _parsed(lines: Iterable[str], dialect: Dialect, start: int) -> list[Row]:
    reader = csv.reader(
        lines,
        delimiter=dialect.separator,
        quotechar=dialect.quote,
        doublequote=dialect.escape == '"',
        escapechar=None if dialect.escape == '"' else dialect.escape,
    )
    rows: list[Row] = []
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells) or len(cells) > 1:
            rows.append(Row(start + before, cells, reader.line_num - before))
        before = reader.line_num
    return rows


def find_layout(text: str, *, path: str, is_whole: bool) -> Layout:
    """What the lines of a file are.

    Args:
        text: its beginning.
        path: the file, for messages.
        is_whole: whether that is the whole file; else its last line is cut.

    Raises:
        SourceError: it has no records, no line names its columns as its records have them, or a
            cell is too long to be one.
    """
    try:
        dialect = _find_dialect(text)
        rows = read_rows(text, dialect)
    except csv.Error as error:
        raise SourceError(
            f"{path}: its lines are no records",
            found=str(error),
            fix="deliver it as CSV, or write the mapping by hand",
        ) from error
    if not is_whole:
        rows = rows[:-1]
    if not rows:
        raise SourceError(f"{path} holds no records", fix="name a file that does")
    width = _usual_width(rows)
    layout = _with_names(rows, dialect, width, path)
    has_quotes = dialect.quote in text
    return _without_footer(layout, width, has_quotes=has_quotes, is_whole=is_whole)


def _usual_width(rows: Sequence[Row]) -> int:
    widths = Counter(len(row.cells) for row in rows)
    return max(widths, key=lambda width: (widths[width], width))


def _find_dialect(text: str) -> Dialect:
    lines = list(io.StringIO(text, newline=""))
    first = next((line.strip() for line in lines if line.strip()), "")
    start = "".join(lines[:_LINES_COMPARED])
    if stated := _SEP_LINE.match(first):
        separator = stated[1]
    else:
        separator = max(_SEPARATORS, key=lambda item: _consistency(start, Dialect(item))[0])
    if separator == WHITESPACE and _consistency(start, Dialect(separator))[0] == 0:
        separator = ","
    if separator == WHITESPACE:
        return Dialect(separator)
    quote = "'" if '"' not in text and _has_single_quotes(start, separator) else '"'
    candidates = [
        Dialect(separator, quote, escape, multi_line)
        for escape in ('"', "\\")
        for multi_line in (False, True)
        if escape == '"' or f"\\{quote}" in text
    ]
    return max(candidates, key=lambda item: _consistency(text, item)[1])


def _has_single_quotes(text: str, separator: str) -> bool:
    """Whether cells stand between single quotes: as many end with one as begin with one."""
    sign = re.escape(separator)
    opened = len(re.findall(rf"(?:^|{sign})'", text, re.MULTILINE))
    closed = len(re.findall(rf"'(?:{sign}|\r?$)", text, re.MULTILINE))
    whole = len(re.findall(rf"(?:^|{sign})'[^'\n]*'(?={sign}|\r?$)", text, re.MULTILINE))
    return whole > 0 and opened == closed


def _consistency(text: str, dialect: Dialect) -> tuple[float, float]:
    """How well a dialect tells cells apart: for separators, and for quotes.

    The first is the share of lines in records of the usual width, times 1 - 1 / width. The second
    is that share, less the cells with a quote that neither opens nor closes them.
    """
    rows = read_rows(text, dialect)
    if not rows:
        return 0.0, 0.0
    width = _usual_width(rows)
    usual = [row for row in rows if len(row.cells) == width]
    share = sum(row.lines for row in usual) / sum(row.lines for row in rows)
    factor = 1 - 1 / width if width else 0.0
    if dialect.separator == WHITESPACE:
        # Every text has blanks: they separate cells where nothing else does.
        factor *= 0.5 if share > 0.8 else 0
    stray = sum(
        cell.count(dialect.quote) + (cell.count("\\") if dialect.escape == '"' else 0)
        for row in usual
        for cell in row.cells
        if re.search(rf"\\{dialect.quote}|\\[^{dialect.quote}]*{dialect.quote}$", cell)
    )
    return share * factor, share - 0.5 * stray / sum(row.lines for row in rows)


def _with_names(rows: list[Row], dialect: Dialect, width: int, path: str) -> Layout:
    """The layout with the line that names the columns; records are all that follow."""
    before: list[Row] = []
    for index, row in enumerate(rows[:_MAX_PREAMBLE]):
        following = rows[index + 1 :]
        trailing = len(row.cells) == width - 1 and _all_end_empty(following, width)
        is_candidate = len(row.cells) == width or trailing
        if is_candidate and not row.is_sparse:
            if _names_columns(row):
                _refuse_control_characters(row, path)
                names = safe_names([*row.cells, ""] if trailing else row.cells)
                return Layout(
                    dialect,
                    names,
                    True,
                    tuple(before),
                    trailing,
                    tuple(following),
                    shared_names=_shared_names(row.cells),
                )
            break
        before.append(row)
    above = before[-1] if before else None
    if above and not above.is_sparse and len(above.cells) > 1 and _names_columns(above):
        raise SourceError(
            f"{path}: line {above.line} names {len(above.cells)} columns, "
            f"and the records have {width}",
            found=dialect.separator.join(above.cells)[:80],
            fix="deliver it with a name for each column",
        )
    skipped = {row.line for row in before}
    names = tuple(f"_c{index}" for index in range(width))
    records = tuple(row for row in rows if row.line not in skipped)
    if before and all(len(row.cells) == width for row in before):
        before, records = [], tuple(rows)
    return Layout(dialect, names, False, tuple(before), False, records)


def _refuse_control_characters(row: Row, path: str) -> None:
    if any(char < " " for cell in row.cells for char in cell):
        raise SourceError(
            f"{path}: line {row.line} names columns with control characters",
            found=repr(" ".join(row.cells))[:80],
            fix="deliver the file as text in UTF-8",
        )


def _all_end_empty(rows: Sequence[Row], width: int) -> bool:
    whole = [row for row in rows if len(row.cells) == width]
    return bool(whole) and all(not row.cells[-1].strip() for row in whole)


def _names_columns(row: Row) -> bool:
    """Whether no cell is a number, a date or an address."""
    cells = [cell.strip() for cell in row.cells if cell.strip()]
    return bool(cells) and not any(
        _NUMBER.match(cell) or "://" in cell or "@" in cell or read_dates([cell]).is_time
        for cell in cells
    )


def safe_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names as Spark makes them: repeated ones with their index, missing ones by it."""
    lower = Counter(cell.lower() for cell in cells)
    return tuple(
        f"_c{index}" if not cell else f"{cell}{index}" if lower[cell.lower()] > 1 else cell
        for index, cell in enumerate(cells)
    )


def _shared_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names that several columns have, whatever their case; each as it stands first."""
    by_name: dict[str, list[str]] = {}
    for cell in filter(None, cells):
        by_name.setdefault(cell.lower(), []).append(cell)
    return tuple(same[0] for same in by_name.values() if len(same) > 1)


def _without_footer(layout: Layout, width: int, *, has_quotes: bool, is_whole: bool) -> Layout:
    rows = list(layout.rows)
    footer: list[Row] = []
    first_rows = [row for row in rows[:_ROWS_COMPARED] if len(row.cells) == width]
    while is_whole and rows and len(footer) < _MAX_FOOTER:
        if not _is_footer(rows[-1], width, first_rows):
            break
        footer.insert(0, rows.pop())
    header = [cell for cell in layout.names if not cell.startswith("_c")]
    records: list[Row] = []
    repeated: list[Row] = []
    odd: list[Row] = []
    for row in rows:
        if layout.has_names and [cell for cell in row.cells if cell] == header:
            repeated.append(row)
        else:
            (records if len(row.cells) == width else odd).append(row)
    if len(footer) == len(layout.rows):  # nothing is left to end
        footer, odd = [], [*footer, *odd]
    return replace(
        layout,
        rows=tuple(records),
        repeated=tuple(repeated),
        footer=tuple(footer),
        odd=tuple(odd),
        has_quotes=has_quotes,
    )


def _is_footer(row: Row, width: int, first_rows: Sequence[Row]) -> bool:
    """Whether a last line is no record: it has fewer cells, or one unlike its column above all.

    A line of an order that states little, as exports write them, begins as the others do.
    """
    if len(row.cells) != width:
        return len(row.cells) < width
    if not row.is_sparse:
        return False
    index = next((index for index, cell in enumerate(row.cells) if cell.strip()), None)
    if index is None:
        return True
    shapes = {_shape(other, index) for other in first_rows if other is not row}
    return _shape(row, index) not in shapes


def _shape(row: Row, index: int) -> str:
    return shape(row.cells[index].strip(), limit=None, merges=True)
