"""Local days of instants."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F


def local_day(instant: str | Column, time_zone: str) -> Column:
    """The day on the shop's calendar."""
    return F.to_date(F.from_utc_timestamp(instant, time_zone))


def start_of(day: date, time_zone: str) -> Column:
    """The instant at which a day begins in the shop."""
    return F.to_utc_timestamp(F.lit(day).cast("timestamp"), time_zone)


def days_before(as_of: date, day: str | Column) -> Column:
    """Days from a day to the as-of day."""
    return F.datediff(F.lit(as_of), day).cast("double")
