"""What the docs name exists: links, anchors, paths, commands, flags, settings, tables, requirements."""

import ast
import re
import sys
from pathlib import Path

import click
import pytest
import yaml

from clarion.cli.main import cli
from clarion.contracts import TABLES
from clarion.contracts.silver import FACTS
from clarion.jobs.registry import JOBS
from clarion.runtime import pipeline

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from generate import (  # noqa: E402  (docs/ is put on the path above)
    LATER_USES,
    OWNERS,
    readers,
    writers,
)
from requirement_pages import (  # noqa: E402  (as above)
    CoveringTest,
    covered,
    covering_tests,
    missing_of,
    requirements,
)

TOP = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = (
    *(ROOT / name for name in TOP),
    *sorted(
        page
        for page in (ROOT / "docs").rglob("*.md")
        if page.parent.name != "tables" or page.name == "README.md"  # the rest is generated
    ),
    *sorted((ROOT / "libs" / "clarion").rglob("README.md")),
)
SETTINGS = yaml.safe_load((ROOT / "conf" / "base.yml").read_text(encoding="utf-8"))
# Speak of names that are gone, or of files that the reader makes.
OF_THE_PAST = {"CHANGELOG.md", "docs/glossary.md"}
OF_THE_READER = re.compile(
    r"best_sellers|catalogue/settings|letters|workflows/senders|revenue_per_message|refill|myshop"
    r"|unsubscribe|orc_files|deliveries"
)
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
PATH = re.compile(r"`((?:libs|jobs|conf|tests|docs|bin|benchmarks|notebooks)/[^`\s<>]+)`")
TABLE = re.compile(r"`((?:bronze|silver|gold|live|vault|ops)\.[a-z_]+)(?:\.[a-z_]+)?`")
SETTING = re.compile(r"`([a-z_]+)\.([a-z_]+)`")
COMMAND = re.compile(r"(?:^|`)clarion ([a-z][^`#\n]*)", re.MULTILINE)
TARGET = re.compile(r"\bmake ([a-z-]+)\b(?=[`\s,;:)]*(?:$|[`#A-Z]))", re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_table_and_setting_a_page_names_exists(page: Path) -> None:
    if name_of(page) in OF_THE_PAST:
        return
    text = prose(page)
    for path in PATH.findall(text):
        if not OF_THE_READER.search(path):
            assert list(ROOT.glob(path.rstrip("/"))), path
    for table in TABLE.findall(text):
        assert table in TABLES or OF_THE_READER.search(table), table
    for section, key in SETTING.findall(text):
        if isinstance(SETTINGS.get(section), dict) and key not in ("py", "yml", "md"):
            assert any(name.startswith(key) for name in SETTINGS[section]), f"{section}.{key}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    assert set(TARGET.findall(text)) <= targets
    if name_of(page) in OF_THE_PAST:
        return
    for line in COMMAND.findall(text):
        if job := re.match(r"run ([a-z_]+)", line):
            assert job[1] in ("all", *JOBS) or OF_THE_READER.search(line), line
        command, flags = command_of(line)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(flags) <= {*known, "--help", "--version"}, line


def command_of(line: str) -> tuple[click.Command, list[str]]:
    """The command that a line calls, and its flags."""
    command: click.Command = cli
    words = line.split()
    while words and isinstance(command, click.Group):
        name = words.pop(0).split("|")[0].rstrip(".,;:")
        if name.startswith("--"):
            return command, []
        assert name in command.commands, line
        command = command.commands[name]
    outside_of_quotes = re.sub(r"\"[^\"]*\"", "", " ".join(words))
    return command, re.findall(r"(?<=\s)--[a-z-]+", f" {outside_of_quotes}")


def test_the_page_of_a_table_knows_its_writer_and_its_owner() -> None:
    assert [table.name for table in TABLES.values() if not writers(table)] == []
    assert {table.owner for table in TABLES.values()} == set(OWNERS)


def test_every_job_of_the_loop_is_in_one_of_the_five_steps() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| S\d [^|]*\|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    named = [name for step in steps for name in re.findall(r"`([a-z_]+)`", step)]
    assert sorted(named) == sorted(job.name for job in pipeline.order(JOBS.values()))


def test_the_readmes_of_both_languages_name_the_same_tables_commands_and_pages() -> None:
    def named(name: str) -> list[set[str]]:
        text = (ROOT / name).read_text(encoding="utf-8")
        commands = {line.split("  ")[0] for line in COMMAND.findall(text) if '"' not in line}
        pages = set(LINK.findall(text)) - {"README.md", "README.zh-CN.md"}
        return [set(TABLE.findall(text)), {line.strip() for line in commands}, pages]

    english, chinese = named("README.md"), named("README.zh-CN.md")
    assert english == chinese


def test_every_requirement_is_shown_by_a_test_or_marked_as_planned() -> None:
    covering = covering_tests()
    defined = {requirement.id: requirement for requirement in requirements()}
    assert set(covering) <= set(defined), "docs/requirements.yml defines what a test may cover"
    neither = [name for name, item in defined.items() if name not in covering and not item.planned]
    both = [name for name, item in defined.items() if name in covering and item.planned]
    assert neither == [], "write a test, or mark it as planned in docs/requirements.yml"
    assert both == [], "it is shown: take 'planned' out of docs/requirements.yml"


def test_a_mark_says_what_no_test_asserts_and_the_requirement_is_partly_shown() -> None:
    source = """
@pytest.mark.covers("C7", "C8")
@pytest.mark.covers("C9", partly="what is right")
def test_it(): ...
"""
    test = ast.parse(source).body[0]
    assert isinstance(test, ast.FunctionDef)
    assert covered(test) == [("C7", None), ("C8", None), ("C9", "what is right")]
    covering = {
        "C9": [CoveringTest("a", "test_a"), CoveringTest("b", "test_b", "what is right")],
        "C7": [CoveringTest("a", "test_a")],
    }
    assert missing_of(covering, "C9") == ["what is right"]
    assert missing_of(covering, "C7") == missing_of(covering, "C8") == []
    for wrong in ('partly=""', 'partley="what is right"'):
        bad = ast.parse(source.replace('partly="what is right"', wrong)).body[0]
        assert isinstance(bad, ast.FunctionDef)
        with pytest.raises(ValueError, match="test_it: write covers"):
            covered(bad)


def test_facts_that_no_job_reads_say_for_which_planned_requirement_they_are_kept() -> None:
    planned = {requirement.id for requirement in requirements() if requirement.planned}
    facts = {table.name for table in FACTS.values()}
    unread = {name for name in facts if readers(TABLES[name]).startswith("no job")}
    # The access policy reads rates; no job declares them.
    assert unread - {"silver.rates"} == set(LATER_USES)
    for name, (_, ids) in LATER_USES.items():
        assert set(ids) <= planned, name


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=name_of)
def test_every_decision_has_the_same_form(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    number = int(record.name[:4])
    form = (
        rf"# {number}\. .+\n\n- Status: .+\n- Date: \d{{4}}-\d\d-\d\d\n\n## Context\n\n.+"
        r"\n\n## Alternatives considered\n\n- \*\*.+\n\n## Decision\n\n.+\n\n## Consequences\n\n.+"
    )
    assert re.fullmatch(form, text, re.DOTALL)


@pytest.mark.parametrize(
    "readme", sorted((ROOT / "libs" / "clarion").rglob("README.md")), ids=name_of
)
def test_every_method_page_has_the_same_form(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    assert re.search(r"^\*\*Question\.\*\* .+\?", text, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    wanted = ["Assumptions", "Limits", "Validated by"]
    assert any(heading.startswith("Method") for heading in headings)
    assert [heading for heading in headings if heading in wanted] == wanted
