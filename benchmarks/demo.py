"""Time the demo from nothing, job by job: `make bench`.

Compare ratios of one run: machines differ, and so do hours.
"""

import sys
import tempfile
from pathlib import Path

from clarion.config import Config
from clarion.demo.demo import DemoPlan, run_demo
from clarion.jobs.registry import JOBS


def main() -> None:
    """Print seconds per job over all turns, longest first."""
    with tempfile.TemporaryDirectory() as folder:

        def ignore(_: str) -> None:
            return

        plan = DemoPlan(Path(folder) / "demo")
        done = run_demo(
            plan, JOBS, Config.load(environment=plan.environment), say=ignore, announce=ignore
        )
    seconds: dict[str, float] = {}
    for report in done.reports:
        seconds[report.job] = seconds.get(report.job, 0.0) + report.seconds
    for job, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        sys.stdout.write(f"{job:<16} {spent:7.1f} s\n")
    sys.stdout.write(f"{'whole demo':<16} {done.seconds:7.1f} s\n")


if __name__ == "__main__":
    main()
