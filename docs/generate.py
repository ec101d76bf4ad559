"""Writes what is derived from the code: docs/tables/*.md from the contracts, docs/coverage.md from the tests' marks."""

import ast
import re
import sys
from pathlib import Path

from clarion.contracts import TABLES, Table

ROOT = Path(__file__).resolve().parents[1]


def table_page(table: Table) -> str:
    """The page of one table."""
    lines = [
        f"# {table.name}",
        "",
        f"One row is {table.grain}." if not table.grain.startswith("one ") else f"{table.grain[0].upper()}{table.grain[1:]}.",
        "",
        f"Key: {', '.join(table.key)}. Slice a run replaces: {', '.join(table.slice) or 'none'}. Owner: {table.owner}. History: {table.history_days} days.",
        "",
        "| column | type | null | unit | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in table.columns:
        personal = " (personal, sealed)" if column.personal else ""
        lines.append(f"| `{column.name}` | {column.type} | {'may be' if column.nullable else 'no'} | {column.unit or ''} | {column.meaning}{personal} |")
    if table.checks:
        lines += ["", "| check | holds when |", "|---|---|"]
        lines += [f"| {check.name} | `{check.expression}` |" for check in table.checks]
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Every generated file and its text."""
    found = {ROOT / "docs" / "tables" / f"{table.name}.md": table_page(table) for table in TABLES.values()}
    index = ["# Tables", "", "| table | one row is |", "|---|---|"]
    index += [f"| [{table.name}]({table.name}.md) | {table.grain} |" for table in TABLES.values()]
    found[ROOT / "docs" / "tables" / "README.md"] = "\n".join(index) + "\n"
    found[ROOT / "docs" / "coverage.md"] = coverage()
    return found


def coverage() -> str:
    """Which requirement is shown by which tests."""
    marks: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.covers":
                        for argument in decorator.args:
                            marks.setdefault(ast.literal_eval(argument), []).append(f"{node.name.removeprefix('test_').replace('_', ' ')}")
    lines = ["# Requirements and the tests that show them", "", "A requirement without a line here is open.", "", "| requirement | shown by |", "|---|---|"]
    order = sorted(marks, key=lambda name: (re.sub(r"\d", "", name), int(re.sub(r"\D", "", name))))
    lines += [f"| {name} | {'; '.join(marks[name])} |" for name in order]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(pages())} files\n")
