"""The screen of `clarion monitor --watch`: the shop of this moment as text."""

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from clarion.serving.shop_now import FIGURES, ShopNow

_BARS = " ▁▂▃▄▅▆▇█"
_SHOWN_MINUTES = 30  # of the small charts
_SHOWN_ALERTS = 8
_PERIODS = {"last minute": 1, "5 minutes": 5, "hour": 60}


def shop_screen(shop: ShopNow) -> Group:
    """Figures of the last hour, open alerts, problems, campaigns, requests and the delay."""
    parts: list[RenderableType] = [Text(_heading(shop), style="bold"), _figures(shop)]
    for title, lines in (
        ("alerts", [_alert(row) for row in shop.alerts]),
        ("payment steps to make simpler", [_problem(row) for row in shop.problems]),
        ("campaigns of the last four weeks", [_campaign(row) for row in shop.campaigns]),
        ("requests of the last 24 hours", [f"{n:,} {kind}" for kind, n in shop.requests.items()]),
    ):
        more = len(lines) - _SHOWN_ALERTS
        shown = lines[:_SHOWN_ALERTS] + ([f"and {more} more"] if more > 0 else [])
        parts.append(Text(f"{title}: {'none' if not lines else ''}"))
        parts += [Text(f"  {line}") for line in shown]
    return Group(*parts)


def sparkline(values: list[float]) -> str:
    """Values as bars of one character each; the largest is the highest.

    Example:
        >>> sparkline([0.0, 1.0, 8.0])
        ' ▁█'
    """
    top = max(values, default=0.0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in values)


def _heading(shop: ShopNow) -> str:
    if shop.delay is None or shop.landed_at is None:
        return f"{shop.now:%Y-%m-%d %H:%M:%S} UTC, nothing has landed yet"
    half, most = shop.delay
    return (
        f"{shop.now:%Y-%m-%d %H:%M:%S} UTC, last batch {shop.landed_at:%H:%M:%S}, "
        f"delay {half:.1f} s (p50), {most:.1f} s (p99)"
    )


def _figures(shop: ShopNow) -> RichTable:
    table = RichTable("figure", *(_PERIODS), f"by minute, {_SHOWN_MINUTES} minutes")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for name in FIGURES:
        values = shop.minutes[name]
        sums = [f"{sum(values[-minutes:]):,.0f}" for minutes in _PERIODS.values()]
        table.add_row(name.replace("_", " "), *sums, sparkline(values[-_SHOWN_MINUTES:]))
    return table


def _alert(row: dict[str, object]) -> str:
    if "metric" in row:
        return (
            f"{row['opened_at']:%H:%M} {row['metric']}: {row['direction']} to {row['value']:,.0f} "
            f"in {row['window_minutes']} minutes, usually {row['usual']:,.0f}"
        )
    what = row["product_id"] or row["category"] or ""
    change = "" if row["change"] is None else f" {row['change']:+.0%}"
    return f"{row['observed_at']:%H:%M} {row['kind']}: {row['competitor'] or ''} {what}{change}"


def _campaign(row: dict[str, object]) -> str:
    return (
        f"{row['campaign_id']}: {row['delivered']:,} delivered, {row['clickers']:,} clicked, "
        f"{row['buyers']:,} bought for {row['revenue']:,.0f}; expected cost "
        f"{row['expected_cost']:,.0f}"
    )


def _problem(row: dict[str, object]) -> str:
    return (
        f"{row['step']} by {row['payment_method']}: {row['given_up']} given up "
        f"({row['given_up_share']:.1%})"
    )
