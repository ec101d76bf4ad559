"""Whether the expressions of a mapping are valid over the columns that a source has."""

from pyspark.sql import SparkSession

from clarion.collect.sources.mapping import Source
from clarion.contracts.sources import ORDER_FIELDS
from clarion.kernel import sql
from clarion.kernel.errors import SourceError
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.columns.frames import local_frame

# Cleaning reads these from text, whatever the expression gives.
_FROM_TEXT = ("string", "timestamp")
# It reads numbers from text, too; of an expression that must give a double, a text is refused.
_CAST_TO = {"double": "float"}


def check_mapping(spark: SparkSession, source: Source, columns: tuple[str, ...]) -> None:
    """Refuse a mapping with an expression that the source's columns cannot give.

    Args:
        spark: the session.
        source: the source.
        columns: its columns; empty where each record states its own.

    Raises:
        SourceError: an expression is invalid, gives a type that its column cannot take, or reads a
            value of the line from a column that is filled from the line above.
    """
    _refuse_shared_columns(source, columns)
    names = columns or source.columns_used(source.names_used)
    schema = ", ".join(f"{sql.name(name)} string" for name in names)
    expressions = [
        UserSql(
            where=expression.where,
            text=expression.over or expression.sql,
            sql=expression.try_sql,
            result=_result_type(source, name),
        )
        for name, expression in source.columns.items()
    ]
    if skip := source.layout.skip:
        where = f"mapping {source.name}.layout.skip"
        expressions.append(UserSql(where=where, text=skip, result=CONDITION))
    check_user_sql(local_frame(spark, [], schema), expressions, error=SourceError)


def _refuse_shared_columns(source: Source, columns: tuple[str, ...]) -> None:
    """Refuse a text that is filled from the line above and counts as a value of the line, too."""
    filled = {
        column: name
        for name in source.from_above
        for column in source.columns[name].columns(columns)
    }
    for name, expression in source.columns.items():
        shared = [column for column in expression.columns(columns) if column in filled]
        if shared and name not in (*ORDER_FIELDS, "order_ref", *source.from_above):
            raise SourceError(
                f"{expression.where}: '{shared[0]}' is repeated over the lines of its order, "
                f"because '{filled[shared[0]]}' is filled from above",
                found=expression.over or expression.sql,
                fix=f"compute '{name}' from columns that state it for the line",
            )


def _result_type(source: Source, name: str) -> str:
    column = source.kind.column(name)
    if column is None or name in source.personal or column.type in _FROM_TEXT or column.words:
        return ""
    return _CAST_TO.get(column.type, column.type)
