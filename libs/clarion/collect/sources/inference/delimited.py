"""A sample of a delimited text file, and the options and layout by which Spark reads it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarion.collect.sources.inference.encodings import Encoding
from clarion.collect.sources.inference.file_bytes import FileParts
from clarion.collect.sources.inference.layout import (
    MAX_RECORDS,
    Layout,
    Row,
    find_layout,
    read_rows,
)
from clarion.collect.sources.mapping import WHITESPACE
from clarion.kernel import sql
from clarion.kernel.expressions import column_name
from clarion.kernel.text import shape

_SHOWN = 3
_SURE = 0.95


@dataclass(frozen=True, slots=True)
class Delimited:
    """What was read of a delimited text file; see `Sample`."""

    options: Mapping[str, Any]
    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    layout: Mapping[str, Any]
    has_odd_lines: bool
    notes: tuple[str, ...]


def read_delimited(parts: FileParts, encoding: Encoding, content: str, *, path: str) -> Delimited:
    """A sample of a file's records, from its beginning and from each megabyte after it.

    Args:
        parts: what was read of the file.
        encoding: of its text.
        content: its beginning as text.
        path: the file, for messages.

    Raises:
        SourceError: it has no records, or no line names its columns as its records have them.
    """
    layout = find_layout(content, path=path, is_whole=parts.is_whole)
    rows = [*layout.rows[:MAX_RECORDS], *_later_rows(parts, encoding, layout)]
    columns = {
        name: [row.cells[index] or None for row in rows] for index, name in enumerate(layout.names)
    }
    stated, notes = _stated_layout(layout)
    if layout.trailing:
        columns.pop(layout.names[-1])
    odd = layout.odd
    if odd:
        notes.append(
            f"malformed: {_named_lines(odd)} not {len(layout.names)} cells as the others; "
            "such lines are quarantined"
        )
    if encoding.note:
        notes.append(encoding.note)
    options = _options(layout, encoding)
    return Delimited(options, columns, [row.line for row in rows], stated, bool(odd), tuple(notes))


def _later_rows(parts: FileParts, encoding: Encoding, layout: Layout) -> list[Row]:
    """Whole records of the later parts; their first and last lines are cut."""
    if layout.dialect.multi_line:
        return []  # a part may begin within a cell
    rows: list[Row] = []
    for before, part in parts.parts:
        text = part.decode(encoding.codec, errors="ignore")
        found = read_rows(text, layout.dialect, start=before + 1)[1:-1]
        rows += [row for row in found if len(row.cells) == len(layout.names)]
    return rows


def _options(layout: Layout, encoding: Encoding) -> dict[str, Any]:
    """The options of Spark's reader; only those that differ from its defaults."""
    dialect = layout.dialect
    options: dict[str, Any] = {"header": True} if layout.has_names else {}
    options |= {"sep": dialect.separator} if dialect.separator != "," else {}
    options |= {"encoding": encoding.name} if encoding.name != "UTF-8" else {}
    if layout.has_quotes and dialect.separator != WHITESPACE:
        options |= {"quote": dialect.quote} if dialect.quote != '"' else {}
        options |= {"escape": dialect.quote if dialect.escape == '"' else dialect.escape}
    # Spark ends a line of UTF-16 within a letter, unless it reads the whole file as one.
    is_wide = encoding.name.startswith("UTF-16")
    return options | ({"multiLine": True} if dialect.multi_line or is_wide else {})


def _stated_layout(layout: Layout) -> tuple[dict[str, Any], list[str]]:
    """What a mapping states of lines that are no records, and notes on them."""
    stated: dict[str, Any] = {}
    notes: list[str] = []
    if layout.before:
        stated["lines_before"] = len(layout.before)
        notes.append(
            f"layout: {_named_lines(layout.before)} above the columns' names and left out: "
            f"'{_shown(layout.before[0])}'"
        )
    if layout.trailing:
        stated["trailing_separator"] = True
        notes.append("layout: each record ends with a separator that the columns' names lack")
    for name in layout.shared_names:
        same = [n for n in layout.names if re.fullmatch(rf"{re.escape(name)}[0-9]+", n, re.I)]
        notes.append(
            f"columns: {len(same)} are called '{name}'; Spark calls them {' and '.join(same)}; "
            "see that the mapping takes the one that is meant"
        )
    for what, found in (
        ("below the last record", layout.footer),
        ("the columns' names again", layout.repeated),
    ):
        if found:
            notes.append(
                f"layout: {_named_lines(found)} {what} and left out by 'skip': '{_shown(found[0])}'"
            )
    conditions = [_condition(row, layout) for row in (*layout.footer, *layout.repeated)]
    if conditions:
        stated["skip"] = " OR ".join(dict.fromkeys(conditions))
    return stated, notes


def _condition(row: Row, layout: Layout) -> str:
    """SQL that is true for a line that is no record, whatever its numbers are."""
    index, cell = next(
        ((index, cell) for index, cell in enumerate(row.cells) if cell.strip()), (0, "")
    )
    name = column_name(layout.names[index])
    if list(row.cells) == [cell for cell in layout.names if not cell.startswith("_c")]:
        return f"{name} = {sql.text(cell)}"
    words = re.split(r"[0-9]+(?:[.,:/-][0-9]+)*", cell.strip())
    pattern = "[0-9.,:/-]+".join(re.escape(word) for word in words)
    return f"trim({name}) RLIKE {sql.text(f'^{pattern}$')}"


def _named_lines(rows: Sequence[Row]) -> str:
    numbers = ", ".join(str(row.line) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"line {numbers}{more} is" if len(rows) == 1 else f"lines {numbers}{more} are"


def _shown(row: Row) -> str:
    return shape(" ".join(cell for cell in row.cells if cell))
