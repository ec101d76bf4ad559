"""Time the demo from nothing, job by job: `make bench`. Compare ratios of one run; machines and their noise differ."""

import sys
import tempfile
from pathlib import Path

from clarion.config import Config
from clarion.demo import demo
from clarion.jobs.registry import JOBS


def main() -> None:
    """Print seconds per job over all turns, longest first."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "demo"

        def hush(_: str) -> None:
            return

        done = demo.run(
            JOBS,
            Config.load(),
            target,
            data="sim",
            size="small",
            shop="beauty",
            say=hush,
            announce=hush,
        )
    seconds: dict[str, float] = {}
    for report in done.reports:
        seconds[report.job] = seconds.get(report.job, 0.0) + report.seconds
    for job, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        sys.stdout.write(f"{job:<16} {spent:7.1f} s\n")
    sys.stdout.write(f"{'whole demo':<16} {done.seconds:7.1f} s\n")


if __name__ == "__main__":
    main()
