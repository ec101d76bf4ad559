"""How findings are shown in a terminal."""

from typing import Any

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from clarion.explore.audience import Audience
from clarion.explore.customer_360 import CustomerView
from clarion.onboarding.trial import Trial
from clarion.serving.live_view import LiveCustomer


def trial(tried: Trial, *, show: int) -> Group:
    """Accepted rows and refusals of one source, side by side with what the source held."""
    source = tried.source
    mapped = [name for name in source.columns if name not in source.personal]
    accepted = RichTable(
        "record",
        *mapped,
        *(f"{name} (shape)" for name in source.personal),
        title=f"{tried.accepted} accepted",
        title_justify="left",
    )
    refused = RichTable(
        "record",
        "reasons",
        "what stood there",
        title=f"{tried.refused} refused",
        title_justify="left",
    )
    for row in [row for row in tried.rows if not row["_reasons"]][:show]:
        accepted.add_row(
            str(row["_row"]), *(_cell(row[name]) for name in (*mapped, *source.personal))
        )
    for row in [row for row in tried.rows if row["_reasons"]][:show]:
        reasons = [f"{reason['rule']} {reason['column']}".strip() for reason in row["_reasons"]]
        refused.add_row(
            str(row["_row"]),
            "\n".join(reasons),
            "\n".join(reason["sample"] or "nothing" for reason in row["_reasons"]),
        )
    heading = Text(
        f"\n{source.name}: the first {len(tried.rows)} records of {tried.path}", style="bold"
    )
    rules = Text(
        "rules that hold:\n  " + "\n  ".join(tried.policies) if tried.policies else "no rules hold"
    )
    return Group(heading, accepted, *([refused] if tried.refused else []), rules)


def quarantined(rows: list[dict[str, Any]]) -> RichTable:
    """Records in quarantine by source and reason."""
    table = RichTable("source", "reason", "column", "records", "files")
    for row in rows:
        style = "bold" if row["rule"] == "" else None
        table.add_row(
            row["_source"] if style else "",
            row["rule"] or "all",
            row["column"],
            f"{row['records']:,}",
            f"{row['files']:,}",
            style=style,
        )
    return table


def invalid_activity(rows: list[dict[str, Any]]) -> RichTable:
    """Facts that are not counted, by detector."""
    table = RichTable(
        "detector",
        "facts",
        "not counted",
        "reason",
        title="invalid activity: stays in silver, is left out for analytics and marketing",
        title_justify="left",
    )
    for row in rows:
        table.add_row(row["detector"], row["fact_table"], f"{row['flagged']:,}", row["reason"])
    return table


def sampled(rows: list[dict[str, Any]]) -> RichTable:
    """Quarantined records, each value by its shape."""
    table = RichTable("source", "file and record", "reasons", "shape of the record")
    for row in rows:
        reasons = [f"{reason['rule']} {reason['column']}".strip() for reason in row["reasons"]]
        shape = "\n".join(
            f"{name}: {_cell(value)}"
            for name, value in sorted(row["raw"].items())
            if not name.startswith("token:")
        )
        table.add_row(row["_source"], f"{row['_file']}\n{row['_row']}", "\n".join(reasons), shape)
    return table


def audience(found: Audience) -> Group:
    """How many, in which groups, and a few of them."""
    size = f"{found.found:,} of {found.everyone:,} customers on {found.as_of}; {found.consenting:,} of them consent to the purpose"
    groups = RichTable(
        "group",
        "customers",
        "in the audience",
        "share",
        "95 % interval",
        "lift",
        title="overlap with groups",
        title_justify="left",
    )
    for row in found.groups:
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        lift = "" if row["lift"] is None else f"{row['lift']:.2f}"
        name = f"{row['segment_id']} {row['segment']}"
        groups.add_row(
            name,
            f"{row['customers']:,}",
            f"{row['inside']:,}",
            f"{row['share']:.1%}",
            interval,
            lift,
        )
    if not found.preview:
        return Group(Text(size, style="bold"), groups)
    preview = RichTable(*found.preview[0], title="a few of those who consent", title_justify="left")
    for row in found.preview:
        preview.add_row(
            *(
                _cell(", ".join(value) if isinstance(value, list) else value)
                for value in row.values()
            )
        )
    return Group(Text(size, style="bold"), groups, preview)


def card(found: CustomerView) -> Group:
    """One customer on one page."""
    profile = found.profile
    stage = f"{profile['life_cycle']}, known for {profile['tenure_days']:.0f} days, {profile['orders']} orders, paid {profile['monetary']:,.2f}"
    stays = RichTable("group", "from", "to", title="groups", title_justify="left")
    for row in found.groups:
        stays.add_row(
            f"{row['segment_id']} {row['name_en']} · {row['name_zh']}",
            str(row["valid_from"]),
            _cell(row["valid_to"]) or "now",
        )
    tags = RichTable("tag", "since", title="tags", title_justify="left")
    for row in found.tags:
        tags.add_row(f"{row['label_en']} · {row['label_zh']}", str(row["since"]))
    features = RichTable(
        "feature", "value", "unit", "mean of all", title="features", title_justify="left"
    )
    for row in found.features:
        features.add_row(
            f"{row['label_en']} · {row['label_zh']}",
            _number(row["value"]),
            row["unit"],
            _number(row["mean"]),
        )
    recent = RichTable(
        "when (UTC)", "what", "product", "amount", title="done last", title_justify="left"
    )
    for row in found.recent:
        recent.add_row(
            f"{row['happened_at']:%Y-%m-%d %H:%M}",
            row["type"],
            _cell(row["product_id"]),
            _cell(row["amount"]),
        )
    decisions = RichTable(
        "day",
        "decided",
        "holdout",
        "not possible, and why",
        title="decisions",
        title_justify="left",
    )
    for row in found.decisions:
        refused = "\n".join(f"{item['action']}: {item['reason']}" for item in row["refusals"] or [])
        decisions.add_row(
            str(row["as_of"]), row["action"], "yes" if row["is_holdout"] else "", refused
        )
    return Group(
        Text(f"{found.customer_id} on {found.as_of}: {stage}", style="bold"),
        stays,
        tags,
        features,
        recent,
        decisions,
    )


def known_now(found: LiveCustomer, declared: dict[str, dict[str, Any]]) -> Group:
    """What is known of one customer at this moment."""
    cart = ", ".join(found.open_cart) or "nothing"
    seen = "not seen on the stream"
    if found.seen_at:
        seen = f"last seen on the stream {found.seen_at:%Y-%m-%d %H:%M} (UTC), interest {found.interest:.3g}, in the cart: {cart}"
    features = RichTable(
        "feature",
        "value",
        "unit",
        "mean of all",
        title=f"features as of {found.as_of}",
        title_justify="left",
    )
    for name, value in sorted(found.features.items()):
        of = declared.get(name, {})
        features.add_row(
            f"{of.get('label_en', name)} · {of.get('label_zh', name)}",
            _number(value),
            _cell(of.get("unit")),
            _number(of.get("mean")),
        )
    return Group(Text(f"{found.customer_id}: {seen}", style="bold"), features)


def _number(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else _cell(value)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
