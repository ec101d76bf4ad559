"""The last runs of jobs, with what each cost."""

from typing import Any

from pyspark.sql import functions as F

from clarion.contracts.ops import RUNS
from clarion.kernel.errors import UsageError
from clarion.lake import Lake


def last_runs(lake: Lake, *, job: str | None, limit: int) -> list[dict[str, Any]]:
    """Rows of RUNS, the last first, each with its `seconds`.

    Args:
        lake: the tables.
        job: only runs of this job; None for all.
        limit: most rows.

    Raises:
        UsageError: the job has no run in this lake.
    """
    runs = lake.read(RUNS)
    chosen = runs if job is None else runs.where(F.col("job") == job)
    seconds = F.col("ended_at").cast("double") - F.col("started_at").cast("double")
    rows = chosen.withColumn("seconds", seconds).orderBy(F.desc("started_at")).limit(limit)
    found = [row.asDict() for row in rows.collect()]
    if job is not None and not found:
        names = [row["job"] for row in runs.select("job").distinct().orderBy("job").collect()]
        raise UsageError(
            f"there is no run of '{job}'", found=", ".join(names), fix="name one of these jobs"
        )
    return found
