"""The order of jobs, derived from what they read and write."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import CycleError, TopologicalSorter

from clarion.access.policy import POLICY_TABLES
from clarion.kernel.errors import ClarionError, UsageError
from clarion.runtime.job import Job


def dependencies(jobs: Iterable[Job]) -> dict[str, tuple[str, ...]]:
    """For each job of the loop the jobs that write what it reads in this pass."""
    jobs = tuple(job for job in jobs if job.part == "loop")
    writers: dict[str, list[str]] = {}
    for job in jobs:
        for table in job.writes:
            writers.setdefault(table.name, []).append(job.name)
    return {
        job.name: tuple(
            sorted(
                {
                    writer
                    for table in job.input_tables
                    for writer in writers.get(table, ())
                    if writer != job.name
                }
            )
        )
        for job in jobs
    }


def policy_users(jobs: Iterable[Job]) -> frozenset[str]:
    """Names of the jobs that may share what the access policy has read of its tables.

    Those that wait for every job of the pass that writes one of these tables.
    """
    jobs = tuple(jobs)
    inputs = {table.name for table in POLICY_TABLES}
    writers = {job.name for job in jobs if inputs & {table.name for table in job.writes}}
    edges = dependencies(jobs)
    names = {job.name for job in jobs}
    return frozenset(names.intersection(*(_jobs_after(writer, edges) for writer in writers)))


def order(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """The jobs of the loop, each after those it depends on.

    Ties keep the order in which the jobs are registered.

    Raises:
        ClarionError: the jobs depend on each other in a circle.
    """
    jobs = tuple(job for job in jobs if job.part == "loop")
    position = {job.name: index for index, job in enumerate(jobs)}
    sorter = TopologicalSorter(dependencies(jobs))
    try:
        sorter.prepare()
    except CycleError as error:
        raise ClarionError(
            "the jobs depend on each other in a circle",
            found=" -> ".join(error.args[1]),
            fix="declare the table under reads_earlier in one of them",
        ) from error
    ordered: list[Job] = []
    ready = set(sorter.get_ready())
    while ready:
        name = min(ready, key=position.__getitem__)
        ready.remove(name)
        ordered.append(jobs[position[name]])
        sorter.done(name)
        ready |= set(sorter.get_ready())
    return tuple(ordered)


def select(
    jobs: Mapping[str, Job], name: str, *, first: str | None = None, last: str | None = None
) -> tuple[Job, ...]:
    """One job, or with `all` the loop between two of its jobs.

    Args:
        jobs: every job by name.
        name: a job, or `all`.
        first: with `all`, the first job; None for the loop's.
        last: with `all`, the last job; None for the loop's.

    Raises:
        UsageError: an unknown job, or bounds in the wrong order.
    """
    for requested in (name, first, last):
        if requested not in (None, "all", *jobs):
            near = difflib.get_close_matches(str(requested), jobs, n=1)
            raise UsageError(
                f"there is no job '{requested}'",
                found=", ".join(jobs),
                fix=f"did you mean '{near[0]}'?" if near else "see 'clarion jobs'",
            )
    if name != "all":
        return (jobs[name],)
    ordered = order(jobs.values())
    names = [job.name for job in ordered]
    if outside := [bound for bound in (first, last) if bound and bound not in names]:
        raise UsageError(
            f"'{outside[0]}' is not part of the loop",
            found=" -> ".join(names),
            fix=f"run it by itself: clarion run {outside[0]}",
        )
    start = names.index(first) if first else 0
    stop = names.index(last) + 1 if last else len(names)
    if start >= stop:
        raise UsageError(
            f"'{first}' comes after '{last}'", found=" -> ".join(names), fix="swap --from and --to"
        )
    return ordered[start:stop]


def execute(jobs: tuple[Job, ...], run: Callable[[Job], None], *, at_once: int) -> None:
    """Run jobs, each as soon as those it depends on are done, at most so many at a time.

    A small lake's jobs wait for the driver more than for the cores; two at a time keep both busy.
    Of the jobs that can start, that one starts first for which most others wait, directly or not;
    ties keep the given order.
    When a job fails, running jobs are waited for and no other is started.

    Args:
        jobs: in an order that respects their dependencies.
        run: runs one of them.
        at_once: most jobs at a time; 1 runs them in the given order.

    Raises:
        Exception: the first error of a job.
    """
    edges = dependencies(jobs)
    names = {job.name for job in jobs}
    unfinished = {job.name: names.intersection(edges.get(job.name, ())) for job in jobs}
    waiting = list(jobs)
    if at_once > 1:
        waiting.sort(key=lambda job: -len(_jobs_after(job.name, edges) & names))
    running: dict[Future[None], str] = {}
    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        while (waiting and failure is None) or running:
            ready = [job for job in waiting if failure is None and not unfinished[job.name]]
            for job in ready[: at_once - len(running)]:
                waiting.remove(job)
                running[pool.submit(run, job)] = job.name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                failure = failure or future.exception()
                for others in unfinished.values():
                    others.discard(name)
    if failure is not None:
        raise failure


def _jobs_after(name: str, edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The jobs that wait for a job, directly or through others."""
    after: set[str] = set()
    found = {name}
    while found:
        found = {job for job, befores in edges.items() if found.intersection(befores)} - after
        after |= found
    return after
