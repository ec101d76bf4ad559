"""Where the time of a pass over the demo's shop goes: `python benchmarks/one_pass.py [TURNS]`.

Jobs run one after another, so that what they take can be told apart. Compare ratios of one run:
machines differ, and so do hours.
"""

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import psutil
from pyspark.sql import SparkSession
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


def _processor_seconds() -> float:
    times = [_TREE.cpu_times(), *(child.cpu_times() for child in _TREE.children(recursive=True))]
    return sum(item.user + item.system for item in times)


class Profile:
    """Seconds by action, summed over threads, and costs by job.

    An action within another is charged to the outer one.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
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

    def run_job(self, run: Callable[..., runlog.RunReport], *arguments: Any, **named: Any) -> Any:
        """Run a job and note what it took."""
        queries, began, processor = _queries(), time.monotonic(), _processor_seconds()
        report = run(*arguments, **named)
        cost = (time.monotonic() - began, _processor_seconds() - processor, _queries() - queries)
        self.jobs.setdefault(report.job, []).append(cost)
        return report


def _queries() -> int:
    session: Any = SparkSession.getActiveSession()
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
    for label, seconds in profile.seconds.most_common():
        print(f"{label:<20} {seconds:6.1f} {profile.calls[label]:7d}")


if __name__ == "__main__":
    main()
