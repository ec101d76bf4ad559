"""A frame is held against its contract before anything is written."""

import difflib
from functools import cache
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from clarion.contracts import Table
from clarion.kernel.errors import ContractError


@cache
def schema_of(table: Table) -> T.StructType:
    """The Spark schema of a contract."""
    return cast(T.StructType, T.StructType.fromDDL(table.ddl))


def conform(frame: DataFrame, table: Table) -> DataFrame:
    """The frame with its columns in the contract's order.

    Raises:
        ContractError: a column is missing, unknown or of another type.
    """
    found = {field.name: field.dataType for field in frame.schema.fields}
    for field in schema_of(table).fields:
        if field.name not in found:
            near = difflib.get_close_matches(
                field.name, [name for name in found if name not in table.column_names], n=1
            )
            fix = (
                f"rename '{near[0]}' to '{field.name}'"
                if near
                else f"add '{field.name}' ({field.dataType.simpleString()})"
            )
            raise ContractError(
                f"{table.name}: missing column '{field.name}'", found=", ".join(found), fix=fix
            )
        if _plain(found[field.name]) != _plain(field.dataType):
            raise ContractError(
                f"{table.name}: column '{field.name}' has the wrong type",
                found=found[field.name].simpleString(),
                fix=f"cast it to {field.dataType.simpleString()}",
            )
    extra = [name for name in found if name not in table.column_names]
    if extra:
        raise ContractError(
            f"{table.name}: unknown column '{extra[0]}'",
            found=", ".join(found),
            fix="drop it, or declare it in contracts/",
        )
    return (
        frame
        if tuple(field.name for field in frame.schema.fields) == table.column_names
        else frame.select(*table.column_names)
    )


def _plain(data_type: T.DataType) -> str:
    """The type without nullability, which Delta checks by itself."""
    return data_type.simpleString()


def check_expressions(spark: SparkSession, table: Table) -> None:
    """Analyse each check on an empty frame: Delta itself lets a misspelt column pass until the first insert.

    Raises:
        ContractError: a check cannot be analysed.
    """
    if not table.checks:
        return
    empty = spark.createDataFrame([], schema_of(table))
    try:
        _ = empty.selectExpr(
            *(f"({check.expression}) IS TRUE AS `{check.name}`" for check in table.checks)
        ).schema
    except Exception as error:
        first_line = str(error).splitlines()[0]
        raise ContractError(
            f"{table.name}: a check cannot be understood",
            found=first_line,
            fix="mend it in contracts/",
        ) from error
