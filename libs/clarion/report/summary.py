"""The loop's result for a terminal."""

import math
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from clarion.report.figures import Figures
from clarion.report.lifts import LiftRow, lift_rows
from clarion.report.loop_run import LoopRun

_ROW_COUNTS = ["rows_in", "accepted", "quarantined", "duplicates"]


def summary(run: LoopRun, figures: Figures) -> Group:
    """Rows, groups, campaigns, the loop and the scorecard, as tables.

    Args:
        run: currency and days.
        figures: what is shown.
    """
    parts: list[RichTable | Text] = [
        _rows_table(figures),
        _groups_table(figures),
        _campaigns_table(figures, currency=run.currency),
    ]
    for left_out in _rows(figures.without_rate):
        rows = f"{left_out.rows:,} rows of {left_out.table} are left out: no exchange rate"
        parts.append(Text(f"{rows} ({left_out.jobs})"))
    for budget in _rows(figures.budgets[figures.budgets["as_of"] == run.days[-1]]):
        planned = f"{budget.planned:,.2f} of {budget.budget:,.2f} {run.currency} are planned"
        parts.append(Text(planned))
    if len(figures.adjustments):
        lifts = lift_rows(figures.kpis, figures.strategies)
        parts += [_lift_table("Lift", lifts, currency=run.currency), _loop_table(figures)]
    if run.proof is not None:
        title = f"The same plan with {run.proof.customers:,} customers"
        parts.append(_lift_table(title, run.proof.rows, currency=run.currency))
    parts.append(_scorecard_table(figures))
    return Group(*parts)


def _rows_table(figures: Figures) -> RichTable:
    """Rows that arrived and what became of them, by kind."""
    table = _table("Rows", ["kind"], ["in", "accepted", "quarantined", "duplicates"])
    by_kind = figures.batches.groupby("kind")[_ROW_COUNTS].sum()
    for kind, counts in by_kind.iterrows():
        table.add_row(str(kind), *_counts(counts))
    table.add_row("all", *_counts(by_kind.sum()), style="bold")
    return table


def _groups_table(figures: Figures) -> RichTable:
    numbers = ["customers", "share of revenue", "orders", "days since the last"]
    table = _table("Groups", ["group", "in Chinese"], numbers)
    for segment in _rows(figures.segments):
        table.add_row(
            segment.name_en,
            segment.name_zh,
            f"{segment.customers:,}",
            f"{segment.revenue_share:.1%}",
            f"{segment.orders:.1f}",
            _number(segment.recency_days, "{:.0f}", missing="none yet"),
        )
    return table


def _campaigns_table(figures: Figures, *, currency: str) -> RichTable:
    """Campaigns by offer, over all strategies."""
    money = [f"expected cost {currency}", f"expected value {currency}"]
    table = _table("Campaigns", ["offer"], ["eligible", "reach", *money])
    campaigns = figures.campaigns.assign(
        expected_cost=figures.campaigns["expected_cost"].astype(float)
    )
    columns = ["eligible", "reach", "expected_cost", "expected_value"]
    for offer, sums in campaigns.groupby("offer_name_en")[columns].sum().iterrows():
        table.add_row(
            str(offer),
            f"{sums.eligible:,.0f}",
            f"{sums.reach:,.0f}",
            f"{sums.expected_cost:,.2f}",
            f"{sums.expected_value:,.2f}",
        )
    return table


def _loop_table(figures: Figures) -> RichTable:
    """What was measured of each strategy and what follows."""
    headings = ["as of", "strategy", "version", "relative factor", "benefit multiplier", "why"]
    table = _table("The loop", headings, [])
    for adjustment in _rows(figures.adjustments):
        table.add_row(
            str(adjustment.as_of),
            adjustment.strategy_id,
            str(adjustment.strategy_version),
            _number(adjustment.relative_factor, "{:+.3f}"),
            f"{adjustment.benefit_before:.3f} -> {adjustment.benefit_after:.3f}",
            adjustment.reason,
        )
    return table


def _lift_table(title: str, lifts: Sequence[LiftRow], *, currency: str) -> RichTable:
    """What the messages of each strategy changed, with what so many customers can show."""
    numbers = [
        "with / without messages",
        "more orders, points",
        "smallest visible",
        "true",
        f"more revenue each, {currency}",
        "smallest visible",
    ]
    has_truth = any(row.true_effect is not None for row in lifts)
    table = _table(title, ["strategy"], numbers if has_truth else _without(numbers, "true"))
    for row in lifts:
        table.add_row(
            row.strategy,
            f"{row.treated:,} / {row.held_out:,}",
            row.points,
            row.smallest_points,
            *([row.truth] if has_truth else []),
            row.money,
            row.smallest_money,
        )
    return table


def _without(texts: Sequence[str], text: str) -> list[str]:
    return [each for each in texts if each != text]


def _scorecard_table(figures: Figures) -> RichTable:
    table = _table("Scorecard", ["target", "value", "goal", "verdict"], [])
    for target in _rows(figures.targets):
        value = _number(target.value, "{:.1%}")
        table.add_row(target.target, value, _number(target.goal, "{:.0%}"), target.verdict)
    return table


def _rows(frame: pd.DataFrame) -> list[Any]:
    """The rows as named values."""
    records = frame.to_dict("records")
    return [SimpleNamespace(**{str(name): row[name] for name in row}) for row in records]


def _table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> RichTable:
    """An empty table whose columns of numbers are on the right."""
    table = RichTable(title=title, title_justify="left")
    for heading in texts:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _counts(values: Iterable[Any]) -> list[str]:
    return [f"{int(value):,}" for value in values]


def _number(value: float | None, pattern: str, *, missing: str = "") -> str:
    """A number as text; `missing` where it is unknown."""
    if value is None or math.isnan(value):
        return missing
    return pattern.format(value)
