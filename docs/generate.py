"""Write the pages of docs/ that follow from the code, the tests and each other.

Tables come from the contracts and the jobs' declarations, requirements and coverage from the tests'
marks, the index of methods from the capabilities' READMEs, the index of decisions from the
decisions, and the table of jobs in docs/architecture.md from what jobs import.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from requirement_pages import coverage_page, requirements_page

from clarion.contracts import TABLES, Table
from clarion.jobs.registry import JOBS
from clarion.runtime import pipeline
from clarion.runtime.job import Job

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LIBRARY = ROOT / "libs" / "clarion"
JOB_TABLE = re.compile(r"(<!-- jobs: .*? -->\n).*?(<!-- end of jobs -->)", re.DOTALL)
# Rows that no job writes, and who does.
OTHER_WRITERS = {
    "ops.leases": "a job that follows streams of a lake behind a URL",
    "ops.runs": "every run",
    "ops.erasures": "`clarion erase`",
    "vault.suppressed": "`clarion erase`",
}
# Facts that are kept and that no job reads yet: for what, and the requirements that will read them.
LATER_USES = {
    "silver.costs": ("what campaigns cost, beside what they bring", ("E2", "E4", "X1")),
    "silver.assets": ("pictures and texts of products, in lists and on pages", ("R6", "V1")),
}
# They touch whole layers; the index of tables says so once.
EVERYWHERE = ("upkeep", "scan")
SCAN_WRITES = ("ops.leaks", "ops.scanned")


def generated_pages() -> dict[Path, str]:
    """Every generated file and its text."""
    pages = {DOCS / "tables" / f"{table.name}.md": table_page(table) for table in TABLES.values()}
    pages[DOCS / "tables" / "README.md"] = tables_index()
    pages[DOCS / "requirements.md"] = requirements_page()
    pages[DOCS / "coverage.md"] = coverage_page()
    pages[DOCS / "methods" / "README.md"] = methods_index()
    pages[DOCS / "adr" / "README.md"] = decisions_index()
    architecture = (DOCS / "architecture.md").read_text(encoding="utf-8")
    pages[DOCS / "architecture.md"] = with_job_table(architecture)
    return pages


def table_page(table: Table) -> str:
    """The page of one table."""
    grain = table.grain[0].upper() + table.grain[1:]
    lines = [
        f"# {table.name}",
        "",
        f"{grain}." if table.grain.startswith("one ") else f"One row is {table.grain}.",
        "",
        f"- Key: {', '.join(table.key)}. Slice that a run replaces: "
        f"{', '.join(table.slice) or 'none'}.",
        f"- Written by: {writers(table)}. Read by: {readers(table)}.",
        f"- Rows are kept {kept(table)}. Older versions of the table reach back "
        f"{table.history_days} days.",
        f"- [Owner](README.md#how-to-read-a-page): {table.owner}.",
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


def writers(table: Table) -> str:
    """Who writes the rows of a table."""
    jobs = [
        f"`{job.name}`" for job in JOBS.values() if table in job.writes and is_listed(job, table)
    ]
    other = OTHER_WRITERS.get(table.name)
    return ", ".join([*jobs, *([other] if other else [])])


def readers(table: Table) -> str:
    """Which jobs read a table; those that only read rows of earlier runs last."""
    listed = [job for job in JOBS.values() if is_listed(job, table)]
    now = [f"`{job.name}`" for job in listed if table.name in job.input_tables]
    earlier = [
        f"`{job.name}`"
        for job in listed
        if table in job.reads_earlier and table.name not in job.input_tables
    ]
    parts = [", ".join(now)] if now else []
    parts += [f"{', '.join(earlier)} (rows of earlier runs)"] if earlier else []
    return "; ".join(parts) or unread(table)


def unread(table: Table) -> str:
    """What the rows of a table are for that no job reads."""
    if table.name not in LATER_USES:
        return "no job; it is for people and reports"
    use, ids = LATER_USES[table.name]
    links = ", ".join(f"[{name}](../requirements.md#{name.lower()})" for name in ids)
    return f"no job yet; later, for {use} ({links})"


def is_listed(job: Job, table: Table) -> bool:
    """Whether the page of a table names a job: not where the job touches whole layers."""
    return job.name not in EVERYWHERE or (job.name == "scan" and table.name in SCAN_WRITES)


def kept(table: Table) -> str:
    """How long rows stay."""
    if table.keep_days is None:
        return "until the shop deletes them"
    return f"{table.keep_days} days after their as-of day; `upkeep` deletes older ones"


OWNERS = {
    "data": "what arrived, the facts made of it, and who is who",
    "privacy": "personal values, keys, leaks and erasures",
    "growth": "what is known and predicted of customers and sales",
    "merchandise": "products, and which of them resemble or accompany each other",
    "campaigns": "offers, decisions, messages and what came of them",
    "operations": "runs, quality and streams",
}


def tables_index() -> str:
    """All tables, by layer."""
    lines = [
        "# Tables",
        "",
        "Each table is declared once, in `libs/clarion/contracts`. These pages follow from it.",
        "",
        "## How to read a page",
        "",
        "- **Slice**: the rows that one run owns and replaces as a whole. A table without a slice "
        "is appended to, or its rows are merged by their key.",
        "- **Written by, read by**: jobs, from their declarations. Three are left out, since they "
        "touch whole layers: `upkeep` maintains every table, `scan` looks for personal values in "
        "every layer but the vault, and `clarion erase` removes a person everywhere.",
        "- **Rows are kept**: how long rows stay in the table. **Older versions** are another "
        "matter: for so many days Delta can show the table as it was (time travel).",
        "- **Owner**: the team of the shop that answers questions about the table and agrees to "
        "changes of it. It is a word for people; `conf/grants.yml` says who may read what.",
        "",
        "| owner | answers for |",
        "|---|---|",
        *(table_row((owner, meaning)) for owner, meaning in OWNERS.items()),
    ]
    for layer in dict.fromkeys(table.layer for table in TABLES.values()):
        lines += ["", f"## {layer}", "", "| table | one row is |", "|---|---|"]
        own = [table for table in TABLES.values() if table.layer == layer]
        lines += [table_row((f"[{table.name}]({table.name}.md)", table.grain)) for table in own]
    lines += [
        "",
        "## Facts that no job reads yet",
        "",
        "They are taken, cleaned and kept, so that their history is there when it is needed.",
        "",
        "| table | later use | requirements |",
        "|---|---|---|",
    ]
    for name, (use, ids) in LATER_USES.items():
        links = " ".join(f"[{item}](../requirements.md#{item.lower()})" for item in ids)
        lines.append(table_row((f"[{name}]({name}.md)", use, links)))
    return "\n".join(lines) + "\n"


def with_job_table(page: str) -> str:
    """A page with the table of jobs between its two marks."""
    rows = ["| job | what it does | steps in `workflows` | method |", "|---|---|---|---|"]
    rows += [table_row(job_cells(job)) for job in all_jobs()]
    text = "\n".join(rows)
    return JOB_TABLE.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page)


def all_jobs() -> tuple[Job, ...]:
    """The jobs of the loop in their order, then those of upkeep."""
    upkeep = (job for job in JOBS.values() if job.part == "upkeep")
    return (*pipeline.order(JOBS.values()), *upkeep)


def job_cells(job: Job) -> tuple[str, ...]:
    """A job with links to its code, the workflows it calls, and the README of its method."""
    code = Path(*job.run.__module__.split(".")[1:]).with_suffix(".py")  # jobs/<part>/<job>.py
    modules = imported_modules(ROOT / code)
    workflows = sorted({name.split(".")[2] for name in modules if name.startswith("clarion.workf")})
    links = [f"[{name}](../libs/clarion/workflows/{name}.py)" for name in workflows]
    readme = method_of(code.parent.name, modules, workflows)
    method = f"[{readme.parent.as_posix()}](../libs/clarion/{readme.as_posix()})" if readme else ""
    return f"[`{job.name}`](../{code.as_posix()})", job.one_line, " ".join(links), method


def method_of(part: str, modules: list[str], workflows: Iterable[str]) -> Path | None:
    """The README of the capability that a job and its workflows import most from.

    Only capabilities of the job's part count. Jobs of upkeep have no part of their own.
    """
    for name in workflows:
        modules = modules + imported_modules(LIBRARY / "workflows" / f"{name}.py")
    found: Counter[Path] = Counter()
    for name in modules:
        wing, capability = name.split(".")[1:3]
        for readme in (Path(wing, "README.md"), Path(wing, capability, "README.md")):
            if part in (wing, "upkeep") and (LIBRARY / readme).is_file():
                found[readme] += 1
    return found.most_common(1)[0][0] if found else None


def imported_modules(file: Path) -> list[str]:
    """The names that a file imports from clarion, each with its module."""
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clarion.")
        for alias in node.names
    ]


def methods_index() -> str:
    """The capabilities, each with the question it answers and the page of its method."""
    lines = [
        "# Methods",
        "",
        "One page per capability: the question it answers, its formulas, its assumptions and "
        "limits, and how it was validated. Each text is beside the code, in the README of "
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
        "# Design decisions",
        "",
        "One record (ADR) per design decision that is hard to undo: status, date, context, "
        "alternatives considered, decision and consequences, good and bad. The decision about a "
        "customer is something else: a row of `gold.decisions`.",
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
