"""What a table's log says about a slice, without a query."""

import re
from datetime import date
from typing import Any, Literal

Occupancy = Literal["empty", "filled", "unknown"]
_ONE_DAY = re.compile(r"`?(\w+)`? = DATE'(\d{4}-\d{2}-\d{2})'")


def day_occupancy(folder: str, where: str) -> Occupancy:
    """Whether a table has rows of a day, by the first and last day of each of its files.

    Reading the log takes 10 ms, a query 0.3 s and three Spark jobs.

    Args:
        folder: the table, as it is on disk: versions of other processes count.
        where: condition in SQL; of any other form than `column = DATE'...'` nothing is known.
    """
    condition = _ONE_DAY.fullmatch(where)
    if condition is None:
        return "unknown"
    column, day = condition[1], date.fromisoformat(condition[2])
    files = _files(folder)
    if files is None:
        return "unknown"
    known = {_in_file(file, column, day) for file in files}
    if "filled" in known:
        return "filled"
    return "unknown" if "unknown" in known else "empty"


def _in_file(file: dict[str, Any], column: str, day: date) -> Occupancy:
    first, last = file.get(f"min.{column}"), file.get(f"max.{column}")
    if not (type(first) is date and type(last) is date):
        return "unknown"  # no statistics, or a column that has no days
    if day < first or last < day:
        return "empty"
    return "filled" if first == last else "unknown"


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
