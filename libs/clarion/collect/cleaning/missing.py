"""Values for columns that are missing one, learned from rows that have it."""

from dataclasses import dataclass
from typing import Any, Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.kernel import sql

Statistic = Literal["mean", "median", "mode"]


@dataclass(frozen=True, slots=True)
class Learned:
    """The value that stands in for a missing one, in one group of rows.

    Args:
        column: the column.
        statistic: how it was learned.
        group: values of the columns that it was learned by; empty for all rows together.
        value: as text.
        rows: how many rows it was learned from.
    """

    column: str
    statistic: Statistic
    group: tuple[str | None, ...]
    value: str | None
    rows: int


def learned(
    rows: DataFrame, *, column: str, statistic: Statistic, by: tuple[str, ...]
) -> list[Learned]:
    """Of each group of rows, and of all together, the mean, the median or the most frequent value.

    A tie between frequent values goes to the smallest; the median of an even number of values is the mean of the two
    in the middle.

    Args:
        rows: accepted rows.
        column: the column with missing values.
        statistic: what stands in for them.
        by: columns that make groups; empty for none.

    Returns:
        One entry a group, of which there are as many as combinations of `by`; the last one is of all rows.
    """
    known = rows.where(F.col(column).isNotNull())
    type_ = dict(rows.dtypes)[column]
    value = F.expr(
        {"mean": "avg({})", "median": "median({})", "mode": "mode({}, true)"}[statistic].format(
            sql.name(column)
        )
    )
    value = (
        F.round(value).cast(type_)
        if type_ in ("bigint", "int") and statistic != "mode"
        else value.cast(type_)
    )
    grouped = known.rollup(*by) if by else known.groupBy()
    levels = F.grouping_id() if by else F.lit(0)
    found = grouped.agg(
        value.cast("string").alias("_value"),
        F.count(F.lit(1)).alias("_rows"),
        levels.alias("_level"),
    ).collect()
    everything = 2 ** len(by) - 1
    kept = [row for row in found if row["_level"] in (0, everything)]
    entries = [
        Learned(
            column,
            statistic,
            () if row["_level"] == everything else tuple(_text(row[name]) for name in by),
            row["_value"],
            row["_rows"],
        )
        for row in kept
    ]
    return sorted(entries, key=lambda entry: (not entry.group, str(entry.group)))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def stand_in(entries: list[Learned], *, by: tuple[str, ...], type_: str) -> Column:
    """The value that stands in for a row's missing one: its group's, or where that was never seen that of all rows."""
    overall = next((entry.value for entry in entries if not entry.group), None)
    groups = [entry for entry in entries if entry.group]
    if not groups:
        return F.lit(overall).cast(type_)
    key = F.to_json(F.array(*(F.col(name).cast("string") for name in by)))
    known = F.map_from_arrays(
        F.array(
            *(
                F.to_json(F.array(*(F.lit(part).cast("string") for part in entry.group)))
                for entry in groups
            )
        ),
        F.array(*(F.lit(entry.value).cast("string") for entry in groups)),
    )
    return F.coalesce(F.try_element_at(known, key), F.lit(overall)).cast(type_)
