"""Capabilities and measures compute; they run no action, unless the bound of its result is stated."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "libs" / "clarion"
FOLDERS = (
    "collect",
    "customers",
    "products",
    "streaming",
    "prediction",
    "campaigns",
    "sim",
    "measures",
)
# Actions and calls of the session: a transform has none, so that it can be tested with three rows.
BANNED = {
    "udf",
    "rdd",
    "collect",
    "toPandas",
    "toLocalIterator",
    "isEmpty",
    "head",
    "take",
    "tail",
    "foreach",
    "cache",
    "persist",
    "getOrCreate",
    "current_date",
    "now",
    "current_timestamp",
    "sparkContext",
    "_jvm",
}
# Modules that may run actions, and how many rows these bring to the driver.
BOUNDS = {
    "campaigns/decisions/allocation.py": "10,000 customers; a row per multiplier or part",
    "campaigns/decisions/decisions.py": "one row of sums",
    "campaigns/decisions/plans.py": "one row of sums",
    "collect/cleaning/missing.py": "a row per group of the policy",
    "collect/identity/components.py": "whether any row is left",
    "collect/identity/model.py": "a row per field, and one per pattern of agreement",
    "collect/sources/records.py": "a row per file, and its column names",
    "collect/sources/readers/delta_table.py": "one row: the newest version of a table",
    "collect/sources/readers/files.py": "a row per file of a stream's batch",
    "collect/sources/readers/kafka_topic.py": "a row per partition of a topic",
    "collect/sources/readers/tables.py": "one row: the last key of a table",
    "customers/segments/model.py": "the sample, by the setting max_fit_rows",
    "customers/segments/scoring.py": "the sample, by the setting max_fit_rows",
    "prediction/outcomes/fitting.py": "the rows that choose, calibrate and judge, by the setting max_fit_rows",
    "prediction/outcomes/models/bg_nbd.py": "a row per purchases, days and value, rounded: at most a row a customer of max_fit_rows",
    "products/matching/text.py": "some hundred bytes per product and listing",
    "products/similarity/collaborative.py": "a row per customer and product, sparse",
    "products/similarity/model.py": "one row: the vocabulary",
    "products/similarity/neighbours.py": "the features of each product, and k rows per product",
    "products/similarity/purity.py": "one row per share",
    "sim/files.py": "counts of what was planted",
    "streaming/metrics.py": "one row of sums",
}
MODULES = sorted(path for folder in FOLDERS for path in (LIBRARY / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(LIBRARY))


def _actions(path: Path) -> set[str]:
    """Actions and session calls that a module names; `F.first` is an aggregate, `.first()` is not."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    methods = [node.func for node in nodes if isinstance(node, ast.Call)]
    called = {
        f"{ast.unparse(method.value)}.{method.attr}"
        for method in methods
        if isinstance(method, ast.Attribute) and method.attr == "first"
    }
    return (attributes & BANNED) | (called - {"F.first"})


def test_every_folder_has_modules() -> None:
    for folder in FOLDERS:
        assert any(_name(path).startswith(f"{folder}/") for path in MODULES), folder
    assert {path.parent.name for path in (LIBRARY / "measures").rglob("*.py")} >= {"columns"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_without_a_stated_bound_runs_no_action(path: Path) -> None:
    assert _name(path) in BOUNDS or _actions(path) == set()


@pytest.mark.parametrize("name", BOUNDS)
def test_a_stated_bound_is_needed(name: str) -> None:
    assert _actions(LIBRARY / name)
