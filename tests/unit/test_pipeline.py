"""The order of jobs follows from what they read and write."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from pyspark.sql import DataFrame

from clarion.contracts import TABLES, Table
from clarion.contracts.silver import CONSENTS, RATES, RESOLUTIONS
from clarion.jobs.registry import JOBS
from clarion.kernel.errors import ClarionError, UsageError
from clarion.runtime import pipeline
from clarion.runtime.job import Job
from clarion.runtime.persisted import PersistedFrames

A, B, C = (TABLES[name] for name in ("gold.segments", "gold.predictions", "gold.decisions"))

Tables = tuple[Table, ...]


def _job(name: str, *, reads: Tables = (), reads_earlier: Tables = (), writes: Tables = ()) -> Job:
    return Job(
        name=name,
        summary=name,
        reads=reads,
        reads_earlier=reads_earlier,
        writes=writes,
        purpose="analytics",
        run=lambda scope: None,
    )


def test_a_job_stands_after_those_that_write_what_it_reads() -> None:
    jobs = (
        _job("last", reads=(B,)),
        _job("middle", reads=(A,), writes=(B,)),
        _job("first", writes=(A,)),
    )
    assert [job.name for job in pipeline.order(jobs)] == ["first", "middle", "last"]


def test_reading_earlier_passes_makes_no_edge() -> None:
    jobs = (
        _job("decide", reads=(B,), reads_earlier=(C,), writes=(A,)),
        _job("learn", reads_earlier=(A,), writes=(B,)),
    )
    assert [job.name for job in pipeline.order(jobs)] == ["learn", "decide"]


def test_what_the_policy_reads_is_shared_by_those_that_wait_for_all_who_write_it() -> None:
    jobs = (
        _job("clean", writes=(CONSENTS, RATES)),
        _job("resolve", reads=(CONSENTS,), writes=(RESOLUTIONS,)),
        _job("too early", reads=(RATES,), writes=(B,)),
        _job("profiles", reads=(RESOLUTIONS,), writes=(C,)),
        _job("decide", reads=(C,)),
    )
    assert pipeline.policy_users(jobs) == {"profiles", "decide"}
    # Without those that write, everything is as it will be.
    assert pipeline.policy_users(jobs[2:]) == {"too early", "profiles", "decide"}


def test_a_frame_that_is_persisted_by_many_threads_is_everyones_own() -> None:
    class Frame:
        released = False

        def persist(self, _level: object) -> "Frame":
            time.sleep(0.001)  # another thread comes between
            return self

        def unpersist(self) -> None:
            self.released = True

    frames, persisted = [Frame() for _ in range(50)], PersistedFrames()
    with ThreadPoolExecutor(max_workers=8) as pool:
        kept = list(pool.map(persisted.persist, cast(list[DataFrame], frames)))
    assert [id(frame) for frame in kept] == [id(frame) for frame in frames]
    persisted.close()
    assert all(frame.released for frame in frames)


def test_a_circle_is_refused() -> None:
    with pytest.raises(ClarionError, match="circle"):
        pipeline.order((_job("x", reads=(A,), writes=(B,)), _job("y", reads=(B,), writes=(A,))))


def test_the_real_pipeline_runs_from_files_to_messages() -> None:
    names = [job.name for job in pipeline.order(JOBS.values())]
    assert names[0] == "ingest"
    for earlier, later in (
        ("clean", "profiles"),
        ("segment", "strategy"),
        ("measure", "adjust"),
        ("adjust", "strategy"),
        ("strategy", "deliver"),
    ):
        assert names.index(earlier) < names.index(later)


def test_an_unknown_job_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'segment'"):
        pipeline.select(JOBS, "segmnt")


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(UsageError, match="comes after"):
        pipeline.select(JOBS, "all", first="deliver", last="clean")


def test_jobs_side_by_side_still_wait_for_their_inputs() -> None:
    done: list[str] = []
    lock = threading.Lock()

    def run(job: Job) -> None:
        with lock:
            done.append(job.name)

    chosen = pipeline.order(JOBS.values())
    pipeline.execute(chosen, run, at_once=3)
    edges = pipeline.dependencies(chosen)
    assert sorted(done) == sorted(name for name, job in JOBS.items() if job.part == "loop")
    assert all(
        done.index(before) < done.index(name)
        for name, befores in edges.items()
        for before in befores
    )


def test_a_job_for_which_others_wait_starts_before_those_for_which_none_does() -> None:
    jobs = (
        _job("first", writes=(A,)),
        _job("aside", reads=(A,)),
        _job("beside", reads=(A,)),
        _job("predict", reads=(A,), writes=(B,)),
        _job("decide", reads=(B,), writes=(C,)),
        _job("deliver", reads=(C,)),
    )
    for at_once, earliest in ((2, {"aside", "predict"}), (1, {"aside", "beside"})):
        started: list[str] = []
        pipeline.execute(jobs, lambda job, to=started: to.append(job.name), at_once=at_once)  # type: ignore[misc]
        assert started[0] == "first"
        assert set(started[1:3]) == earliest


def test_a_failing_job_stops_what_comes_after_it() -> None:
    done: list[str] = []

    def run(job: Job) -> None:
        done.append(job.name)
        if job.name == "clean":
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        pipeline.execute(pipeline.order(JOBS.values()), run, at_once=2)
    assert "profiles" not in done
