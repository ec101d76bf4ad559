"""Runs a job and leaves a row in ops.runs, whatever comes of it."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from clarion.config import Config
from clarion.contracts.ops import RUNS
from clarion.kernel.ids import canonical
from clarion.lake import Lake
from clarion.ops.job import Job, Params
from clarion.ops.scope import Scope, rows_as_frame
from clarion.ops.tracking import Tracking


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did."""

    job: str
    seconds: float
    rows_written: dict[str, int]
    notes: tuple[str, ...]


def run_job(job: Job, params: Params, *, lake: Lake, config: Config, say: Callable[[str], None], tracking: Tracking) -> RunReport:
    """Run one job and record it.

    Raises:
        Exception: whatever the job raised, after the failed run was recorded.
    """
    scope = Scope(job=job, params=params, lake=lake, config=config, say=say, tracking=tracking)
    run_id, started, clock = secrets.token_hex(16), datetime.now(UTC), time.monotonic()
    failure: str | None = "interrupted"
    try:
        job.run(scope, params)
        failure = None
    except Exception as error:
        failure = str(error)
        raise
    finally:
        row = {
            "run_id": run_id,
            "run_key": scope.run_key,
            "job": job.name,
            "as_of": params.as_of,
            "params": canonical(params),
            "state": "failed" if failure else "done",
            "started_at": started,
            "ended_at": datetime.now(UTC),
            "rows_written": dict(scope.rows_written),
            "notes": list(scope.notes),
            "error": failure,
        }
        lake.append(RUNS, rows_as_frame(lake.spark, RUNS, [row]))
    return RunReport(job.name, time.monotonic() - clock, dict(scope.rows_written), tuple(scope.notes))
