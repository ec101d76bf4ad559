"""Frames that several jobs make alike."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from clarion.contracts import Table
from clarion.measures.columns.frames import local_frame


def rows_as_frame(spark: SparkSession, table: Table, rows: list[dict[str, Any]]) -> DataFrame:
    """A small frame in a table's shape from dictionaries; a missing column is null."""
    return local_frame(
        spark,
        [tuple(row.get(name) for name in table.column_names) for row in rows],
        table.ddl,
    )


def union_all(frames: Iterable[DataFrame]) -> DataFrame:
    """The rows of one or more frames with equal columns."""
    return reduce(DataFrame.unionByName, frames)
