"""A stored table and its contract: new nullable columns are added, other changes are refused."""

from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.contracts import Column, Table
from clarion.kernel.errors import ContractError
from clarion.lake.checks import schema_of


def apply_new_columns(spark: SparkSession, table: Table, address: str) -> list[str]:
    """Add the columns that the contract has gained; returns their names.

    Args:
        spark: the session.
        table: the contract.
        address: name of the stored table in SQL.

    Raises:
        ContractError: the stored table differs in another way.
    """
    stored = {field.name: field for field in spark.table(address).schema.fields}
    declared = {field.name: field for field in schema_of(table).fields}
    for name, field in stored.items():
        stored_type = field.dataType.simpleString()
        if name not in declared or declared[name].dataType.simpleString() != stored_type:
            raise ContractError(
                f"{table.name}: the stored column '{name}' differs from the contract",
                found=f"{name} {stored_type}",
                fix=f"rebuild the table: remove {address} and run its job again for each day",
            )
    new = _new_columns(table, stored)
    if new:
        columns = ", ".join(f"`{column.name}` {column.type}" for column in new)
        spark.sql(f"ALTER TABLE {address} ADD COLUMNS ({columns})")
    return [column.name for column in new]


def with_new_columns(stored: DataFrame, table: Table) -> DataFrame:
    """The rows of a table that was not written since its contract gained columns; those are null.

    Args:
        stored: the rows.
        table: the contract.

    Raises:
        ContractError: a new column may not be null.
    """
    new = _new_columns(table, stored.columns)
    nulls = {column.name: F.lit(None).cast(column.type) for column in new}
    return stored.withColumns(nulls).select(*table.column_names)


def _new_columns(table: Table, stored: Iterable[str]) -> list[Column]:
    """Columns of the contract that are not stored; each of them may be null."""
    names = list(stored)
    new = [column for column in table.columns if column.name not in names]
    for column in new:
        if not column.nullable:
            raise ContractError(
                f"{table.name}: the contract has a new column '{column.name}' that may not be null",
                found=", ".join(names),
                fix="declare it nullable, or rebuild the table",
            )
    return new
