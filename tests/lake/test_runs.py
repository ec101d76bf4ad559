"""The list of runs."""

from datetime import UTC, datetime, timedelta

import pytest
from lake_rows import append_rows

from clarion.governance.runs import last_runs
from clarion.kernel.errors import UsageError
from clarion.lake import Lake

START = datetime(2026, 6, 1, 6, tzinfo=UTC)


def test_the_last_runs_come_first_and_say_how_long_they_took(lake: Lake) -> None:
    runs = [
        {
            "run_id": f"{job}{hour}",
            "job": job,
            "state": "done",
            "started_at": START + timedelta(hours=hour),
            "ended_at": START + timedelta(hours=hour, seconds=seconds),
        }
        for job, hour, seconds in (("ingest", 0, 40), ("clean", 1, 90), ("clean", 2, 7))
    ]
    append_rows(lake, "ops.runs", *runs)

    def listed(job: str | None, limit: int) -> list[tuple[str, float]]:
        return [(run["run_id"], run["seconds"]) for run in last_runs(lake, job=job, limit=limit)]

    assert listed(None, 9) == [("clean2", 7.0), ("clean1", 90.0), ("ingest0", 40.0)]
    assert listed("clean", 1) == [("clean2", 7.0)]
    with pytest.raises(UsageError, match="there is no run of 'segment'"):
        listed("segment", 9)
