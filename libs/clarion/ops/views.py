"""How findings are shown in a terminal."""

from typing import Any

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from clarion.ops.onboarding import Trial


def trial(tried: Trial, *, show: int) -> Group:
    """Accepted rows and refusals of one source, side by side with what the source held."""
    source = tried.source
    mapped = [name for name in source.columns if name not in source.personal]
    accepted = RichTable("record", *mapped, *(f"{name} (shape)" for name in source.personal), title=f"{tried.accepted} accepted", title_justify="left")
    refused = RichTable("record", "reasons", "what stood there", title=f"{tried.refused} refused", title_justify="left")
    for row in [row for row in tried.rows if not row["_reasons"]][:show]:
        accepted.add_row(str(row["_row"]), *(_cell(row[name]) for name in (*mapped, *source.personal)))
    for row in [row for row in tried.rows if row["_reasons"]][:show]:
        reasons = [f"{reason['rule']} {reason['column']}".strip() for reason in row["_reasons"]]
        refused.add_row(str(row["_row"]), "\n".join(reasons), "\n".join(reason["sample"] or "nothing" for reason in row["_reasons"]))
    heading = Text(f"\n{source.name}: the first {len(tried.rows)} records of {tried.path}", style="bold")
    rules = Text("rules that hold:\n  " + "\n  ".join(tried.policies) if tried.policies else "no rules hold")
    return Group(heading, accepted, *([refused] if tried.refused else []), rules)


def quarantined(rows: list[dict[str, Any]]) -> RichTable:
    """Records in quarantine by source and reason."""
    table = RichTable("source", "reason", "column", "records", "files")
    for row in rows:
        style = "bold" if row["rule"] == "" else None
        table.add_row(row["_source"] if style else "", row["rule"] or "all", row["column"], f"{row['records']:,}", f"{row['files']:,}", style=style)
    return table


def noise(rows: list[dict[str, Any]]) -> RichTable:
    """Facts that are not counted, by detector."""
    table = RichTable(
        "detector", "facts", "not counted", "reason", title="noise: stays in silver, is left out for analytics and marketing", title_justify="left"
    )
    for row in rows:
        table.add_row(row["detector"], row["facts"], f"{row['found']:,}", row["reason"])
    return table


def sampled(rows: list[dict[str, Any]]) -> RichTable:
    """Quarantined records, each value by its shape."""
    table = RichTable("source", "file and record", "reasons", "shape of the record")
    for row in rows:
        reasons = [f"{reason['rule']} {reason['column']}".strip() for reason in row["reasons"]]
        shape = "\n".join(f"{name}: {_cell(value)}" for name, value in sorted(row["raw"].items()) if not name.startswith("token:"))
        table.add_row(row["_source"], f"{row['_file']}\n{row['_row']}", "\n".join(reasons), shape)
    return table


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
