"""The loop's result for a terminal."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from clarion.report.figures import Figures
from clarion.report.loop_run import LoopRun


def _rows(frame: pd.DataFrame) -> list[Any]:
    """The rows as named values."""
    return [
        SimpleNamespace(**{str(name): value for name, value in row.items()})
        for row in frame.to_dict("records")
    ]


def summary(run: LoopRun, found: Figures) -> Group:
    """Rows and their fate, groups, campaigns, the loop, the scorecard."""
    currency = run.currency
    rows = RichTable(title="Rows", title_justify="left")
    for heading in ("kind", "in", "accepted", "quarantined", "duplicates"):
        rows.add_column(heading, justify="left" if heading == "kind" else "right")
    by_kind = found.batches.groupby("kind")[
        ["rows_in", "accepted", "quarantined", "duplicates"]
    ].sum()
    for kind, row in by_kind.iterrows():
        rows.add_row(str(kind), *(f"{int(value):,}" for value in row))
    rows.add_row("all", *(f"{int(value):,}" for value in by_kind.sum()), style="bold")
    groups = RichTable(title="Groups", title_justify="left")
    for heading in (
        "group",
        "in Chinese",
        "customers",
        "share of revenue",
        "orders",
        "days since the last",
    ):
        groups.add_column(
            heading, justify="left" if heading in ("group", "in Chinese") else "right"
        )
    for segment in _rows(found.segments):
        days = (
            "none yet"
            if segment.recency_days is None or segment.recency_days != segment.recency_days
            else f"{segment.recency_days:.0f}"
        )
        groups.add_row(
            segment.name_en,
            segment.name_zh,
            f"{segment.customers:,}",
            f"{segment.revenue_share:.1%}",
            f"{segment.orders:.1f}",
            days,
        )
    campaigns = RichTable(title="Campaigns", title_justify="left")
    for heading in (
        "offer",
        "eligible",
        "reach",
        f"expected cost {currency}",
        f"expected value {currency}",
    ):
        campaigns.add_column(heading, justify="left" if heading == "offer" else "right")
    by_offer = found.campaigns.assign(
        expected_cost=found.campaigns["expected_cost"].astype(float)
    ).groupby("offer_name_en")
    for offer, row in (
        by_offer[["eligible", "reach", "expected_cost", "expected_value"]].sum().iterrows()
    ):
        campaigns.add_row(
            str(offer),
            f"{row.eligible:,.0f}",
            f"{row.reach:,.0f}",
            f"{row.expected_cost:,.2f}",
            f"{row.expected_value:,.2f}",
        )
    parts: list[RichTable | Text] = [rows, groups, campaigns]
    budget = found.budgets[found.budgets["as_of"] == run.days[-1]]
    for line in _rows(budget):
        parts.append(Text(f"{line.planned:,.2f} of {line.budget:,.2f} {currency} are planned"))
    if len(found.adjustments):
        loop = RichTable(title="The loop", title_justify="left")
        for heading in ("as of", "strategy", "version", "relative factor", "lever", "why"):
            loop.add_column(heading)
        for item in _rows(found.adjustments):
            relative = (
                ""
                if item.relative_factor is None or item.relative_factor != item.relative_factor
                else f"{item.relative_factor:+.3f}"
            )
            benefit_multiplier = f"{item.benefit_before:.3f} -> {item.benefit_after:.3f}"
            loop.add_row(
                str(item.as_of),
                item.strategy_id,
                str(item.strategy_version),
                relative,
                benefit_multiplier,
                item.reason,
            )
        parts.append(loop)
    card = RichTable(title="Scorecard", title_justify="left")
    for heading in ("target", "value", "goal", "verdict"):
        card.add_column(heading)
    for target in _rows(found.targets):
        value = (
            "" if target.value is None or target.value != target.value else f"{target.value:.1%}"
        )
        goal = "" if target.goal is None or target.goal != target.goal else f"{target.goal:.0%}"
        card.add_row(target.target, value, goal, target.verdict)
    parts.append(card)
    return Group(*parts)
