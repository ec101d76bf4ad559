"""Where the time of a pass over the demo's shop goes: `python benchmarks/one_pass.py [TURNS]`.

Jobs run one after another, so that what they take can be told apart. Compare ratios of one run:
machines differ, and so do hours.
"""

import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import psutil
from pyspark.sql.classic.dataframe import DataFrame

from clarion.config import Config
from clarion.demo.demo import DemoPlan, run_demo
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.runtime import runlog
from clarion.runtime.tracking import Tracking

_ACTIONS = (
    (Lake, ("replace", "append", "merge", "delete", "ensure")),
    (Tracking, ("log", "load")),
    (DataFrame, ("collect", "first", "count", "toPandas", "isEmpty")),
)
_TREE = psutil.Process()


_SEEN: dict[tuple[int, float], float] = {}


def _processor_seconds() -> float:
    """Of this process and of all below it, those that have ended included."""
    for process in (_TREE, *_TREE.children(recursive=True)):
        try:
            times = process.cpu_times()
            _SEEN[process.pid, process.create_time()] = times.user + times.system
        except psutil.NoSuchProcess:
            continue  # it ended just now; what was last seen of it counts
    return sum(_SEEN.values())


class Profile:
    """Seconds by action, summed over threads, and costs by job.

    An action within another is charged to the outer one.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.jobs: dict[str, list[tuple[float, float, int]]] = {}
        self._within = threading.local()

    def time(self, owner: type, name: str) -> None:
        """Charge the calls of a method."""
        method, label = getattr(owner, name), f"{owner.__name__}.{name}"

        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            if getattr(self._within, "action", None):
                return method(*arguments, **named)
            self._within.action, began = label, time.monotonic()
            try:
                return method(*arguments, **named)
            finally:
                self._within.action = None
                self.seconds[label] += time.monotonic() - began
                self.calls[label] += 1

        setattr(owner, name, timed)

    def run_job(
        self, run: Callable[..., runlog.RunReport], *arguments: Any, lake: Lake, **named: Any
    ) -> Any:
        """Run a job and note what it took."""
        queries, began, processor = _queries(lake), time.monotonic(), _processor_seconds()
        report = run(*arguments, lake=lake, **named)
        seconds = time.monotonic() - began
        cost = (seconds, _processor_seconds() - processor, _queries(lake) - queries)
        self.jobs.setdefault(report.job, []).append(cost)
        return report


def _queries(lake: Lake) -> int:
    session: Any = lake.spark
    return int(session._jsparkSession.sharedState().statusStore().executionsCount())


def main() -> None:
    """Print costs by job for each turn, then seconds by action."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    profile = Profile()
    for owner, names in _ACTIONS:
        for name in names:
            profile.time(owner, name)
    runlog.run_job = partial(profile.run_job, runlog.run_job)  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        plan = DemoPlan(Path(folder) / "demo", turns=turns)
        config = Config.load(
            environment=plan.environment,
            overrides=("spark.jobs_at_once=1",),
        )
        config.get("spark.conf")["spark.sql.ui.retainedExecutions"] = 10000
        run_demo(plan, JOBS, config, say=lambda _: None, announce=lambda _: None)
    for turn in range(turns):
        print(f"\nturn {turn + 1:<12} seconds processor queries")
        costs = {job: rows[turn] for job, rows in profile.jobs.items()}
        for job, (seconds, processor, queries) in sorted(costs.items(), key=lambda i: -i[1][1]):
            print(f"{job:<17} {seconds:7.1f} {processor:9.1f} {queries:7d}")
        sums = [sum(column) for column in zip(*costs.values(), strict=True)]
        print(f"{'all':<17} {sums[0]:7.1f} {sums[1]:9.1f} {sums[2]:7.0f}")
    print("\naction            seconds   calls")
    for label, seconds in sorted(profile.seconds.items(), key=lambda item: -item[1]):
        print(f"{label:<20} {seconds:6.1f} {profile.calls[label]:7d}")


if __name__ == "__main__":
    main()
