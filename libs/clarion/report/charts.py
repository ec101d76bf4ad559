"""Charts of the report; each is None where there is nothing to draw."""

import pandas as pd
import plotly.graph_objects as go

from clarion.report.figures import Figures

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
_STREAM_COUNTS = {
    "views": "views",
    "cart_adds": "cart adds",
    "checkouts": "checkouts",
    "orders": "orders",
}


def colour(index: int) -> str:
    """The colour of the n-th line or group; they repeat."""
    return COLOURS[index % len(COLOURS)]


def chart_html(figure: go.Figure | None, *, height: int) -> str | None:
    """A chart as a piece of a page, without the library that draws it.

    Args:
        figure: the chart, or None.
        height: in pixels.
    """
    if figure is None:
        return None
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
    options = {"displayModeBar": False, "responsive": True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=options))


def customers_chart(figures: Figures, *, currency: str) -> go.Figure | None:
    """Customers by orders and spend, coloured by group."""
    if figures.customers.empty:
        return None
    figure = go.Figure()
    for index, segment in enumerate(figures.segments.to_dict("records")):
        is_member = figures.customers["segment_id"] == segment["segment_id"]
        members = figures.customers[is_member]
        figure.add_scatter(
            x=members["orders"],
            y=members["monetary"].clip(lower=0.01),
            mode="markers",
            name=f"{segment['name_en']} · {segment['name_zh']}",
            marker={"color": colour(index), "size": 7, "opacity": 0.65},
        )
    figure.update_xaxes(type="log", title="orders in the window")
    figure.update_yaxes(type="log", title=f"spend in the window, {currency}")
    return figure


def stream_chart(figures: Figures) -> go.Figure | None:
    """Views, cart adds, checkouts and orders per half hour."""
    if figures.minutes.empty:
        return None
    half_hour = pd.to_datetime(figures.minutes["minute"]).dt.floor("30min")
    counts = figures.minutes.assign(slot=half_hour).groupby("slot")[list(_STREAM_COUNTS)].sum()
    figure = go.Figure()
    for index, (column, title) in enumerate(_STREAM_COUNTS.items()):
        figure.add_scatter(
            x=counts.index,
            y=counts[column],
            name=title,
            mode="lines",
            line={"color": colour(index), "width": 2},
        )
    figure.update_yaxes(title="per half hour")
    return figure


def forecast_chart(figures: Figures, *, currency: str) -> go.Figure | None:
    """The expected revenue of the next days with its interval."""
    is_total = (figures.forecasts["measure"] == "revenue") & (figures.forecasts["level"] == "all")
    total = figures.forecasts[is_total]
    if total.empty:
        return None
    days = list(total["day"])
    no_line = {"width": 0}
    figure = go.Figure()
    figure.add_scatter(
        x=days, y=total["high"], mode="lines", line=no_line, showlegend=False, hoverinfo="skip"
    )
    figure.add_scatter(
        x=days,
        y=total["low"],
        mode="lines",
        name="80 % interval",
        fill="tonexty",
        fillcolor="rgba(27,108,168,0.15)",
        line=no_line,
    )
    figure.add_scatter(
        x=days,
        y=total["expected"],
        mode="lines",
        name="expected",
        line={"color": COLOURS[0], "width": 2},
    )
    figure.update_yaxes(title=f"revenue a day, {currency}", rangemode="tozero")
    return figure


def campaigns_chart(figures: Figures) -> go.Figure | None:
    """Customers reached by offer."""
    if figures.campaigns.empty:
        return None
    reach = figures.campaigns.groupby("offer_name_en")["reach"].sum().sort_values()
    bars = go.Bar(
        x=reach.values, y=list(reach.index), orientation="h", marker={"color": COLOURS[0]}
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title="customers reached")
    figure.update_layout(yaxis={"automargin": True})
    return figure


def loop_chart(figures: Figures) -> go.Figure | None:
    """The benefit multiplier of each strategy over the as-of days."""
    if figures.strategies["as_of"].nunique() < 2:
        return None
    figure = go.Figure()
    for index, (strategy, versions) in enumerate(figures.strategies.groupby("strategy_id")):
        figure.add_scatter(
            x=[str(day) for day in versions["as_of"]],
            y=versions["benefit"],
            mode="lines+markers",
            name=f"{strategy} {versions['name_en'].iloc[-1]}",
            line={"color": colour(index), "width": 2},
        )
    figure.update_xaxes(type="category", title="as of")
    figure.update_yaxes(title="benefit multiplier")
    return figure
