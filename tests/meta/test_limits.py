"""Files, functions and jobs stay short, and no rule of a tool is switched off silently.

The width of lines is checked by ruff (E501).
"""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 400
FUNCTION_LINES = 66
JOB_LINES = 80
LIBRARY = [
    path
    for path in (ROOT / "libs" / "clarion").rglob("*.py")
    if path.relative_to(ROOT / "libs" / "clarion").parts[0] != "jobs"  # a link to jobs/
]
JOBS = sorted(path for path in (ROOT / "jobs").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Architecture names it: nobody puts a folder below `clarion` on the path, where it would shadow.
NESTED_NAMES = {"statistics"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_folders_are_there() -> None:
    assert len(LIBRARY) > 150
    assert len(JOBS) > 20


@pytest.mark.parametrize("path", sorted([*LIBRARY, *JOBS]), ids=_name)
def test_a_file_and_its_functions_are_short(path: Path) -> None:
    lines = _lines(path)
    is_job = path in JOBS and path.parent.parent.name == "jobs"
    assert len(lines) <= (JOB_LINES if is_job else FILE_LINES)
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", sorted([*LIBRARY, *JOBS, *TESTS]), ids=_name)
def test_a_rule_is_switched_off_with_a_reason_only(path: Path) -> None:
    for line in _lines(path):
        if match := re.search(
            r"#\s*noqa\b:?\s*(?P<codes>[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*)?(?P<reason>.*)", line
        ):
            assert match["codes"], f"names no rule: {line.strip()}"
            assert re.search(r"[a-z]{3}", match["reason"]), f"gives no reason: {line.strip()}"


def test_no_job_or_package_has_the_name_of_a_standard_module() -> None:
    """`spark-submit` may put a folder of these on the path."""
    packages = {path.parent.name for path in (*LIBRARY, *JOBS) if path.name == "__init__.py"}
    jobs = {path.stem for path in JOBS}
    assert not (packages - NESTED_NAMES) & sys.stdlib_module_names
    assert not jobs & sys.stdlib_module_names
