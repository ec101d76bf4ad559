"""One SELECT over layer.table names, and nothing else."""

import csv
import difflib
import io
import json
import re

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row
from rich.console import Console
from rich.table import Table as RichTable

from clarion.contracts import TABLES, Table
from clarion.kernel.errors import UsageError, first_line
from clarion.lake import Lake

_TABLE_NAME = re.compile(r"\b(bronze|silver|gold|live|ops|vault)\.([a-z_]+)\b", re.IGNORECASE)
_PATH = re.compile(r"\b(delta|parquet|csv|json|text|orc|binaryfile)\s*\.\s*`", re.IGNORECASE)
_NOT_FOUND = re.compile(r"TABLE_OR_VIEW_NOT_FOUND.*?`([^`]+)`(?:\.`([^`]+)`)?", re.DOTALL)


def execute_query(lake: Lake, sql: str) -> DataFrame:
    """The result of a query.

    Each table that the query names is registered in the session's catalog. The text must parse as
    the body of a view, so that only a SELECT is accepted.

    Args:
        lake: the tables.
        sql: one SELECT over layer.table names.

    Raises:
        UsageError: no SELECT, an unknown table, the vault, or a path.
    """
    if _PATH.search(sql):
        raise UsageError(
            "a query names tables, not paths",
            found=sql,
            fix="write layer.table, see 'clarion tables'",
        )
    for layer, name in sorted(set(_TABLE_NAME.findall(sql))):
        full_name = f"{layer}.{name}".lower()
        if layer.lower() == "vault":
            raise UsageError(
                "the vault cannot be queried",
                found=full_name,
                fix="ask the person who keeps the keys",
            )
        if full_name in TABLES:  # otherwise it may be a column of an alias; Spark checks that
            _register(lake, TABLES[full_name])
    body = sql.strip().rstrip(";")
    try:
        lake.spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW clarion_query AS {body}")
        return lake.spark.table("clarion_query")
    except PySparkException as error:
        raise UsageError(
            "the query is invalid", found=first_line(error), fix=_fix(str(error))
        ) from error


def _register(lake: Lake, table: Table) -> None:
    """Make a table of a lake in a folder known by its name.

    Raises:
        UsageError: it was never written.
    """
    if lake.catalog is not None:
        return
    lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {table.layer}")
    lake.spark.sql(f"DROP TABLE IF EXISTS {table.name}")
    if not lake.exists(table):
        raise UsageError(
            f"{table.name} was not written yet",
            found=f"no such table in {lake.root}",
            fix="run the job that writes it (see 'clarion jobs'), or name another lake with --lake",
        )
    lake.spark.sql(f"CREATE TABLE {table.name} USING delta LOCATION '{lake.path(table)}'")


def _fix(message: str) -> str:
    """How to correct a query that Spark refuses."""
    missing = _NOT_FOUND.search(message)
    if missing is None:
        return "write one SELECT over layer.table names"
    similar = similar_tables(".".join(part for part in missing.groups() if part))
    hint = f"did you mean '{similar[0]}'? " if similar else ""
    return f"{hint}Names are layer.table, see 'clarion tables'"


def similar_tables(name: str) -> list[str]:
    """Tables whose names resemble a name, with or without its layer; the closest first."""
    by_short_name = {table.short_name: full_name for full_name, table in TABLES.items()}
    if name in by_short_name:
        return [by_short_name[name]]
    matches = difflib.get_close_matches(name, [*TABLES, *by_short_name], n=3)
    return list(dict.fromkeys(by_short_name.get(match, match) for match in matches))


def format_result(frame: DataFrame, *, form: str, limit: int) -> str:
    """At most `limit` rows as text.

    Args:
        frame: result of a query.
        form: table, csv or json (a line for each row).
        limit: most rows.
    """
    rows = frame.limit(limit + 1).collect()
    shown = rows[:limit]
    if form == "json":
        return "\n".join(
            json.dumps(row.asDict(recursive=True), default=str, ensure_ascii=False) for row in shown
        )
    if form == "csv":
        return _csv(frame.columns, shown)
    table = RichTable(*frame.columns)
    for row in shown:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console(width=max(80, min(220, 24 * len(frame.columns))))
    with console.capture() as capture:
        console.print(table)
    more = f"\nonly the first {limit} rows are shown (--limit)" if len(rows) > limit else ""
    return capture.get().rstrip("\n") + more


def _csv(columns: list[str], rows: list[Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if value is None else _escape_formula(value) for value in row])
    return buffer.getvalue().rstrip("\n")


def _escape_formula(value: object) -> object:
    """The value; with an apostrophe in front where a spreadsheet would run it as a formula.

    OWASP advises so for CSV files.
    """
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
