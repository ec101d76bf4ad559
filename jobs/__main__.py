"""The `clarion` command with every job."""

import sys

from clarion.cli.main import main as command
from clarion.jobs.registry import JOBS


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return command(JOBS, sys.argv[1:] if arguments is None else arguments)


def entry_point() -> None:
    """What the console script and the wheel's task call."""
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
