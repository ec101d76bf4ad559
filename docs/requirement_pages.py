"""What must be done, and what the tests show of it: docs/requirements.md and docs/coverage.md."""

import ast
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement, as docs/requirements.yml defines it."""

    id: str
    area: str
    text: str
    planned: bool


@dataclass(frozen=True, slots=True)
class CoveringTest:
    """A test that shows a requirement, or a part of it.

    Args:
        path: its file.
        name: its name.
        missing: what of the requirement no test asserts yet; None where nothing is missing.
    """

    path: str
    name: str
    missing: str | None = None

    @property
    def sentence(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")


Covering = dict[str, list[CoveringTest]]


def requirements() -> list[Requirement]:
    """All requirements, in the order of docs/requirements.yml."""
    areas = yaml.safe_load((DOCS / "requirements.yml").read_text(encoding="utf-8"))
    return [
        Requirement(id=name, area=area, text=entry["text"], planned=entry.get("planned", False))
        for area, entries in areas.items()
        for name, entry in entries.items()
    ]


def covering_tests() -> Covering:
    """The tests that show each requirement, by their marks."""
    covering: Covering = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for name, missing in covered(node):
                    covering.setdefault(name, []).append(CoveringTest(path, node.name, missing))
    return covering


def covered(test: ast.FunctionDef) -> list[tuple[str, str | None]]:
    """The requirements that a test's marks name, each with what they say is missing.

    Raises:
        ValueError: a mark has another keyword than `partly`, or `partly` says nothing.
    """
    found: list[tuple[str, str | None]] = []
    for mark in test.decorator_list:
        if not isinstance(mark, ast.Call) or ast.unparse(mark.func) != "pytest.mark.covers":
            continue
        words = {keyword.arg: ast.literal_eval(keyword.value) for keyword in mark.keywords}
        missing = words.pop("partly", None)
        if words or missing == "":
            raise ValueError(
                f"{test.name}: write covers('C7') or covers('C7', partly='what is missing')"
            )
        found += [(ast.literal_eval(argument), missing) for argument in mark.args]
    return found


def missing_of(covering: Covering, name: str) -> list[str]:
    """What of a requirement no test asserts, by the marks of its tests."""
    texts = (test.missing for test in covering.get(name, []))
    return list(dict.fromkeys(text for text in texts if text))


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
        "What Clarion must do. A requirement counts as *shown* only if automated tests assert all "
        'that its sentence says: they carry `@pytest.mark.covers("Q1")`. It is *partly* shown '
        'where a mark says what no test asserts: `covers("Q1", partly="what is missing")`. '
        "Targets that depend on how people behave are measured on simulated shops whose truth is "
        "known, and are never asserted as results: the tests check that they are measured as the "
        "requirement says, with an interval. "
        "*Planned* says that no test shows the requirement yet.",
        "",
        "The letter of an id names the area: requirements S1 to S12 are not the steps S1 to S5.",
    ]
    for area, members in by_area().items():
        lines += ["", f"## {area}"]
        for requirement in members:
            lines += ["", f"### {requirement.id}", "", requirement.text, ""]
            tests = covering.get(requirement.id, [])
            lines += [f"- [{test.sentence}](../{test.path})" for test in tests]
            missing = missing_of(covering, requirement.id)
            if missing:
                lines += ["", f"*Partly.* No test asserts: {'; '.join(missing)}."]
            if requirement.planned:
                lines.append("*Planned.*")
    return "\n".join(lines) + "\n"


def coverage_page() -> str:
    """Which requirements are shown, partly or not at all, and which files show them."""
    covering = covering_tests()
    lines = [
        "# Coverage of the requirements",
        "",
        "[Requirements](requirements.md) has the sentence and the tests of each. *Shown* says that "
        "tests assert all of the sentence, *partly* that something of it is asserted by none. "
        "Where a requirement is a target of accuracy (such as P5), the test "
        "checks that it is measured and reported, not that the target is reached.",
        "",
        "| area | shown | partly | planned |",
        "|---|---|---|---|",
    ]
    gaps: list[str] = []
    for area, members in by_area().items():
        covered_ids = [item.id for item in members if item.id in covering]
        partly = [name for name in covered_ids if missing_of(covering, name)]
        shown = [name for name in covered_ids if name not in partly]
        planned = [item.id for item in members if item.planned]
        lines.append(f"| {area} | {' '.join(shown)} | {' '.join(partly)} | {' '.join(planned)} |")
        gaps += [f"| {name} | {'; '.join(missing_of(covering, name))} |" for name in partly]
    if gaps:
        lines += ["", "| partly | what no test asserts |", "|---|---|", *gaps]
    files: dict[str, set[str]] = {}
    for name, tests in covering.items():
        for test in tests:
            files.setdefault(test.path, set()).add(name)
    lines += ["", "| tests | requirements of which they show something |", "|---|---|"]
    for path in sorted(files):
        ids = sorted(files[path], key=lambda name: (name[0], int(name[1:])))
        lines.append(f"| [{path}](../{path}) | {' '.join(ids)} |")
    return "\n".join(lines) + "\n"
