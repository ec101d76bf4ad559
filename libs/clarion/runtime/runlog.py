"""Runs a job and records it in ops.runs, also when it fails."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from threading import Event
from typing import Any, Self

from clarion.access.policy import AccessPolicy
from clarion.config import Config
from clarion.contracts.ops import RUNS
from clarion.kernel.ids import canonical
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame
from clarion.lake.leases import held_lease, is_leased
from clarion.lake.locks import exclusive_locks, is_locked
from clarion.runtime import pipeline, stopping
from clarion.runtime.job import Job, Params
from clarion.runtime.persisted import PersistedFrames
from clarion.runtime.scope import Scope
from clarion.runtime.tracking import Tracking
from clarion.runtime.usage import read_usage, spark_jobs_of

_GATHER_SECONDS = 30


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of a run."""

    job: str
    seconds: float
    rows_written: dict[str, int]
    notes: tuple[str, ...]


class RunLog:
    """Appends rows to ops.runs while further jobs run.

    An append takes a second, so that the rows of half a minute are written together. A row that
    still waits when the process dies is lost; its run then counts as not done and is repeated.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._rows: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._writes: list[Future[None]] = []
        self._closing = Event()

    def __enter__(self) -> Self:
        return self

    def record(self, row: dict[str, Any]) -> None:
        """Record the outcome of a run."""
        self._rows.put(row)
        self._writes.append(self._pool.submit(self._write))

    def _write(self) -> None:
        if self._rows.empty():
            return  # an earlier write has included the row
        self._closing.wait(_GATHER_SECONDS)
        rows = [self._rows.get() for _ in range(self._rows.qsize())]
        usages = read_usage(self._lake.spark, [row["run_id"] for row in rows])
        for row in rows:
            if usage := usages.get(row["run_id"]):
                row.update(asdict(usage))
        self._lake.append(RUNS, rows_as_frame(self._lake.spark, RUNS, rows))

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._pool.shutdown()
        for write in self._writes:
            write.result()


def run_job(job: Job, scope: Scope, *, lake: Lake, log: RunLog) -> RunReport:
    """Run one job and record it.

    Args:
        job: the job.
        scope: what it may touch.
        lake: the tables.
        log: takes the row.

    Raises:
        Exception: whatever the job raised, after the failed run was recorded.
    """
    run_id = secrets.token_hex(16)
    started = datetime.now(UTC)
    clock = time.monotonic()
    failure: str | None = "interrupted"
    try:
        if _is_left_to_another(job, scope, lake):
            scope.note(f"another {job.name} is running and reads what arrives: nothing to do")
        else:
            with _alone(job, scope, lake, run_id=run_id), spark_jobs_of(run_id, lake.spark):
                job.run(scope)
                scope.note_rows_without_rate()
        failure = None
    except Exception as error:
        failure = str(error)
        raise
    finally:
        scope.unpersist()
        row = {
            "run_id": run_id,
            "run_key": scope.run_key,
            "job": job.name,
            "as_of": scope.as_of,
            "params": canonical(scope.params),
            "state": "failed" if failure else "done",
            "started_at": started,
            "ended_at": datetime.now(UTC),
            "rows_written": dict(scope.rows_written),
            "rows_without_rate": dict(scope.rows_without_rate),
            "notes": list(scope.notes),
            "error": failure,
        }
        log.record(row)
    return RunReport(
        job.name, time.monotonic() - clock, dict(scope.rows_written), tuple(scope.notes)
    )


def _runs_on(job: Job, scope: Scope) -> bool:
    """Whether this run follows streams until it is stopped."""
    return job.runs_on is not None and scope.config.get(job.runs_on) is not None


def _is_left_to_another(job: Job, scope: Scope, lake: Lake) -> bool:
    """Whether a run that follows streams does already what this one was to do."""
    if job.runs_on is None or _runs_on(job, scope):
        return False
    if lake.location.is_folder:
        return is_locked(lake.location, f"{job.name}-runs-on")
    return is_leased(lake, job.name)


@contextmanager
def _alone(job: Job, scope: Scope, lake: Lake, *, run_id: str) -> Iterator[None]:
    """No other run of the job, and of jobs that it must not meet, while the block runs.

    Raises:
        LakeError: another run does not end in time.
    """
    own = [job.name, f"{job.name}-runs-on"] if _runs_on(job, scope) else [job.name]
    wait_seconds = float(scope.config.get("lake.wait_seconds"))
    names = (*own, *job.apart_from)
    with ExitStack() as held:
        held.enter_context(
            exclusive_locks(lake.location, names, wait_seconds=wait_seconds, say=scope.say)
        )
        if job.runs_on is not None and not lake.location.is_folder:
            lease = held_lease(lake, job.name, holder=run_id, on_lost=stopping.request)
            held.enter_context(lease)
        yield


def run_jobs(
    jobs: tuple[Job, ...],
    params: Params,
    *,
    lake: Lake,
    config: Config,
    tracking: Tracking,
    at_once: int,
    say: Callable[[Job, str], None],
    done: Callable[[RunReport], None],
) -> None:
    """Run jobs in their order in one session, and record each.

    Args:
        jobs: in an order that respects their dependencies.
        params: of this pass.
        lake: the tables.
        config: settings.
        tracking: the model store.
        at_once: most jobs at a time.
        say: takes a job's messages.
        done: takes a job's result.
    """
    if len(jobs) > 1:
        tracking.open_in_background()
    frames = PersistedFrames()
    # Consents, resolutions and rates are looked up once for all jobs that see them as they are
    # from here on.
    shared = AccessPolicy(
        lake, config, params.as_of, str(config.get("shop.time_zone")), frames.persist
    )
    sharing = pipeline.policy_users(jobs)
    with RunLog(lake) as log, closing(frames):

        def run_one(job: Job) -> None:
            scope = Scope(
                job=job,
                params=params,
                lake=lake,
                config=config,
                say=partial(say, job),
                tracking=tracking,
                policy=shared if job.name in sharing else None,
            )
            done(run_job(job, scope, lake=lake, log=log))

        pipeline.execute(jobs, run_one, at_once=at_once)
