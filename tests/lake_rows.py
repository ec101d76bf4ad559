"""Rows written straight into a lake, of which a test states only the columns it speaks of."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import types as T

from clarion.contracts import TABLES
from clarion.lake import Lake
from clarion.lake.checks import schema_of
from clarion.measures.columns.frames import local_frame

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def append_rows(lake: Lake, name: str, *rows: dict[str, Any]) -> None:
    """Append rows to a table; a column that a row does not state is null, or something plain where it may not be."""
    table = TABLES[name]
    fields = {field.name: field.dataType for field in schema_of(table).fields}
    plain = {
        column.name: None if column.nullable else _plain(fields[column.name])
        for column in table.columns
    }
    values = [tuple((plain | row)[column] for column in table.column_names) for row in rows]
    lake.append(table, local_frame(lake.spark, values, table.ddl))


def _plain(kind: T.DataType) -> Any:
    if isinstance(kind, T.ArrayType):
        return []
    if isinstance(kind, T.MapType):
        return {}
    values: dict[str, Any] = {
        "string": "",
        "boolean": False,
        "date": date(2020, 1, 1),
        "timestamp": LONG_AGO,
        "double": 1.0,
        "int": 1,
        "bigint": 1,
    }
    return Decimal(1) if isinstance(kind, T.DecimalType) else values[kind.simpleString()]


def consent(
    customer: str,
    purpose: str,
    *,
    granted: bool = True,
    at: datetime = LONG_AGO,
    channel: str = "*",
) -> dict[str, Any]:
    """A row of silver.consents that the shop knew of as it was stated."""
    return {
        "record_id": f"{customer}/{purpose}/{at.isoformat()}",
        "customer_id": customer,
        "purpose": purpose,
        "channel": channel,
        "granted": granted,
        "basis": "recorded",
        "at": at,
        "arrived_at": at,
    }
