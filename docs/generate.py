"""Write the pages of docs/ that follow from the code, the tests and each other.

Tables come from the contracts, requirements and coverage from the tests' marks, the index of
methods from the capabilities' READMEs, the index of decisions from the decisions.
"""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from clarion.contracts import TABLES, Table

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LIBRARY = ROOT / "libs" / "clarion"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement, as docs/requirements.yml defines it."""

    id: str
    area: str
    text: str
    planned: bool


@dataclass(frozen=True, slots=True)
class CoveringTest:
    """A test that shows a requirement."""

    path: str
    name: str

    @property
    def sentence(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")


def generated_pages() -> dict[Path, str]:
    """Every generated file and its text."""
    pages = {DOCS / "tables" / f"{table.name}.md": table_page(table) for table in TABLES.values()}
    pages[DOCS / "tables" / "README.md"] = tables_index()
    pages[DOCS / "requirements.md"] = requirements_page()
    pages[DOCS / "coverage.md"] = coverage_page()
    pages[DOCS / "methods" / "README.md"] = methods_index()
    pages[DOCS / "adr" / "README.md"] = decisions_index()
    return pages


def table_page(table: Table) -> str:
    """The page of one table."""
    grain = table.grain[0].upper() + table.grain[1:]
    lines = [
        f"# {table.name}",
        "",
        f"{grain}." if table.grain.startswith("one ") else f"One row is {table.grain}.",
        "",
        f"Key: {', '.join(table.key)}. Slice a run replaces: {', '.join(table.slice) or 'none'}. "
        f"Owner: {table.owner}. History: {table.history_days} days.",
        "",
        "| column | type | null | unit | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in table.columns:
        null = "may be" if column.nullable else "no"
        meaning = column.meaning + (" (personal, sealed)" if column.personal else "")
        cells = (f"`{column.name}`", column.type, null, column.unit or "", meaning)
        lines.append(table_row(cells))
    if table.checks:
        lines += ["", "| check | holds when |", "|---|---|"]
        lines += [table_row((check.name, f"`{check.expression}`")) for check in table.checks]
    return "\n".join(lines) + "\n"


def table_row(cells: tuple[str, ...]) -> str:
    """One row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def tables_index() -> str:
    """All tables, by layer."""
    lines = ["# Tables", ""]
    lines += [
        "Each table is declared once, in `libs/clarion/contracts`. These pages follow from it."
    ]
    for layer in dict.fromkeys(table.layer for table in TABLES.values()):
        lines += ["", f"## {layer}", "", "| table | one row is |", "|---|---|"]
        own = [table for table in TABLES.values() if table.layer == layer]
        lines += [table_row((f"[{table.name}]({table.name}.md)", table.grain)) for table in own]
    return "\n".join(lines) + "\n"


def requirements() -> list[Requirement]:
    """All requirements, in the order of docs/requirements.yml."""
    areas = yaml.safe_load((DOCS / "requirements.yml").read_text(encoding="utf-8"))
    return [
        Requirement(id=name, area=area, text=entry["text"], planned=entry.get("planned", False))
        for area, entries in areas.items()
        for name, entry in entries.items()
    ]


def covering_tests() -> dict[str, list[CoveringTest]]:
    """The tests that show each requirement, by their marks."""
    covering: dict[str, list[CoveringTest]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name in covered_ids(node):
                    covering.setdefault(name, []).append(CoveringTest(path=path, name=node.name))
    return covering


def covered_ids(test: ast.FunctionDef) -> list[str]:
    """The requirements that a test's marks name."""
    marks = [
        decorator
        for decorator in test.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.covers"
    ]
    return [ast.literal_eval(argument) for mark in marks for argument in mark.args]


def by_area() -> dict[str, list[Requirement]]:
    """The requirements of each area."""
    areas: dict[str, list[Requirement]] = {}
    for requirement in requirements():
        areas.setdefault(requirement.area, []).append(requirement)
    return areas


def requirements_page() -> str:
    """What Clarion must do, and the tests that show it."""
    covering = covering_tests()
    lines = [
        "# Requirements",
        "",
        "What Clarion must do. A requirement counts when a test that could fail shows it: the test "
        'carries `@pytest.mark.covers("Q1")`. Targets that depend on how people behave are '
        "measured on simulated shops whose truth is known, and are never asserted as results. "
        "*Planned* says that no test shows the requirement yet.",
    ]
    for area, members in by_area().items():
        lines += ["", f"## {area}"]
        for requirement in members:
            lines += ["", f"### {requirement.id}", "", requirement.text, ""]
            tests = covering.get(requirement.id, [])
            lines += [f"- [{test.sentence}](../{test.path})" for test in tests]
            if requirement.planned:
                lines.append("*Planned.*")
    return "\n".join(lines) + "\n"


def coverage_page() -> str:
    """How many requirements are shown, and which files show them."""
    covering = covering_tests()
    lines = [
        "# Coverage of the requirements",
        "",
        "[Requirements](requirements.md) has the sentence and the tests of each.",
        "",
        "| area | shown | planned |",
        "|---|---|---|",
    ]
    for area, members in by_area().items():
        shown = [item.id for item in members if item.id in covering]
        planned = [item.id for item in members if item.planned]
        lines.append(table_row((area, " ".join(shown), " ".join(planned))))
    files: dict[str, set[str]] = {}
    for name, tests in covering.items():
        for test in tests:
            files.setdefault(test.path, set()).add(name)
    lines += ["", "| tests | requirements they show |", "|---|---|"]
    for path in sorted(files):
        ids = sorted(files[path], key=lambda name: (name[0], int(name[1:])))
        lines.append(table_row((f"[{path}](../{path})", " ".join(ids))))
    return "\n".join(lines) + "\n"


def methods_index() -> str:
    """The capabilities, each with the question it answers and the page of its method."""
    lines = [
        "# Methods",
        "",
        "One page per capability: the question it answers, its formulas, its assumptions and "
        "limits, and how it was validated. Each text stands beside the code, in the README of "
        "the capability's folder.",
        "",
        "| capability | question |",
        "|---|---|",
    ]
    for readme in sorted(LIBRARY.rglob("README.md")):
        path = readme.relative_to(ROOT).as_posix()
        name = ".".join(readme.parent.relative_to(LIBRARY).parts)
        text = readme.read_text(encoding="utf-8")
        question = re.search(r"\*\*Question\.\*\* (.*?)(?:\n\n|$)", text, re.DOTALL)
        words = question[1].split() if question else []
        lines.append(table_row((f"[{name}](../../{path})", " ".join(words))))
    return "\n".join(lines) + "\n"


def decisions_index() -> str:
    """The decisions, each with its date, its status and the alternatives that were considered."""
    lines = [
        "# Decisions",
        "",
        "One record per decision that is hard to undo: status, date, context, alternatives "
        "considered, decision and consequences, good and bad.",
        "",
        "| decision | date | status | alternatives considered |",
        "|---|---|---|---|",
    ]
    for path in sorted((DOCS / "adr").glob("0*.md")):
        text = path.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        status = re.search(r"^- Status: (.*)$", text, re.MULTILINE)
        day = re.search(r"^- Date: (.*)$", text, re.MULTILINE)
        part = re.search(r"^## Alternatives considered\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
        alternatives = re.findall(r"^- \*\*(.*?)\.?\*\*", part[1] if part else "", re.MULTILINE)
        cells = (
            f"[{title}]({path.name})",
            day[1] if day else "",
            status[1] if status else "",
            "; ".join(alternatives),
        )
        lines.append(table_row(cells))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, text in generated_pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(generated_pages())} files\n")
