"""Rows of frames, for tests."""

from pyspark.sql import DataFrame, Row


def first_row(frame: DataFrame) -> Row:
    """The first row of a frame that has one."""
    row = frame.first()
    assert row is not None, "the frame has no row"
    return row
