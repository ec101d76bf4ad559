"""How rows get into a table: counted, retried after a conflict, and with errors a user can read."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from clarion.contracts import Column, Table
from clarion.kernel.errors import ContractError, QualityError
from clarion.lake.location import Location

T = TypeVar("T")
_VIOLATED_CHECK = re.compile(
    r"CHECK constraint (\S+) .*?violated by row with values:\s*(.*?)(?:\n\s*at |\Z)", re.DOTALL
)
_VIOLATED_NOT_NULL = re.compile(r"NOT NULL constraint violated for column: (\S+?)\.?\s")
_OUTSIDE = "a row lies outside the slice that is replaced"
_CONFLICTS = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds; an OPTIMIZE or another job's write is over by then


def run_write(table: Table, write: Callable[[], T]) -> T:
    """What a write returns; after a conflict with another write it is retried.

    Args:
        table: what is written.
        write: writes; it may be called several times.

    Raises:
        QualityError: a row violates a check.
        ContractError: a row lies outside the slice.
    """
    for pause in (*_PAUSES, None):
        try:
            return write()
        except _CONFLICTS:
            if pause is None:
                raise
            time.sleep(pause)
        except (Py4JJavaError, PySparkException) as error:
            raise _readable_error(error, table) from error
    raise AssertionError("the last attempt returns or raises")


def write_rows(
    frame: DataFrame, table: Table, location: Location, *, instead_of: str | None = None
) -> int:
    """Add rows, in place of those for which a condition holds; returns how many were added.

    Args:
        frame: rows in the table's shape.
        table: where they go.
        location: the lake.
        instead_of: condition in SQL on the rows that are replaced; None adds.
    """
    rows = Observation()
    counted = frame.observe(rows, F.count(F.lit(1)).alias("rows"))
    if location.catalog:
        by_name = counted.writeTo(location.address(table))
        if instead_of is None:
            by_name.append()
        else:
            by_name.overwrite(F.expr(instead_of))
    else:
        by_path = counted.write.format("delta").mode("append")
        if instead_of is not None:
            by_path = by_path.mode("overwrite").option("replaceWhere", instead_of)
        by_path.save(location.path(table))
    return int(rows.get["rows"])


def refuse_outside(frame: DataFrame, where: str) -> DataFrame:
    """The frame; its write fails where a row lies outside a slice.

    Args:
        frame: any rows.
        where: the slice, a condition in SQL.
    """
    is_inside = F.coalesce(F.expr(where), F.lit(False))
    refusal = F.raise_error(F.lit(_OUTSIDE)).cast("boolean")
    return frame.where(F.when(is_inside, True).otherwise(refusal))


def differs(column: Column) -> str:
    """The condition in SQL that target `t` and source `s` differ in a column.

    Maps have no order of their own, their JSON has.
    """
    form = "to_json({}.`{}`)" if column.type.startswith("map") else "{}.`{}`"
    return f"NOT {form.format('t', column.name)} <=> {form.format('s', column.name)}"


def _readable_error(error: Exception, table: Table) -> Exception:
    """A violated check or slice as an error of ours; anything else as it came."""
    text = str(error)
    if _OUTSIDE in text or "DELTA_REPLACE_WHERE_MISMATCH" in text:
        return ContractError(
            f"{table.name}: {_OUTSIDE}", fix="nothing was written; filter the frame to the slice"
        )
    if violated := _VIOLATED_CHECK.search(text):
        name, row = violated.groups()
        condition = next((check.expression for check in table.checks if check.name == name), name)
        values = "; ".join(part.strip(" -\n") for part in row.splitlines() if part.strip())[:300]
        return QualityError(
            f"{table.name}: a row violates '{name}': {condition}",
            found=values,
            fix="nothing was written; correct the rows or the rule",
        )
    if violated := _VIOLATED_NOT_NULL.search(text):
        return QualityError(
            f"{table.name}: column '{violated.group(1)}' is null",
            fix="nothing was written; correct the rows or declare it nullable",
        )
    return error
