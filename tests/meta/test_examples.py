"""Public functions of the lowest layers carry an example; those without Spark are run."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBS = ROOT / "libs"
WITHOUT_SPARK = ("clarion/kernel", "clarion/measures/statistics")
WITH_SPARK = ("clarion/measures/columns",)


def _modules(folders: tuple[str, ...]) -> list[Path]:
    found = [path for folder in folders for path in sorted((LIBS / folder).rglob("*.py"))]
    assert found, "no module found: the folders have moved"
    return [path for path in found if path.name != "__init__.py"]


def _functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


@pytest.mark.parametrize("path", _modules(WITHOUT_SPARK), ids=lambda path: path.stem)
def test_an_example_without_spark_gives_what_it_says(path: Path) -> None:
    name = ".".join(path.relative_to(LIBS).with_suffix("").parts)
    result = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert result.failed == 0
    for function in _functions(path):
        assert ">>> " in (ast.get_docstring(function) or ""), f"{name}.{function.name}: no example"


@pytest.mark.parametrize("path", _modules(WITH_SPARK), ids=lambda path: path.stem)
def test_a_function_on_columns_has_an_example(path: Path) -> None:
    for function in _functions(path):
        text = ast.get_docstring(function) or ""
        assert "Example:" in text, f"{path.name}: {function.name}"
        assert f"{function.name}(" in text, f"{path.name}: {function.name}"
