"""One SELECT over layer.table names, and nothing else."""

import json
import re

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from rich.console import Console
from rich.table import Table as RichTable

from clarion.contracts import TABLES
from clarion.kernel.errors import UsageError, first_line
from clarion.lake import Lake

_NAME = re.compile(r"\b(bronze|silver|gold|live|ops|vault)\.([a-z_]+)\b", re.IGNORECASE)


def execute(lake: Lake, sql: str) -> DataFrame:
    """The result of a query.

    Each table it names is registered in the session's catalog; the text must parse as the body of a view, so that
    nothing but a SELECT is understood.

    Raises:
        UsageError: no SELECT, an unknown table, the vault, or a path.
    """
    if re.search(r"\b(delta|parquet|csv|json|text|orc|binaryfile)\s*\.\s*`", sql, re.IGNORECASE):
        raise UsageError(
            "a query names tables, not paths",
            found=sql,
            fix="write layer.table, see 'clarion tables'",
        )
    for layer, name in sorted(set(_NAME.findall(sql))):
        full = f"{layer}.{name}".lower()
        if layer.lower() == "vault":
            raise UsageError(
                "the vault cannot be queried", found=full, fix="ask the person who keeps the keys"
            )
        if full not in TABLES:
            continue  # may be a column of an alias; Spark says so if it is not
        table = TABLES[full]
        if lake.catalog is None:
            lake.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {table.layer}")
            lake.spark.sql(f"DROP TABLE IF EXISTS {full}")
            if not lake.exists(table):
                raise UsageError(
                    f"{full} was not written yet",
                    fix="run the job that writes it, see 'clarion jobs'",
                )
            lake.spark.sql(f"CREATE TABLE {full} USING delta LOCATION '{lake.path(table)}'")
    try:
        lake.spark.sql(
            f"CREATE OR REPLACE TEMPORARY VIEW clarion_query AS {sql.strip().rstrip(';')}"
        )
        return lake.spark.table("clarion_query")
    except PySparkException as error:
        raise UsageError(
            "this is no query",
            found=first_line(error),
            fix="write one SELECT over layer.table names",
        ) from error


def printed(frame: DataFrame, *, form: str, limit: int) -> str:
    """At most `limit` rows as a table, CSV or JSON lines."""
    rows = frame.limit(limit + 1).collect()
    shown = rows[:limit]
    if form == "json":
        return "\n".join(
            json.dumps(row.asDict(recursive=True), default=str, ensure_ascii=False) for row in shown
        )
    if form == "csv":
        import csv
        import io

        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(frame.columns)
        writer.writerows(
            [["" if value is None else _harmless(value) for value in row] for row in shown]
        )
        return buffer.getvalue().rstrip("\n")
    table = RichTable(*frame.columns)
    for row in shown:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console(width=max(80, min(220, 24 * len(frame.columns))))
    with console.capture() as capture:
        console.print(table)
    more = f"\nonly the first {limit} rows are shown (--limit)" if len(rows) > limit else ""
    return capture.get().rstrip("\n") + more


def _harmless(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front, as OWASP advises for CSV files."""
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )
