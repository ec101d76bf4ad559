"""How late a stream's records land."""

from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PROMPT = timedelta(minutes=3)
_REPLAY = timedelta(
    days=1
)  # a batch whose newest record is older is the past told again, and says nothing about delay


def delays(records: DataFrame, *, time: str, landed_at: datetime) -> dict[str, Any]:
    """Delay of a batch's records: `landed_at` less when they happened.

    Args:
        records: the kind's columns.
        time: the column that says when a record happened.
        landed_at: when the batch was written.

    Returns:
        `delays` (50th and 99th percentile in seconds) and `prompt` (records that landed within three minutes); both None
        where no record states its time, or the newest is more than a day old.
    """
    waited = F.unix_micros(F.lit(landed_at)) / 1e6 - F.unix_micros(time) / 1e6
    known = records.where(F.col(time).isNotNull()).select(waited.alias("waited"))
    prompt = F.count_if(F.col("waited") <= PROMPT.total_seconds())
    found = known.agg(
        F.min("waited").alias("newest"),
        F.percentile_approx("waited", [0.5, 0.99], 10_000).alias("delays"),
        prompt.alias("prompt"),
    ).first()
    if found is None or found["newest"] is None or found["newest"] > _REPLAY.total_seconds():
        return {"delays": None, "prompt": None}
    return {"delays": found["delays"], "prompt": found["prompt"]}
