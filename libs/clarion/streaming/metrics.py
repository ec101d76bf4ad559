"""How late a stream's records land."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PROMPT = timedelta(minutes=3)
# A batch whose newest record is older replays the past, and says nothing about delay, as long as
# the stream has not been live: later it is the backlog of an outage.
_REPLAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DelayStats:
    """Delays of the records of one batch, as FILES has them.

    Args:
        delays: 50th and 99th percentile in seconds; None where no record states its time.
        prompt: records that landed within three minutes; likewise.
        is_old: whether the newest record is over a day old.
    """

    delays: list[float] | None = None
    prompt: int | None = None
    is_old: bool = False


def delay_stats(records: DataFrame, *, time: str, landed_at: datetime) -> DelayStats:
    """Delays of a batch's records: `landed_at` minus the time at which each happened.

    Args:
        records: the kind's columns.
        time: column with the time at which a record happened.
        landed_at: when the batch was written.

    Returns:
        The delays; unknown where no record states its time.
    """
    delay = F.unix_micros(F.lit(landed_at)) / 1e6 - F.unix_micros(time) / 1e6
    row = (
        records.where(F.col(time).isNotNull())
        .select(delay.alias("delay"))
        .agg(
            F.min("delay").alias("newest"),
            F.percentile_approx("delay", [0.5, 0.99], 10_000).alias("delays"),
            F.count_if(F.col("delay") <= PROMPT.total_seconds()).alias("prompt"),
        )
        .first()
    )
    if row is None or row["newest"] is None:
        return DelayStats()
    is_old = row["newest"] > _REPLAY.total_seconds()
    return DelayStats(row["delays"], row["prompt"], is_old)
