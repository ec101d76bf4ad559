"""What a table's log says about a slice, without a query."""

import re
from datetime import date
from typing import Any, Literal

Occupancy = Literal["empty", "filled", "unknown"]
_ONE_DAY = re.compile(r"`?(\w+)`? = DATE'(\d{4}-\d{2}-\d{2})'")
_SOME_NAMES = re.compile(r"`?(\w+)`? IN \(('[^'\\]*'(?:, '[^'\\]*')*)\)")
_WHOLE_TEXT = 32  # characters; of longer texts the statistics have the beginning


def slice_occupancy(folder: str, where: str) -> Occupancy:
    """Whether a table has rows of a slice, by the first and last value of each of its files.

    Reading the log takes 10 ms, a query 0.3 s and three Spark jobs.

    Args:
        folder: the table, as it is on disk: versions of other processes count.
        where: condition in SQL; of any other form than `column = DATE'...'` or
            `column IN ('...', '...')` nothing is known.
    """
    condition = _values(where)
    files = _files(folder) if condition else None
    if condition is None or files is None:
        return "unknown"
    column, values = condition
    known = {_in_file(file, column, value) for file in files for value in values}
    if "filled" in known:
        return "filled"
    return "unknown" if "unknown" in known else "empty"


def _values(where: str) -> tuple[str, list[date] | list[str]] | None:
    """The column of a condition and the values that it takes; None for any other condition."""
    if day := _ONE_DAY.fullmatch(where):
        return day[1], [date.fromisoformat(day[2])]
    if names := _SOME_NAMES.fullmatch(where):
        return names[1], names[2][1:-1].split("', '")
    return None


def _in_file(file: dict[str, Any], column: str, value: Any) -> Occupancy:
    first: Any = file.get(f"min.{column}")
    last: Any = file.get(f"max.{column}")
    if not (type(first) is type(value) and type(last) is type(value)):
        return "unknown"  # no statistics, or a column of another type
    if value < first or last < value:
        return "empty"
    is_whole = isinstance(first, date) or len(first) < _WHOLE_TEXT
    return "filled" if first == last and is_whole else "unknown"


def _files(folder: str) -> list[dict[str, Any]] | None:
    """The files of the newest version, each with its statistics; None where Spark alone can say."""
    import pyarrow as pa
    from deltalake import DeltaTable  # 0.1 s of processor time to import: only writers pay
    from deltalake.exceptions import DeltaError

    try:
        actions = DeltaTable(folder).get_add_actions(flatten=True)
    except DeltaError:
        return None  # such as a feature of the table that only Spark knows
    files: list[dict[str, Any]] = pa.table(actions).to_pylist()
    return files
