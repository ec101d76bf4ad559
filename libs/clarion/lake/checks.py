"""Compares a frame with its contract before anything is written."""

import difflib
from functools import cache
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from clarion.contracts import Table
from clarion.kernel.errors import ContractError, first_line
from clarion.measures.columns.frames import local_frame


@cache
def schema_of(table: Table) -> T.StructType:
    """The Spark schema of a contract."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def conform(frame: DataFrame, table: Table) -> DataFrame:
    """The frame with its columns in the contract's order.

    Delta itself checks that no value is null where none may be.

    Args:
        frame: rows.
        table: the contract.

    Raises:
        ContractError: a column is missing, unknown or of another type.
    """
    types = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    extra = [name for name in types if name not in table.column_names]
    for field in schema_of(table).fields:
        declared_type = field.dataType.simpleString()
        if field.name not in types:
            near = difflib.get_close_matches(field.name, extra, n=1)
            rename = f"rename '{near[0]}' to '{field.name}'" if near else None
            raise ContractError(
                f"{table.name}: missing column '{field.name}'",
                found=", ".join(types),
                fix=rename or f"add '{field.name}' ({declared_type})",
            )
        if types[field.name] != declared_type:
            raise ContractError(
                f"{table.name}: column '{field.name}' has the wrong type",
                found=types[field.name],
                fix=f"cast it to {declared_type}",
            )
    if extra:
        raise ContractError(
            f"{table.name}: unknown column '{extra[0]}'",
            found=", ".join(types),
            fix="drop it, or declare it in contracts/",
        )
    return frame if tuple(types) == table.column_names else frame.select(*table.column_names)


def check_expressions(spark: SparkSession, table: Table) -> None:
    """Analyse each check on an empty frame.

    Delta itself accepts a misspelt column until the first insert.

    Args:
        spark: the session.
        table: the contract.

    Raises:
        ContractError: a check cannot be analysed.
    """
    if not table.checks:
        return
    empty = local_frame(spark, [], schema_of(table))
    try:
        _ = empty.selectExpr(
            *(f"({check.expression}) IS TRUE AS `{check.name}`" for check in table.checks)
        ).schema
    except Exception as error:
        raise ContractError(
            f"{table.name}: a check is invalid",
            found=first_line(error),
            fix="correct it in contracts/",
        ) from error
