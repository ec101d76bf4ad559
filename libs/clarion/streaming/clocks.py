"""When an event happened at the latest: clocks of devices can be ahead."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def bound_event_times(events: DataFrame, *, landed_at: Column) -> DataFrame:
    """The events, none later than it arrived.

    What has arrived has happened: an event that states a later time comes from a clock that is
    ahead, and counts at the time of its arrival.

    Args:
        events: happened_at, arrived_at.
        landed_at: when the records were read; never null.

    Returns:
        The events with happened_at of that kind; `stated_at`, the time that the event states; and
        `ahead_s`, by how many seconds that is later.
    """
    bounded = F.least("happened_at", "arrived_at", landed_at)
    return events.withColumns(
        {
            "stated_at": F.col("happened_at"),
            "happened_at": bounded,
            "ahead_s": F.unix_seconds("happened_at") - F.unix_seconds(bounded),
        }
    )
