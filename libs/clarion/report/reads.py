"""What all parts of the report read alike."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts import Table
from clarion.lake import Lake


def of_day(lake: Lake, table: Table, as_of: date) -> DataFrame:
    """The rows of a table of one as-of day; none where it was never written."""
    return lake.read(table).where(F.col("as_of") == F.lit(as_of))
