"""Docs, code and rules agree."""

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from generate import generated_pages  # noqa: E402  (docs/ is put on the path above)

from clarion.cli.main import cli  # noqa: E402  (as above)
from clarion.contracts import TABLES  # noqa: E402  (as above)
from clarion.jobs.registry import JOBS  # noqa: E402  (as above)

WINGS = ("collect", "customers", "products", "prediction", "campaigns")
CAPABILITIES = [
    *(
        folder
        for wing in WINGS
        for folder in (ROOT / "libs" / "clarion" / wing).iterdir()
        if folder.is_dir() and folder.name != "__pycache__"
    ),
    ROOT / "libs" / "clarion" / "streaming",
    ROOT / "libs" / "clarion" / "sim",
]
OUTSIDE_THE_LOOP = {
    "vault.suppressed",
    "ops.erasures",
    "ops.leaks",
    "ops.leases",
    "ops.scanned",
}  # written by `clarion erase`, the scan and the runner of jobs


# Where this process has started the JVM itself, and where Spark Connect is told apart.
REACHES_INTO_THE_JVM = {
    "runtime/persisted.py": {"_jvm", "_jdf", "_jsparkSession"},
    "runtime/session.py": {"_jvm"},
    "runtime/usage.py": {"_jvm", "sparkContext"},
}


def test_the_library_never_reaches_into_the_jvm() -> None:
    """So that it runs over Spark Connect, too."""
    for path in (ROOT / "libs").rglob("*.py"):
        own = REACHES_INTO_THE_JVM.get("/".join(path.parts[-2:]), set())
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute)
        }
        assert not used & ({"_jvm", "_jdf", "_jsparkSession", "sparkContext", "rdd"} - own), path


# What these hold is a frame of pandas, a table of Arrow, or vectors of Spark ML.
MAKES_FRAMES = {
    "columns/frames.py",
    "segments/model.py",
    "similarity/neighbours.py",
    "similarity/ranking.py",
    "workflows/forecasting.py",
    "workflows/needs.py",
}


def test_rows_that_python_holds_stand_in_the_plan() -> None:
    """By `local_frame`: from a list, Spark starts Python workers, also where it is empty."""
    makes = {
        "/".join(path.parts[-2:])
        for folder in ("libs", "jobs")
        for path in (ROOT / folder).rglob("*.py")
        if any(
            isinstance(node, ast.Attribute) and node.attr == "createDataFrame"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert makes == MAKES_FRAMES


def test_generated_pages_are_as_the_contracts_say() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generated_pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run 'make docs'"


def test_every_job_file_is_registered_and_named_like_no_standard_module() -> None:
    names = {path.stem for path in (ROOT / "jobs").rglob("*.py")} - {
        "__init__",
        "__main__",
        "registry",
    }
    assert names == set(JOBS)
    assert not names & sys.stdlib_module_names


def test_no_two_test_files_share_a_name() -> None:
    """Pytest imports a file by its name alone: of two, it takes the first for both."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, files in names.items() if files > 1] == []


def test_every_written_table_has_one_job_or_streams_and_batch_share_it() -> None:
    writers: dict[str, set[str]] = {}
    for job in JOBS.values():
        for table in job.writes if job.part == "loop" else ():
            writers.setdefault(table.name, set()).add(job.name)
    shared = {name: jobs for name, jobs in writers.items() if len(jobs) > 1}
    # Whoever finds an occasion adds its request.
    assert shared.pop("live.requests") == {"monitor", "profiles", "segment"}
    assert all(jobs == {"ingest", "monitor"} for jobs in shared.values())
    assert {name for name in TABLES if name not in ("ops.runs", *OUTSIDE_THE_LOOP)} == set(writers)


@pytest.mark.parametrize("folder", CAPABILITIES, ids=lambda folder: folder.name)
def test_every_capability_says_what_its_maths_is(folder: Path) -> None:
    assert (folder / "README.md").is_file()


def test_every_runbook_is_a_drill_that_exists() -> None:
    folder = ROOT / "docs" / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((\S+\.md)\)", index))
    assert linked == {path.name for path in folder.glob("*.md")} - {"README.md"}
    drills = re.findall(r"`(tests/\S+\.py)`", index)
    assert len(drills) >= len(linked)
    assert [drill for drill in drills if not (ROOT / drill).is_file()] == []
    for path in folder.glob("*.md"):
        for command in re.findall(r"`clarion ([a-z-]+)", path.read_text(encoding="utf-8")):
            assert command in cli.commands, f"{path.name}: {command}"


def test_jobs_and_their_steps_run_side_by_side_through_their_scope() -> None:
    """So that what Spark does in these threads counts as their run's, in ops.runs."""
    for folder in (ROOT / "jobs", ROOT / "libs" / "clarion" / "workflows"):
        for path in folder.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "clarion.kernel.parallel" not in text, f"{path}: use scope.run_concurrently"
