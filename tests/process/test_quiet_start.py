"""A command prints what it has to say, and nothing of Spark's start."""

import subprocess
import sys
from pathlib import Path

import pytest


def run_clarion(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The outcome of a command beside a lake that nothing was written to."""
    (folder / "lake").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "clarion.jobs", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


@pytest.mark.process
def test_a_query_in_a_process_of_its_own_leaves_standard_error_empty(tmp_path: Path) -> None:
    done = run_clarion("query", "select 1 AS one", "--format", "csv", folder=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("one\n1\n", "", 0)


@pytest.mark.process
def test_what_java_has_to_say_of_a_start_that_fails_still_reaches_the_user(tmp_path: Path) -> None:
    too_much = ("--set", "spark.memory=99999999999g")
    done = run_clarion("query", "select 1", *too_much, folder=tmp_path)
    assert done.returncode == 2
    assert "Invalid maximum heap size" in done.stderr
    assert "Spark does not start" in done.stderr
    assert "Traceback" not in done.stderr
