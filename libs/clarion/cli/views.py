"""Tables and texts that commands print."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from clarion.explore.audience import Audience
from clarion.explore.customer_360 import CustomerView
from clarion.explore.scorecard import Score
from clarion.kernel.text import shape
from clarion.onboarding.trial import Trial
from clarion.serving.live_view import LiveCustomer

Row = Mapping[str, Any]


def trial_view(trial: Trial, *, show: int) -> Group:
    """Accepted and rejected records of one source, beside what the source holds.

    Args:
        trial: of a mapping on the first records.
        show: most records of each table.
    """
    source = trial.source
    title = f"\n{source.name}: the first {len(trial.rows)} records of {trial.path}"
    parts: list[RenderableType] = [Text(title, style="bold")]

    # A record is a column: names and values of some twenty mapped columns fit no line.
    rows = [row for row in trial.rows if not row["_reasons"]][:show]
    numbers = [f"record {row['_row']}" for row in rows]
    accepted = _table(f"{trial.accepted} accepted", "column", *numbers)
    hidden = trial.personal_columns
    for name in source.columns:
        label = f"{name} (shape)" if name in hidden else name
        accepted.add_row(label, *(_shown(row[name], is_hidden=name in hidden) for row in rows))
    parts.append(accepted)

    if trial.refused:
        rejected = _table(f"{trial.refused} rejected", "record", "reasons", "value in the record")
        for row in [row for row in trial.rows if row["_reasons"]][:show]:
            samples = "\n".join(
                _shown(reason["sample"] or "nothing", is_hidden=reason["column"] in hidden)
                for reason in row["_reasons"]
            )
            rejected.add_row(str(row["_row"]), _reasons(row["_reasons"]), samples)
        parts.append(rejected)

    if trial.damage:
        parts.append(Text("ids that tables damaged:\n  " + "\n  ".join(trial.damage)))
    rules = "rules that apply:\n  " + "\n  ".join(trial.policies)
    parts.append(Text(rules if trial.policies else "no rules apply"))
    return Group(*parts)


def quarantine_table(rows: list[dict[str, Any]]) -> RichTable:
    """Records in quarantine by source and reason."""
    table = RichTable("source", "reason", "column", "records", "files")
    for row in rows:
        is_total = row["rule"] == ""
        table.add_row(
            row["_source"] if is_total else "",
            row["rule"] or "all",
            row["column"],
            f"{row['records']:,}",
            f"{row['files']:,}",
            style="bold" if is_total else None,
        )
    return table


def invalid_activity_table(rows: list[dict[str, Any]]) -> RichTable:
    """Facts that are not counted, by detector."""
    title = "invalid activity: kept in silver, not counted for analytics and marketing"
    table = _table(title, "detector", "facts", "not counted", "reason")
    for row in rows:
        table.add_row(row["detector"], row["fact_table"], f"{row['flagged']:,}", row["reason"])
    return table


def quarantined_records_table(rows: list[dict[str, Any]]) -> RichTable:
    """Quarantined records, each value by its shape."""
    table = RichTable("source", "file and record", "reasons", "shape of the record")
    for row in rows:
        shapes = "\n".join(
            f"{name}: {_cell(value)}"
            for name, value in sorted(row["raw"].items())
            if not name.startswith("token:")
        )
        record = f"{row['_file']}\n{row['_row']}"
        table.add_row(row["_source"], record, _reasons(row["reasons"]), shapes)
    return table


def runs_table(rows: list[dict[str, Any]]) -> RichTable:
    """Runs of jobs, each on two lines of 80 characters, with its time and what it cost Spark."""
    table = RichTable(box=box.SIMPLE, padding=(0, 0), collapse_padding=True)
    for title in ("run\nstate", "job\nas of", "started\n(UTC)"):
        table.add_column(title, no_wrap=True)
    for title in ("seconds", "rows read\nwritten", "MB read\nwritten", "MB shuffled\nspilled"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row['run_id'][:8]}\n{row['state']}",
            f"{row['job']}\n{row['as_of']}",
            f"{row['started_at']:%Y-%m-%d\n%H:%M:%S}",
            f"{row['seconds']:.1f}",
            f"{_count(row['rows_read'])}\n{sum(row['rows_written'].values()):,}",
            f"{_megabytes(row['bytes_read'])}\n{_megabytes(row['bytes_written'])}",
            f"{_megabytes(row['bytes_shuffled'])}\n{_megabytes(row['bytes_spilled'])}",
        )
    return table


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _megabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:,.1f}"


def audience_view(audience: Audience) -> Group:
    """The size of an audience, its overlap with groups, and a few of its customers."""
    size = (
        f"{audience.matching:,} of {audience.total:,} customers on {audience.as_of}; "
        f"{audience.consenting:,} of them consent to the purpose"
    )
    groups = _table(
        "overlap with groups",
        "group",
        "customers",
        "in the audience",
        "share",
        "95 % interval",
        "lift",
    )
    for group in audience.groups:
        groups.add_row(
            f"{_cell(group.segment_id)} {_cell(group.segment)}",
            f"{group.customers:,}",
            f"{group.matching:,}",
            f"{group.share.value:.1%}",
            f"{group.share.low:.1%} to {group.share.high:.1%}",
            "" if group.lift is None else f"{group.lift:.2f}",
        )
    parts: list[RenderableType] = [Text(size, style="bold"), groups]
    if audience.preview:
        preview = _table("a few of those who consent", *audience.preview[0])
        for row in audience.preview:
            preview.add_row(*(_cell(value) for value in row.values()))
        parts.append(preview)
    return Group(*parts)


def scorecard_view(day: date, scores: Iterable[Score]) -> RichTable:
    """Targets with their values, goals and verdicts."""
    table = _table(f"targets of {day}", "target", "value", "goal", "verdict", "reason")
    table.columns[0].no_wrap = True
    for score in scores:
        value = "" if score.value is None else f"{score.value:.2%}"
        goal = "" if score.goal is None else f"{score.goal:.0%}"
        table.add_row(score.target, value, goal, score.verdict, _cell(score.reason))
    return table


def customer_page(view: CustomerView) -> Group:
    """One customer on one page."""
    profile = view.profile
    summary = (
        f"{view.customer_id} on {view.as_of}: {profile['life_cycle']}, "
        f"known for {profile['tenure_days']:.0f} days, {profile['orders']} orders, "
        f"paid {profile['monetary']:,.2f}"
    )
    groups = _table("groups", "group", "from", "to")
    for row in view.groups:
        name = f"{row['segment_id']} {row['name_en']} · {row['name_zh']}"
        groups.add_row(name, str(row["valid_from"]), _cell(row["valid_to"]) or "now")
    tags = _table("tags", "tag", "since")
    for row in view.tags:
        tags.add_row(_label(row), str(row["since"]))
    service = _features_table("deliveries, returns and service", view.service)
    features = _features_table("features", view.features)
    activity = _table("last activity", "when (UTC)", "what", "product", "amount")
    for row in view.activity:
        when = f"{row['happened_at']:%Y-%m-%d %H:%M}"
        activity.add_row(when, row["type"], _cell(row["product_id"]), _cell(row["amount"]))
    heading = Text(summary, style="bold")
    return Group(heading, groups, tags, service, features, activity, _decisions_table(view))


def _features_table(title: str, features: list[dict[str, Any]]) -> RichTable:
    table = _table(title, "feature", "value", "unit", "mean of all")
    for row in features:
        table.add_row(_label(row), _number(row["value"]), row["unit"], _number(row["mean"]))
    return table


def _decisions_table(view: CustomerView) -> RichTable:
    table = _table("decisions", "day", "decision", "holdout", "not possible, and why")
    for row in view.decisions:
        refusals = (f"{item['action']}: {item['reason']}" for item in row["refusals"] or [])
        is_holdout = "yes" if row["is_holdout"] else ""
        table.add_row(str(row["as_of"]), row["action"], is_holdout, "\n".join(refusals))
    return table


def live_customer_page(view: LiveCustomer, declared: Mapping[str, Row]) -> Group:
    """One customer at this moment.

    Args:
        view: features of the last day and the state on the stream.
        declared: labels, unit and mean by feature.
    """
    stream = "not seen on the stream"
    if view.seen_at:
        cart = ", ".join(view.open_cart) or "nothing"
        stream = (
            f"last seen on the stream {view.seen_at:%Y-%m-%d %H:%M} (UTC), "
            f"interest {view.interest:.3g}, in the cart: {cart}"
        )
    features = _table(f"features as of {view.as_of}", "feature", "value", "unit", "mean of all")
    for name, value in sorted(view.features.items()):
        feature = {"label_en": name, "label_zh": name, **declared.get(name, {})}
        unit = _cell(feature.get("unit"))
        features.add_row(_label(feature), _number(value), unit, _number(feature.get("mean")))
    return Group(Text(f"{view.customer_id}: {stream}", style="bold"), features)


def _table(title: str, *headings: str) -> RichTable:
    return RichTable(*headings, title=title, title_justify="left")


def _reasons(reasons: list[dict[str, Any]]) -> str:
    return "\n".join(f"{reason['rule']} {reason['column']}".strip() for reason in reasons)


def _label(row: Row) -> str:
    return f"{row['label_en']} · {row['label_zh']}"


def _number(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else _cell(value)


def _shown(value: Any, *, is_hidden: bool) -> str:
    return shape(_cell(value)) if is_hidden else _cell(value)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
