"""SQL expressions that users write: whether they are valid over some columns."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.kernel.errors import ClarionError, ConfigError, first_line
from clarion.kernel.expressions import names, refuse_unsafe_sql
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.columns.frames import local_frame

CONDITION = "boolean"
_NUMBER = "double"
_SHOWN_COLUMNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSql:
    """An SQL expression as a person wrote it.

    Args:
        where: file and key, for messages.
        text: what the person wrote.
        sql: what runs in its place; empty for the text in its safe form.
        result: CONDITION for a boolean; a DDL type that the value is cast to; empty for any value.
            A text is no "double": most texts are no numbers, and a cast would fail on one of them.
        is_aggregate: whether it summarises several rows.
        keys: columns that the rows are grouped by, which an aggregate may use beside its sums.
        hint: where the columns are described.
    """

    where: str
    text: str
    sql: str = ""
    result: str = ""
    is_aggregate: bool = False
    keys: tuple[str, ...] = ()
    hint: str = ""

    def column(self) -> Column:
        """The expression as it runs. In brackets it has no name: 'price amount' is invalid."""
        return F.expr(f"({self.sql or null_on_error(self.text)})")


def user_column(text: str) -> Column:
    """A checked expression of a person, which gives null where it would fail.

    Args:
        text: what the person wrote.

    Example:
        The condition of a tag, where a customer without orders is not an error:

            features.where(user_column("spend_365d / orders_365d > 50"))
    """
    return F.expr(null_on_error(text))


def check_user_sql(
    rows: DataFrame, expressions: Iterable[UserSql], *, error: type[ClarionError] = ConfigError
) -> None:
    """Refuse expressions that are not valid over some columns, before any row is read.

    Args:
        rows: a frame with the columns that the expressions may use; no row of it is read.
        expressions: what people wrote.
        error: the class of the error.

    Example:
        The condition of a tag, over the features of customers:

            big = UserSql(where="tags.yml: big", text="net_spend_365d > 500", result=CONDITION)
            check_user_sql(features, [big])

    Raises:
        ClarionError: one of the class `error`. It names the first invalid expression and the fix.
    """
    # On an empty frame of the same shape: the plan of `rows` may be long.
    empty = local_frame(rows.sparkSession, [], rows.schema)
    batches: dict[tuple[bool, tuple[str, ...]], list[UserSql]] = {}
    for expression in expressions:
        refuse_unsafe_sql(expression.text, where=expression.where, error=error)
        batches.setdefault((expression.is_aggregate, expression.keys), []).append(expression)

    for batch in batches.values():
        # All at once, since each analysis costs milliseconds; one by one to find the invalid one.
        if not _are_valid(empty, batch):
            for expression in batch:
                _check(empty, expression, error)


def _are_valid(empty: DataFrame, expressions: list[UserSql]) -> bool:
    try:
        types = _result_types(empty, expressions)
    except (AnalysisException, ParseException):
        return False
    return len(types) == len(expressions) and not any(
        _has_wrong_type(item, type_) for item, type_ in zip(expressions, types, strict=True)
    )


def _has_wrong_type(expression: UserSql, type_: str) -> bool:
    is_text_for_number = expression.result == _NUMBER and type_ == "string"
    return is_text_for_number or (expression.result == CONDITION and type_ != CONDITION)


def _result_types(empty: DataFrame, expressions: list[UserSql]) -> list[str]:
    """The type of each value before it is cast; analyses the expressions and nothing more."""
    values = [item.column().alias(f"_v{n}") for n, item in enumerate(expressions)]
    casts = [item.column().try_cast(item.result) for item in expressions if _is_cast(item)]
    values += [cast.alias(f"_c{n}") for n, cast in enumerate(casts)]
    first = expressions[0]
    if first.is_aggregate:
        fields = empty.groupBy(*first.keys).agg(*values).schema.fields[len(first.keys) :]
    else:
        # Beside the row's own columns only a value of each row is valid: no sum over all rows.
        fields = empty.select("*", *values).schema.fields[len(empty.columns) :]
    return [field.dataType.simpleString() for field in fields[: len(fields) - len(casts)]]


def _is_cast(expression: UserSql) -> bool:
    return expression.result not in ("", CONDITION)


def _check(empty: DataFrame, expression: UserSql, error: type[ClarionError]) -> None:
    invalid = f"{expression.where}: invalid expression: {expression.text}"
    try:
        types = _result_types(empty, [expression])
    except (AnalysisException, ParseException) as reason:
        found, fix = _explain(_own_syntax_error(expression, empty) or reason, expression, empty)
        raise error(invalid, found=found, fix=fix) from reason
    if len(types) != 1:
        raise error(invalid, found=f"{len(types)} values", fix="write an expression of one value")
    if _has_wrong_type(expression, types[0]):
        what, fix = _WRONG_TYPES[expression.result]
        raise error(
            f"{expression.where}: '{expression.text}' is no {what}",
            found=f"a value of type {types[0]}",
            fix=fix,
        )


_WRONG_TYPES = {
    CONDITION: ("condition", "compare something, such as 'column > 1'"),
    _NUMBER: ("number", "write try_cast(... AS double), or an expression that gives a number"),
}


def _own_syntax_error(expression: UserSql, empty: DataFrame) -> ParseException | None:
    """The syntax error of the text itself, which is not at the bracket behind it."""
    try:
        _ = empty.select(F.expr(expression.text)).schema
    except ParseException as reason:
        return reason
    except AnalysisException:
        return None
    return None


def _explain(
    reason: AnalysisException | ParseException, expression: UserSql, empty: DataFrame
) -> tuple[str, str]:
    """What is wrong, and how to fix it, in words that name columns and types."""
    kind = reason.getCondition() or ""
    details = reason.getMessageParameters() or {}
    if kind.startswith("UNRESOLVED_COLUMN"):
        return _unknown_column(details["objectName"], expression, empty)
    if isinstance(reason, ParseException):
        return f"a syntax error {_position(details)}".strip(), "write one SQL expression"
    if kind == "UNRESOLVED_ROUTINE":
        name = details["routineName"].replace("`", "")
        return f"there is no function '{name}'", "use a function of Spark SQL"
    if kind == "WRONG_NUM_ARGS.WITHOUT_SUGGESTION" or kind == "WRONG_NUM_ARGS.WITH_SUGGESTION":
        name = details["functionName"].replace("`", "")
        found = f"'{name}' has {details['actualNum']} arguments"
        return found, f"write {details['expectedNum']} arguments"
    if kind in ("MISSING_GROUP_BY", "MISSING_AGGREGATION", "NESTED_AGGREGATE_FUNCTION"):
        if expression.is_aggregate:
            return "a column outside of one aggregate", "write an aggregate such as max(column)"
        return "an aggregate over several rows", "use functions of the row's own columns"
    if kind.startswith("DATATYPE_MISMATCH.CAST") and _is_cast(expression):
        source = details.get("srcType", "").strip('"').lower()
        found = f"{source} cannot become {expression.result}{_types_of(expression, empty)}"
        return found, f"write an expression that gives {expression.result}"
    if kind.startswith("INVALID_USAGE_OF_STAR"):
        return "'*' stands for several values", "write an expression of one value"
    fix = expression.hint or "use values of types that fit, or cast(column as type)"
    return f"{plain_reason(reason)}{_types_of(expression, empty)}", fix


def _unknown_column(name: str, expression: UserSql, empty: DataFrame) -> tuple[str, str]:
    plain = name.replace("`.`", ".").strip("`").replace("``", "`")
    nearest = difflib.get_close_matches(plain, empty.columns, n=1)
    columns = ", ".join(empty.columns[:_SHOWN_COLUMNS])
    more = ", ..." if len(empty.columns) > _SHOWN_COLUMNS else ""
    suggestions = [f"did you mean '{item}'?" for item in nearest] + [expression.hint]
    fix = " ".join(item for item in suggestions if item) or "use one of these columns"
    return f"there is no column '{plain}'; the columns are: {columns}{more}", fix


def _position(details: dict[str, str]) -> str:
    near = details.get("error", "")
    return f"at {near}" if near else ""


def plain_reason(reason: Exception) -> str:
    """The first line of Spark's message, without its codes and the plan that follows.

    Example:
        What a person reads of a failed query:

            except PySparkException as error:
                raise ConfigError("the rule fails", found=plain_reason(error)) from error
    """
    line = re.sub(r"^\[[A-Z0-9_.]+\] ", "", first_line(reason))
    return re.sub(r"\.? SQLSTATE: .*$", "", line)


def _types_of(expression: UserSql, empty: DataFrame) -> str:
    types = {name.lower(): (name, type_) for name, type_ in empty.dtypes}
    used = [types[name.lower()] for name in names(expression.text) if name.lower() in types]
    return f"; {', '.join(f'{name} is {type_}' for name, type_ in used)}" if used else ""
