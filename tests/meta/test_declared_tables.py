"""A job reads and writes what it declares, also in the workflows that it calls.

`Scope` refuses anything else while a job runs. This test sees it before a job runs: it follows the
calls of each job into `clarion.workflows`, and compares every table that is named in a call of
`scope` with the declaration. A table in a variable is left to `Scope`.
"""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from clarion.contracts import Table
from clarion.contracts.silver import CONSENTS, RESOLUTIONS, RESPONSES
from clarion.jobs.registry import JOBS
from clarion.runtime.job import Job

ROOT = Path(__file__).resolve().parents[2]
WRITES = {"replace", "append", "merge", "delete", "ensure", "own"}
READS = {
    "facts",
    "facts_with_replaced",
    "facts_within",
    "current",
    "earlier",
    "latest_earlier",
    "newest",
    "raw",
}
EITHER = {"exists", "empty", "version"}
VERBS = WRITES | READS | EITHER


@dataclass(frozen=True, slots=True)
class Access:
    """A table, and the verb of `scope` that it is given to."""

    verb: str
    table: Table
    line: str


class Module:
    """A module of jobs/ or workflows/: its functions, by name, and its constants."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        assert self.module.__file__ is not None
        tree = ast.parse(Path(self.module.__file__).read_text(encoding="utf-8"))
        self.functions = {
            node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)
        }

    def value(self, node: ast.expr) -> Any:
        """What a name, `module.name` or `MAPPING["key"]` is here; None for anything else."""
        names = vars(self.module)
        match node:
            case ast.Name(id=name):
                return names.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                owner = names.get(name)
                return getattr(owner, attribute, None) if isinstance(owner, ModuleType) else None
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                mapping = names.get(name)
                return mapping.get(key) if isinstance(mapping, dict) else None
        return None


def _modules() -> dict[str, Module]:
    folder = ROOT / "libs" / "clarion" / "workflows"
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    return {name: Module(f"clarion.workflows.{name}") for name in names}


WORKFLOWS = _modules()


def _tables(module: Module, node: ast.expr) -> list[Table]:
    """The tables that an argument may be: one, or any of a dictionary's."""
    value = module.value(node)
    if isinstance(value, Table):
        return [value]
    if value is None and isinstance(node, ast.Subscript):
        mapping = module.value(node.value)
        return list(mapping.values()) if isinstance(mapping, dict) else []
    return []


def _accesses(module: Module, function: ast.FunctionDef) -> Iterator[Access]:
    """The tables in calls such as `scope.replace(T, …)` and `partial(scope.replace, T, …)`."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        called, arguments = node.func, node.args
        if ast.unparse(called) == "partial" and arguments:
            called, arguments = arguments[0], arguments[1:]
        text = ast.unparse(called)
        if text.startswith("scope.") and text.removeprefix("scope.") in VERBS and arguments:
            for table in _tables(module, arguments[0]):
                yield Access(text.removeprefix("scope."), table, ast.unparse(node)[:80])


def _called(module: Module, node: ast.AST) -> tuple[Module, str] | None:
    """The function of jobs/ or workflows/ that an expression names; None for anything else."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    value = module.value(node)
    home = getattr(value, "__module__", None)
    if not isinstance(value, FunctionType) or home is None:
        return None
    if home == module.module.__name__:
        return module, value.__name__
    folder, _, name = home.rpartition(".")
    return (WORKFLOWS[name], value.__name__) if folder == "clarion.workflows" else None


def _reached(module: Module, names: set[str]) -> Iterator[tuple[Module, ast.FunctionDef]]:
    """The functions of these names, and all that they name in turn, in workflows too."""
    waiting = [(module, name) for name in names]
    done: set[tuple[str, str]] = set()
    while waiting:
        owner, name = waiting.pop()
        key = (owner.module.__name__, name)
        if key in done or name not in owner.functions:
            continue
        done.add(key)
        function = owner.functions[name]
        yield owner, function
        waiting += [found for node in ast.walk(function) if (found := _called(owner, node))]


def _violations(job: Job) -> list[str]:
    module = Module(job.run.__module__)
    found = []
    for owner, function in _reached(module, set(module.functions)):
        for access in _accesses(owner, function):
            is_written = access.table in job.writes
            is_read = access.table.name in job.readable_tables
            is_declared = (is_written and access.verb not in READS) or (
                is_read and access.verb not in WRITES
            )
            if not is_declared:
                found.append(f"{function.name}: {access.line}")
    return found


def test_a_job_that_asks_for_consents_waits_for_those_who_resolve_them() -> None:
    """`scope.consenting_customers` reads the statements under the person's surrogate."""
    asking = []
    for job in JOBS.values():
        module = Module(job.run.__module__)
        reached = _reached(module, set(module.functions))
        if any("scope.consenting_customers(" in ast.unparse(function) for _, function in reached):
            asking.append(job.name)
            assert {CONSENTS.name, RESPONSES.name, RESOLUTIONS.name} <= job.input_tables, job.name
    assert {"strategy", "deliver"} <= set(asking)


def test_calls_are_found_in_jobs_and_workflows() -> None:
    module = Module(JOBS["ingest"].run.__module__)
    verbs = {
        (access.verb, access.table.name)
        for owner, function in _reached(module, {"run"})
        for access in _accesses(owner, function)
    }
    assert ("append", "ops.files") in verbs
    assert ("merge", "vault.personal_data") in verbs  # in workflows/intake.py
    assert ("replace", "bronze.orders") in verbs  # BRONZE[…]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_names_no_table_that_it_does_not_declare(name: str) -> None:
    assert _violations(JOBS[name]) == []


@pytest.mark.parametrize("name", JOBS)
def test_a_job_reaches_the_lake_through_its_scope_only(name: str) -> None:
    module = JOBS[name].run.__module__
    path = ROOT / "jobs" / Path(*module.split(".")[2:]).with_suffix(".py")
    assert "clarion.lake.lake" not in path.read_text(encoding="utf-8")


def test_nobody_reaches_for_the_lake_behind_a_scope() -> None:
    for path in [*(ROOT / "jobs").rglob("*.py"), *(ROOT / "libs").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert "scope._lake" not in text, path
        assert "scope.lake" not in text, path
