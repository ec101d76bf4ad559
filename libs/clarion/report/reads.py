"""What all parts of the report read alike."""

from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts import Table
from clarion.lake import Lake


def of_day(lake: Lake, table: Table, as_of: date) -> DataFrame:
    """The rows of a table of one as-of day; none where it was never written."""
    return lake.read(table).where(F.col("as_of") == F.lit(as_of))


def rows_with_none(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries; a value that is missing is None."""
    return [
        {
            str(name): None if pd.api.types.is_scalar(value) and pd.isna(value) else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]
