"""One self-contained HTML page that a marketing manager would want to read; it opens offline."""

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, select_autoescape
from plotly.offline import get_plotlyjs

from clarion.report import groups
from clarion.report.figures import Figures
from clarion.report.loop_run import LoopRun

COLOURS = (
    "#1b6ca8",
    "#e07a3f",
    "#3c9d6b",
    "#a8447f",
    "#c9a227",
    "#5b5ea6",
    "#7a8b99",
    "#b5473c",
    "#2a9d9d",
)
_FONT = {
    "family": "system-ui, 'Noto Sans CJK SC', 'PingFang SC', sans-serif",
    "size": 13,
    "color": "#243038",
}


def write(run: LoopRun, found: Figures, path: Path) -> Path:
    """Write the report; returns its path."""
    environment = Environment(
        autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        (files("clarion.report") / "templates" / "report.html").read_text(encoding="utf-8")
    )
    page = template.render(
        shop=run.shop,
        currency=run.currency,
        days=run.days,
        seconds=None if run.seconds is None else round(run.seconds),
        plotly=get_plotlyjs(),
        planted=sorted(run.planted.items()),
        **_context(found, run),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries, what is not a number as None."""
    return [
        {
            str(name): None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def _context(found: Figures, run: LoopRun) -> dict[str, Any]:
    funnel = (
        found.batches.groupby("kind")[["rows_in", "accepted", "quarantined", "duplicates"]]
        .sum()
        .reset_index()
    )
    last = found.budgets[found.budgets["as_of"] == run.days[-1]]
    campaigns = found.campaigns.copy()
    campaigns["expected_cost"] = campaigns["expected_cost"].astype(float)
    return {
        "funnel": _records(funnel),
        "total": {
            name: int(funnel[name].sum())
            for name in ("rows_in", "accepted", "quarantined", "duplicates")
        },
        "reasons": _records(found.reasons),
        "segments": _groups(found),
        "map_chart": _drawn(groups.map_of(found, COLOURS), height=420),
        "flows_chart": _drawn(groups.flows(found, COLOURS), height=420),
        "neighbours": _records(found.neighbours),
        "purity": found.purity,
        "alerts": _records(found.alerts),
        "campaigns": _records(campaigns),
        "budget": _records(last)[0] if len(last) else None,
        "kpis": _records(found.kpis),
        "adjustments": _records(found.adjustments),
        "targets": _records(found.targets),
        "people_chart": _people(found, run.currency),
        "minutes_chart": _minutes(found),
        "forecast_chart": _forecast(found, run.currency),
        "campaign_chart": _campaigns(campaigns),
        "loop_chart": _loop(found),
        "forecasts": _records(
            found.forecasts.drop_duplicates("series")[
                ["series", "model", "mase", "mase_naive", "coverage"]
            ]
        )
        if len(found.forecasts)
        else [],
    }


def _groups(found: Figures) -> list[dict[str, Any]]:
    """Each group with its page."""
    rows = _records(found.segments)
    for place, row in enumerate(rows):
        row.update(groups.described(found, row))
        row["spread_chart"] = _drawn(
            groups.spread(found, row["segment_id"], COLOURS[place % len(COLOURS)]),
            height=60 + 44 * (found.compared.shape[1] - 1),
        )
    return rows


def _drawn(figure: go.Figure | None, *, height: int) -> str | None:
    return None if figure is None else _html(figure, height=height)


def _html(figure: go.Figure, *, height: int) -> str:
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 16, "t": 16, "b": 48},
        font=_FONT,
        paper_bgcolor="white",
        plot_bgcolor="white",
        legend={"orientation": "h", "y": -0.2},
    )
    figure.update_xaxes(gridcolor="#e8ecef", zeroline=False)
    figure.update_yaxes(gridcolor="#e8ecef", zeroline=False)
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            config={"displayModeBar": False, "responsive": True},
        )
    )


def _people(found: Figures, currency: str) -> str | None:
    if found.people.empty:
        return None
    figure = go.Figure()
    for place, segment in enumerate(found.segments.to_dict("records")):
        mine = found.people[found.people["segment_id"] == segment["segment_id"]]
        marker = {"color": COLOURS[place % len(COLOURS)], "size": 7, "opacity": 0.65}
        figure.add_scatter(
            x=mine["orders"],
            y=mine["monetary"].clip(lower=0.01),
            mode="markers",
            name=f"{segment['name_en']} · {segment['name_zh']}",
            marker=marker,
        )
    figure.update_xaxes(type="log", title="orders in the window")
    figure.update_yaxes(type="log", title=f"paid in the window, {currency}")
    return _html(figure, height=460)


def _minutes(found: Figures) -> str | None:
    if found.minutes.empty:
        return None
    hours = (
        found.minutes.assign(slot=pd.to_datetime(found.minutes["minute"]).dt.floor("30min"))
        .groupby("slot")[["views", "cart_adds", "checkouts"]]
        .sum()
    )
    figure = go.Figure()
    for place, (name, title) in enumerate(
        (("views", "views"), ("cart_adds", "cart adds"), ("checkouts", "checkouts"))
    ):
        figure.add_scatter(
            x=hours.index,
            y=hours[name],
            name=title,
            mode="lines",
            line={"color": COLOURS[place], "width": 2},
        )
    figure.update_yaxes(title="per half hour")
    return _html(figure, height=300)


def _forecast(found: Figures, currency: str) -> str | None:
    everything = found.forecasts[found.forecasts["series"] == "all"]
    if everything.empty:
        return None
    figure = go.Figure()
    days = list(everything["day"])
    figure.add_scatter(
        x=days,
        y=everything["high"],
        mode="lines",
        line={"width": 0},
        showlegend=False,
        hoverinfo="skip",
    )
    band = {"fill": "tonexty", "fillcolor": "rgba(27,108,168,0.15)", "line": {"width": 0}}
    figure.add_scatter(x=days, y=everything["low"], mode="lines", name="80 % interval", **band)
    figure.add_scatter(
        x=days,
        y=everything["expected"],
        mode="lines",
        name="expected",
        line={"color": COLOURS[0], "width": 2},
    )
    figure.update_yaxes(title=f"revenue a day, {currency}", rangemode="tozero")
    return _html(figure, height=300)


def _campaigns(campaigns: pd.DataFrame) -> str | None:
    if campaigns.empty:
        return None
    by_offer = campaigns.groupby("offer_name_en")["reach"].sum().sort_values()
    figure = go.Figure(
        go.Bar(
            x=by_offer.values, y=list(by_offer.index), orientation="h", marker={"color": COLOURS[0]}
        )
    )
    figure.update_xaxes(title="customers reached")
    figure.update_layout(yaxis={"automargin": True})
    return _html(figure, height=300)


def _loop(found: Figures) -> str | None:
    if found.strategies["as_of"].nunique() < 2:
        return None
    figure = go.Figure()
    for place, (strategy, rows) in enumerate(found.strategies.groupby("strategy_id")):
        name = rows["name_en"].iloc[-1]
        line = {"color": COLOURS[place % len(COLOURS)], "width": 2}
        figure.add_scatter(
            x=[str(day) for day in rows["as_of"]],
            y=rows["benefit"],
            mode="lines+markers",
            name=f"{strategy} {name}",
            line=line,
        )
    figure.update_xaxes(type="category", title="as of")
    figure.update_yaxes(title="lever: benefit scale")
    return _html(figure, height=320)
