"""Which weekly series move with weekly revenue, by grey relational analysis. It proves no cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.measures.statistics.grey import GreyChoice, grey_relations
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.drivers.settings import GreySettings

Array = npt.NDArray[np.float64]
ALL = "all"


@dataclass(frozen=True, slots=True)
class WeeklySeries:
    """What happened in each week before a day; week 0 ends the day before it.

    Args:
        sales: category (null for none), week, revenue, units, returned, views, cart_adds.
        customers: week, orders, buyers, amount, discount; of the whole shop.
        messages: week, messages.
        price_index: category, week, price_index.
    """

    sales: pd.DataFrame
    customers: pd.DataFrame
    messages: pd.DataFrame
    price_index: pd.DataFrame


def relation_rows(
    series: WeeklySeries, *, as_of: date, settings: GreySettings
) -> list[dict[str, Any]]:
    """GREY_RELATIONS: of the whole shop, and of each category with revenue in the window.

    Args:
        series: the weeks before the day.
        as_of: first day that does not count.
        settings: window, rho and scaling.

    Returns:
        One row per category and driver, in the order of `all_drivers` and `category_drivers`.
    """
    weeks = _whole_weeks(series, settings.weeks)
    rows: list[dict[str, Any]] = []
    if weeks == 0:
        return rows
    categories = series.sales.loc[series.sales["revenue"] != 0, "category"].dropna()
    for category in (ALL, *sorted(set(categories) - {ALL})):
        drivers = _drivers(series, category, weeks)
        revenue = drivers.pop("revenue")
        rows += _rows(category, revenue, drivers, as_of=as_of, settings=settings)
    return rows


def _drivers(series: WeeklySeries, category: str, weeks: int) -> dict[str, Array]:
    """Revenue and its drivers, oldest week first, each of shape (weeks,)."""
    is_all = category == ALL
    sales = series.sales if is_all else series.sales[series.sales["category"] == category]
    index = series.price_index[series.price_index["category"] == category]

    def total(frame: pd.DataFrame, name: str) -> Array:
        """A sum by week; a week without a row has none, so zero."""
        by_week = frame.groupby("week")[name].sum()
        values: Array = by_week.reindex(range(weeks), fill_value=0.0).to_numpy(dtype=float)
        return values[::-1]

    revenue, units = total(sales, "revenue"), total(sales, "units")
    known = index.groupby("week")["price_index"].mean().reindex(range(weeks))
    drivers = {
        "revenue": revenue,
        "views": total(sales, "views"),
        "cart_adds": total(sales, "cart_adds"),
        "units": units,
        "unit_price": _ratio(revenue, units),
        "return_share": _ratio(total(sales, "returned"), revenue),
        "price_index": known.to_numpy(dtype=float)[::-1],
    }
    if not is_all:
        return drivers
    amount, discount = total(series.customers, "amount"), total(series.customers, "discount")
    orders = total(series.customers, "orders")
    return drivers | {
        "buyers": total(series.customers, "buyers"),
        "order_value": _ratio(amount, orders),
        "discount_share": _ratio(discount, amount + discount),
        "messages": total(series.messages, "messages"),
    }


def _rows(
    category: str,
    revenue: Array,
    drivers: Mapping[str, Array],
    *,
    as_of: date,
    settings: GreySettings,
) -> list[dict[str, Any]]:
    choice = GreyChoice(settings.scaling, settings.rho, settings.rhos)
    weeks = len(revenue)
    too_few = NotComputable(f"whole weeks with records: {weeks}; {settings.min_weeks} are needed")
    found = (
        grey_relations(revenue, drivers, choice)
        if weeks >= settings.min_weeks
        else dict.fromkeys(drivers, too_few)
    )
    rows = []
    for driver, relation in found.items():
        row: dict[str, Any] = {
            "as_of": as_of,
            "category": category,
            "driver": driver,
            "weeks": weeks,
            "rho": settings.rho,
            "scaling": settings.scaling,
        }
        if isinstance(relation, NotComputable):
            row["reason"] = relation.reason
        else:
            row |= {
                "grade": relation.grade,
                "rank": relation.rank,
                "lowest_grade": relation.lowest_grade,
                "highest_grade": relation.highest_grade,
                "best_rank": relation.best_rank,
                "worst_rank": relation.worst_rank,
                "rank_changes": relation.best_rank < relation.worst_rank,
            }
        rows.append(row)
    return rows


def _whole_weeks(series: WeeklySeries, limit: int) -> int:
    """Whole weeks since the first record: the oldest one may have begun before it."""
    oldest = int(series.sales["week"].max()) if len(series.sales) else 0
    return min(oldest, limit)


def _ratio(part: Array, whole: Array) -> Array:
    """A quotient by week; NaN where the whole is not above zero."""
    is_known = whole > 0
    return np.where(is_known, part / np.where(is_known, whole, 1.0), np.nan)
