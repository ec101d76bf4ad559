"""The `clarion` command, and the registry of jobs."""

import sys

from clarion.ops.command import main as command
from clarion.ops.job import Job
from jobs import (
    adjust,
    clean,
    deliver,
    features,
    forecast,
    ingest,
    measure,
    monitor,
    noise,
    predict,
    product_matrix,
    product_pairs,
    profiles,
    resolve,
    rotate,
    scan,
    scorecard,
    segment,
    strategy,
    tags,
    train_segments,
    upkeep,
)  # fmt: skip

MODULES = (
    ingest, monitor, clean, noise, resolve, profiles, features, train_segments, segment, tags, product_matrix, product_pairs, predict, forecast, measure,
    adjust, strategy, deliver, scorecard, rotate, scan, upkeep,
)  # fmt: skip
JOBS: dict[str, Job] = {module.JOB.name: module.JOB for module in MODULES}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command(JOBS, sys.argv[1:] if arguments is None else arguments)


def entry_point() -> None:
    """What the console script and the wheel's task call."""
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
