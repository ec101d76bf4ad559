"""Strengths and weaknesses of each competitor by category, and what could be exchanged with it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.market.observed import ALL, UNKNOWN, Observed
from clarion.prediction.market.position import (
    index_columns,
    listing_columns,
    note_on_index,
    runs_in,
)
from clarion.prediction.market.prices import PriceIndex, price_index
from clarion.prediction.market.settings import MarketSettings

Bools = npt.NDArray[np.bool_]


def competitor_rows(seen: Observed, settings: MarketSettings) -> list[dict[str, Any]]:
    """COMPETITORS: one row per competitor and category in which it is, and one of all.

    Args:
        seen: the market.
        settings: what is new, and how many examples are named.
    """
    competitors = sorted({*seen.listings["competitor"], *seen.promotions["competitor"]})
    return [
        _competitor_row(seen, competitor, category, settings)
        for competitor in competitors
        for category in _categories_of(seen, competitor)
    ]


def _categories_of(seen: Observed, competitor: str) -> list[str]:
    """Categories in which a competitor lists or promotes something, and 'all' first."""
    listed = seen.listings["category"][
        seen.is_on_sale & (seen.listings["competitor"] == competitor)
    ]
    promoted = seen.promotions["category"][seen.promotions["competitor"] == competitor]
    return [ALL, *sorted({*listed, *promoted.fillna(UNKNOWN)} - {ALL})]


def _competitor_row(
    seen: Observed, competitor: str, category: str, settings: MarketSettings
) -> dict[str, Any]:
    of_competitor = (seen.listings["competitor"] == competitor).to_numpy(dtype=bool)
    in_category = of_competitor & seen.is_in(category)
    on_sale = in_category & seen.is_on_sale
    found = price_index(seen.log_ratios[on_sale, 0])
    promotions = (seen.promotions["competitor"] == competitor).to_numpy(dtype=bool)
    goods = seen.products
    if category != ALL:
        goods = goods[goods["category"] == category]
    listed = seen.listings[on_sale]
    dated, first = _firsts(seen, in_category)
    counts = {
        "own_products": len(goods),
        "brands": _brands(listed["brand"]).nunique(),
        "own_brands": _brands(goods["brand"]).nunique(),
        "dated_products": dated,
        "first_share": first / dated if dated else None,
    }
    all_listed = seen.listings[of_competitor & seen.is_on_sale]
    return {
        "as_of": seen.as_of,
        "competitor": competitor,
        "category": category,
        **listing_columns(seen, on_sale, settings),
        **index_columns(found),
        "promotions": int((promotions & runs_in(seen, category)).sum()),
        **counts,
        **_judgement(found, counts | {"listings": len(listed)}),
        **_only_theirs(listed, seen.theirs[on_sale, 0], seen.products, settings.examples),
        **_only_ours(goods, all_listed, settings.examples),
        "note": "; ".join(_notes(seen, of_competitor, on_sale, found)) or None,
    }


def _judgement(found: PriceIndex | NotComputable, counts: dict[str, Any]) -> dict[str, list[str]]:
    """Strengths and weaknesses; what is not known, or equal, is neither."""
    price = 0
    if isinstance(found, PriceIndex) and found.low is not None and found.high is not None:
        price = int(found.low > 1) - int(found.high < 1)
    has_goods = counts["listings"] > 0 and counts["own_products"] > 0
    has_brands = counts["brands"] > 0 and counts["own_brands"] > 0
    firsts = 0.5 if counts["first_share"] is None else counts["first_share"]
    signs = (
        (price, "cheaper", "dearer"),
        ((counts["listings"] - counts["own_products"]) * has_goods, "broader", "narrower"),
        ((counts["brands"] - counts["own_brands"]) * has_brands, "more_brands", "fewer_brands"),
        (firsts - 0.5, "earlier", "later"),
    )
    return {
        "strengths": [strength for sign, strength, _ in signs if sign > 0],
        "weaknesses": [weakness for sign, _, weakness in signs if sign < 0],
    }


def _firsts(seen: Observed, chosen: Bools) -> tuple[int, int]:
    """Matched products of which it is known who listed them first: number, and theirs first.

    What a list holds on its first day may have been there for long: theirs is first where we began
    later than our list does, and ours where they began later than they were first observed.

    Args:
        seen: the market.
        chosen: a competitor's listings, on sale or not; shape (listings,).
    """
    since = seen.products.loc[seen.products["since"].notna(), ["product_id", "since"]]
    if since.empty:
        return 0, 0
    key = ["competitor", "product_id"]
    earliest_first = seen.listings.loc[chosen, [*key, "first_seen"]].sort_values("first_seen")
    dated = earliest_first.drop_duplicates(key).merge(since, on="product_id")
    if dated.empty:
        return 0, 0
    observed = dated["competitor"].map(seen.observed_since)
    is_theirs = (dated["first_seen"] < dated["since"]) & (dated["since"] > since["since"].min())
    is_ours = (dated["since"] < dated["first_seen"]) & (dated["first_seen"] > observed)
    return int((is_theirs | is_ours).sum()), int(is_theirs.sum())


def _only_theirs(
    listed: pd.DataFrame, prices: npt.NDArray[np.float64], products: pd.DataFrame, examples: int
) -> dict[str, Any]:
    """What they have and the shop lacks: goods, and brands that it has in no category."""
    unmatched = listed["product_id"].isna().to_numpy()
    goods = listed[unmatched].assign(price=prices[unmatched])
    own_brands = set(_brands(products["brand"]))
    return {
        "only_theirs": len(goods),
        "only_theirs_examples": _dearest(goods, "price", examples),
        "brands_only_theirs": _other_brands(listed["brand"], own_brands, examples),
    }


def _only_ours(goods: pd.DataFrame, all_listed: pd.DataFrame, examples: int) -> dict[str, Any]:
    """What the shop has in a category and they lack; brands that they have in no category."""
    missing = goods[~goods["product_id"].isin(all_listed["product_id"].dropna())]
    return {
        "only_ours": len(missing),
        "only_ours_examples": _dearest(missing, "list_price", examples),
        "brands_only_ours": _other_brands(
            goods["brand"], set(_brands(all_listed["brand"])), examples
        ),
    }


def _brands(names: pd.Series) -> pd.Series:
    """Brands as they are compared: without case and outer spaces; unknown ones are left out."""
    spelled = names.dropna().astype(str).str.strip().str.casefold()
    return spelled[spelled != ""]


def _other_brands(names: pd.Series, known: set[str], examples: int) -> list[str]:
    """The commonest brands that are not among the known ones, as they are first written."""
    compared = _brands(names)
    others = compared[~compared.isin(known)]
    counts = others.value_counts()
    chosen = sorted(counts.index, key=lambda name: (-counts[name], name))[:examples]
    return [str(names[others.index[others == name][0]]).strip() for name in chosen]


def _dearest(goods: pd.DataFrame, price: str, examples: int) -> list[str]:
    """Titles of the dearest goods; of equal prices the first in the alphabet."""
    titled = goods.dropna(subset=["title"])
    chosen = titled.sort_values([price, "title"], ascending=[False, True])[:examples]
    return [str(title) for title in chosen["title"]]


def _notes(
    seen: Observed, of_competitor: Bools, on_sale: Bools, found: PriceIndex | NotComputable
) -> list[str]:
    if not of_competitor.any():
        return ["no price of it was ever seen"]
    if not (of_competitor & seen.is_on_sale).any():
        return [f"not seen since {seen.listings['last_seen'][of_competitor].max()}"]
    return note_on_index(seen, on_sale, found)
