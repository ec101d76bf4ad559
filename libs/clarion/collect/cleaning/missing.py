"""Fill values of columns that are missing one, fitted on rows that have it."""

from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.kernel import sql

Statistic = Literal["mean", "median", "mode"]
_EXPRESSIONS = {"mean": "avg({})", "median": "median({})", "mode": "mode({}, true)"}


@dataclass(frozen=True, slots=True)
class FillValue:
    """The value that replaces a missing one, in one group of rows.

    Args:
        column: the column.
        statistic: how it was fitted.
        group: values of the grouping columns; empty for all rows.
        value: as text.
        rows: number of rows it was fitted on.
    """

    column: str
    statistic: Statistic
    group: tuple[str | None, ...]
    value: str | None
    rows: int


def fit_fill_values(
    rows: DataFrame, *, column: str, statistic: Statistic, by: tuple[str, ...]
) -> list[FillValue]:
    """The mean, the median or the most frequent value, of each group of rows and of all rows.

    A tie between frequent values goes to the smallest. The median of an even number of values is
    the mean of the two in the middle.

    Args:
        rows: accepted rows.
        column: the column with missing values.
        statistic: what replaces them.
        by: columns that form groups; empty for none.

    Returns:
        One entry per group, as many as combinations of `by`; the last one is of all rows.
    """
    with_value = rows.where(F.col(column).isNotNull())
    grouped = with_value.rollup(*by) if by else with_value.groupBy()
    rollup_level = F.grouping_id() if by else F.lit(0)
    levels = grouped.agg(
        _statistic(rows, column, statistic).cast("string").alias("_value"),
        F.count(F.lit(1)).alias("_rows"),
        rollup_level.alias("_level"),
    ).collect()

    all_rows_level = 2 ** len(by) - 1
    values = []
    for row in levels:
        if row["_level"] not in (0, all_rows_level):
            continue
        is_group = row["_level"] != all_rows_level
        group = tuple(_text(row[name]) for name in by) if is_group else ()
        values.append(FillValue(column, statistic, group, row["_value"], row["_rows"]))
    return sorted(values, key=lambda value: (not value.group, str(value.group)))


def _statistic(rows: DataFrame, column: str, statistic: Statistic) -> Column:
    type_ = dict(rows.dtypes)[column]
    value = F.expr(_EXPRESSIONS[statistic].format(sql.name(column)))
    if type_ in ("bigint", "int") and statistic != "mode":
        value = F.round(value)
    return value.cast(type_)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def fill_expression(values: list[FillValue], *, by: tuple[str, ...], type_: str) -> Column:
    """The fill value of a row: its group's, or that of all rows where the group is unknown.

    Args:
        values: of one column.
        by: columns that form the groups.
        type_: the column's type.
    """
    overall = next((value.value for value in values if not value.group), None)
    groups = [value for value in values if value.group]
    if not groups:
        return F.lit(overall).cast(type_)
    row_key = F.to_json(F.array(*(F.col(name).cast("string") for name in by)))
    group_keys = [
        F.to_json(F.array(*(F.lit(part).cast("string") for part in value.group)))
        for value in groups
    ]
    group_values = [F.lit(value.value).cast("string") for value in groups]
    by_group = F.map_from_arrays(F.array(*group_keys), F.array(*group_values))
    return F.coalesce(F.try_element_at(by_group, row_key), F.lit(overall)).cast(type_)
