"""One self-contained HTML page that a marketing manager would want to read; it opens offline."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, select_autoescape
from plotly.offline import get_plotlyjs

from clarion.kernel.errors import UsageError
from clarion.report import charts, groups
from clarion.report.figures import Figures
from clarion.report.lifts import lift_rows, strategy_names
from clarion.report.loop_run import LoopRun
from clarion.report.market import market_context
from clarion.report.missing import missing_parts
from clarion.report.needs import due_chart, need_context
from clarion.report.predictions import calibration_chart, prediction_rows
from clarion.report.reads import rows_with_none

_GENERATOR = '<meta name="generator" content="clarion report">'
_HEAD_BYTES = 2000
_ROW_COUNTS = ["rows_in", "accepted", "quarantined", "duplicates"]


def write_report(run: LoopRun, figures: Figures, path: Path) -> Path:
    """Write the report; a report that is there is replaced.

    Args:
        run: shop, currency and days.
        figures: what is shown.
        path: file to write.

    Returns:
        The path.

    Raises:
        UsageError: the file cannot be written, or is something else than a report.
    """
    refuse_other_file(path)
    environment = Environment(
        autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    template = files("clarion.report") / "templates" / "report.html"
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        generator=_GENERATOR,
        plotly=get_plotlyjs(),
        shop=run.shop,
        currency=run.currency,
        days=run.days,
        planted=sorted(run.planted.items()),
        **_intake_context(figures),
        **_group_context(figures, currency=run.currency),
        **_campaign_context(figures, run),
        **_outlook_context(figures, currency=run.currency),
        **market_context(figures.market_position, figures.competitors, figures.grey_relations),
        missing=missing_parts(figures),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written",
            found=error.strerror,
            fix="name another file with --out",
        ) from error
    return path


def refuse_other_file(path: Path) -> None:
    """Stop before a file is overwritten that is not a report, or that has no folder.

    Raises:
        UsageError: the folder does not exist, or the file is something else than a report.
    """
    if not path.parent.is_dir():
        raise UsageError(
            f"{path} cannot be written",
            found=f"no folder {path.parent}",
            fix="create the folder, or name another file with --out",
        )
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if _GENERATOR.encode() in file.read(_HEAD_BYTES):
                return
    raise UsageError(
        f"{path} exists and is not a report",
        found="a folder" if path.is_dir() else "another file",
        fix="name another file with --out, or remove it",
    )


def _intake_context(figures: Figures) -> dict[str, Any]:
    """Rows that arrived, and what became of them."""
    by_kind = figures.batches.groupby("kind")[_ROW_COUNTS].sum().reset_index()
    return {
        "funnel": rows_with_none(by_kind),
        "total": {name: int(by_kind[name].sum()) for name in _ROW_COUNTS},
        "reasons": rows_with_none(figures.reasons),
        "without_rate": rows_with_none(figures.without_rate),
    }


def _group_context(figures: Figures, *, currency: str) -> dict[str, Any]:
    """The groups with their charts and details."""
    segments = rows_with_none(figures.segments)
    features = figures.compared_features.shape[1] - 1
    for index, segment in enumerate(segments):
        segment.update(groups.group_details(figures, segment))
        spread = groups.feature_spread(figures, segment["segment_id"], charts.colour(index))
        segment["spread_chart"] = charts.chart_html(spread, height=60 + 44 * features)
    customers = charts.customers_chart(figures, currency=currency)
    return {
        "segments": segments,
        "customers_chart": charts.chart_html(customers, height=460),
        "map_chart": charts.chart_html(groups.customer_map(figures), height=420),
        "flows_chart": charts.chart_html(groups.flow_chart(figures), height=420),
    }


def _campaign_context(figures: Figures, run: LoopRun) -> dict[str, Any]:
    """Campaigns, budget, what was measured and corrected, and the scorecard."""
    budget = figures.budgets[figures.budgets["as_of"] == run.days[-1]]
    campaigns = figures.campaigns.copy()
    campaigns["expected_cost"] = campaigns["expected_cost"].astype(float)
    return {
        "campaigns": rows_with_none(campaigns),
        "budget": rows_with_none(budget)[0] if len(budget) else None,
        "campaign_chart": charts.chart_html(charts.campaigns_chart(figures), height=300),
        "kpis": rows_with_none(figures.kpis),
        "lifts": lift_rows(figures.kpis, figures.strategies),
        "names": strategy_names(figures.strategies),
        "proof": run.proof,
        "adjustments": rows_with_none(figures.adjustments),
        "loop_chart": charts.chart_html(charts.loop_chart(figures), height=320),
        "targets": rows_with_none(figures.targets),
    }


def _outlook_context(figures: Figures, *, currency: str) -> dict[str, Any]:
    """Products, the stream, predictions and the forecast."""
    forecast = charts.forecast_chart(figures, currency=currency)
    return {
        "neighbours": rows_with_none(figures.neighbours),
        "purity": figures.purity,
        "minutes_chart": charts.chart_html(charts.stream_chart(figures), height=300),
        "origins": rows_with_none(figures.origins),
        "kpi_alerts": rows_with_none(figures.kpi_alerts),
        "problems": rows_with_none(figures.problems),
        "requests": rows_with_none(figures.requests),
        "alerts": rows_with_none(figures.alerts),
        "running_campaigns": rows_with_none(figures.running_campaigns),
        "predictions": prediction_rows(figures.prediction_models, figures.prediction_reasons),
        "calibration_chart": charts.chart_html(
            calibration_chart(figures.prediction_models), height=360
        ),
        **need_context(figures.need_models, figures.next_needs, figures.due_needs),
        "due_chart": charts.chart_html(due_chart(figures.due_calibration), height=360),
        "forecast_chart": charts.chart_html(forecast, height=300),
        "backtests": rows_with_none(figures.backtests),
    }
