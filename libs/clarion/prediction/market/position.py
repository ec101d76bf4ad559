"""The shop's position in its market: one row per category."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.market.observed import ALL, UNKNOWN, Observed, day_of_week
from clarion.prediction.market.prices import (
    PriceIndex,
    chained_index,
    price_index,
    weekly_trend,
)
from clarion.prediction.market.settings import MarketSettings, MarketSize
from clarion.prediction.market.warnings import (
    EarlyWarning,
    WarningRules,
    dearer_trend,
    new_listings,
    price_cuts,
)

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Declared:
    """What else is known of categories.

    Args:
        wars: evidence of a price war that lasts, by category.
        revenue: what was paid to the shop in the period of each declared market size, by category;
            a reason where its records do not cover the period.
    """

    wars: Mapping[str, str]
    revenue: Mapping[str, float | NotComputable]


def categories_of(seen: Observed, sizes: Iterable[MarketSize] = ()) -> list[str]:
    """All categories that have a product, a listing or a declared size, and 'all' first."""
    names = {*seen.products["category"].dropna(), *seen.listings["category"]}
    names |= {size.category for size in sizes}
    return [ALL, *sorted(names - {ALL})]


def position_rows(seen: Observed, rules: WarningRules, declared: Declared) -> list[dict[str, Any]]:
    """MARKET_POSITION: one row per category, and one of all.

    Args:
        seen: the market.
        rules: what warns; its settings state the window and sizes of markets.
        declared: price wars, and revenue beside sizes.
    """
    sizes = {size.category: size for size in rules.settings.sizes}
    rows = []
    for category in categories_of(seen, rules.settings.sizes):
        row = _position_row(seen, category, rules, declared)
        if category in sizes:
            revenue = declared.revenue[category]
            row |= _size_columns(sizes[category], revenue)
            row["note"] += _note_on_share(sizes[category], revenue)
        rows.append(row | {"note": "; ".join(row["note"]) or None})
    return rows


def listing_columns(seen: Observed, on_sale: Bools, settings: MarketSettings) -> dict[str, Any]:
    """Numbers of listings on sale, new ones and promoted ones."""
    of_category = seen.listings[on_sale]
    since = [seen.observed_since[name] for name in of_category["competitor"].unique()]
    first_day = seen.as_of - timedelta(days=settings.new_days)
    was_observed = any(day < first_day for day in since)
    new = int((on_sale & seen.is_new(settings.new_days)).sum())
    return {
        "listings": int(on_sale.sum()),
        "estimated_listings": int(of_category["is_estimated"].sum()),
        "new_listings": new if was_observed else None,
        "promoted_listings": int(of_category["promotion"].notna().sum()),
    }


def index_columns(found: PriceIndex | NotComputable) -> dict[str, Any]:
    """The columns of a price index; null where there is none."""
    if isinstance(found, NotComputable):
        return {"matched_listings": 0}
    return {
        "matched_listings": found.listings,
        "price_index": found.index,
        "index_low": found.low,
        "index_high": found.high,
        "cheaper_share": found.cheaper_share,
        "dearer_share": found.dearer_share,
    }


def note_on_index(seen: Observed, on_sale: Bools, found: PriceIndex | NotComputable) -> list[str]:
    """Why there is no price index, or no interval of it."""
    if isinstance(found, PriceIndex):
        return ["one matched listing: the index has no interval"] if found.listings == 1 else []
    if not on_sale.any():
        return ["no listing on sale"]
    if not seen.listings["product_id"][on_sale].notna().any():
        return ["no listing is matched with a product of the shop"]
    return ["no matched product has a price of the shop"]


def runs_in(seen: Observed, category: str) -> Bools:
    """Whether each promotion that runs is of a category; all are of 'all'."""
    of_category = seen.promotions["category"]
    if category == ALL:
        return np.ones(len(of_category), dtype=bool)
    wanted = of_category.isna() if category == UNKNOWN else of_category == category
    return wanted.to_numpy(dtype=bool)


def _position_row(
    seen: Observed, category: str, rules: WarningRules, declared: Declared
) -> dict[str, Any]:
    settings = rules.settings
    is_in = seen.is_in(category)
    on_sale = is_in & seen.is_on_sale
    ratios = seen.log_ratios[is_in]
    found = price_index(ratios[:, 0])
    chained = chained_index(ratios)
    weeks = int(np.isfinite(chained).sum())
    trend = weekly_trend(chained, least=settings.min_trend_weeks)
    warnings = [
        *price_cuts(seen, on_sale, rules),
        *_war(declared.wars, category),
        *dearer_trend(trend, weeks, settings),
        *new_listings(seen, on_sale, settings),
    ]
    notes = note_on_index(seen, on_sale, found)
    if isinstance(trend, NotComputable):
        notes.append(f"no trend: {trend.reason}")
        trend_columns = {}
    else:
        trend_columns = {"trend": trend.value, "trend_low": trend.low, "trend_high": trend.high}
    return {
        "as_of": seen.as_of,
        "category": category,
        "competitors": int(seen.listings["competitor"][on_sale].nunique()),
        **listing_columns(seen, on_sale, settings),
        **index_columns(found),
        "trend_weeks": weeks,
        **trend_columns,
        "history": _history(seen, ratios, chained),
        "promotions": int(runs_in(seen, category).sum()),
        "is_warning": bool(warnings),
        "warnings": [warning.kind for warning in warnings],
        "evidence": [warning.evidence for warning in warnings],
        "note": notes,
    }


def _history(seen: Observed, ratios: Array, chained: Array) -> list[tuple[Any, ...]]:
    """The price index at the end of each week in which there is one, oldest first."""
    weeks = []
    for week in reversed(range(ratios.shape[1])):
        found = price_index(ratios[:, week])
        if isinstance(found, PriceIndex):
            weeks.append(
                (
                    day_of_week(seen.as_of, week),
                    found.listings,
                    found.index,
                    _or_none(chained[week]),
                    found.cheaper_share,
                )
            )
    return weeks


def _war(wars: Mapping[str, str], category: str) -> list[EarlyWarning]:
    if category == ALL:
        return [EarlyWarning("price_war", f"{name}: {text}") for name, text in sorted(wars.items())]
    return [EarlyWarning("price_war", wars[category])] if category in wars else []


def _size_columns(size: MarketSize, revenue: float | NotComputable) -> dict[str, Any]:
    known = None if isinstance(revenue, NotComputable) else revenue
    return {
        "market_size": size.amount,
        "market_size_from": size.first_day,
        "market_size_to": size.last_day,
        "market_size_source": size.source,
        "own_revenue": known,
        "market_share": None if known is None else known / size.amount,
    }


def _note_on_share(size: MarketSize, revenue: float | NotComputable) -> list[str]:
    if isinstance(revenue, NotComputable):
        return [f"no share: {revenue.reason}"]
    return ["the declared size is below the shop's own revenue"] if revenue > size.amount else []


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
