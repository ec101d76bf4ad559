"""Records of what surrounds the customers: costs, competitors' prices, stock, promotions, rates."""

import numpy as np
import pandas as pd

from clarion.sim import catalogue, market
from clarion.sim.catalogue import Texts, only, product_refs
from clarion.sim.clock import Clock
from clarion.sim.draws import Bools
from clarion.sim.surroundings import Surroundings

_OBSERVED_EVERY = 7
_RATES = {"USD": 7.1, "JPY": 0.048}


def cost_records(surroundings: Surroundings, clock: Clock, first: int, last: int) -> pd.DataFrame:
    """Records of the kind 'costs': by day, of each paid channel beside its touches, and of running.

    The first are costs of advertising, the second of operation.
    """
    days = np.arange(first, last, dtype=np.int64)
    paid = [
        (number, channel.name)
        for number, channel in enumerate(surroundings.shop.channels)
        if channel.cost >= 0.1
    ]
    frames = [
        pd.DataFrame(
            {
                "day": clock.dates(days).astype(str),
                "channel": name,
                "amount": np.round(
                    30.0 + 20.0 * surroundings.draws.uniform("cost/spent", days, number), 2
                ),
                "note": "advertising",
            }
        )
        for number, name in paid
    ]
    running = pd.DataFrame(
        {
            "day": clock.dates(days).astype(str),
            "channel": "warehouse",
            "amount": np.round(80.0 + 40.0 * surroundings.draws.uniform("cost/running", days), 2),
            "note": "operation",
        }
    )
    return pd.concat([*frames, running], ignore_index=True)


def price_records(surroundings: Surroundings, clock: Clock, first: int, last: int) -> pd.DataFrame:
    """Records of the kind 'market': competitors' prices, week by week; `_day` is the day of each.

    The shop's people have matched most listings of its products; the match of the others is in the
    truth alone. Some listings are of products that the shop does not have.

    Args:
        surroundings: what surrounds the customers.
        clock: the shop's calendar.
        first: first day.
        last: day after the last day, on which prices are observed, too.
    """
    frames = []
    for listings in (surroundings.listings, surroundings.others):
        described = _described_listings(listings)
        for day in range(first, last):
            if day % _OBSERVED_EVERY == 3 or day == last - 1:
                frames.append(_prices_of_day(surroundings, clock, listings, described, day))
    frame = pd.concat(frames, ignore_index=True)
    return frame.sort_values("_day", kind="stable", ignore_index=True)


def _described_listings(listings: market.Listings) -> pd.DataFrame:
    """What stays the same of each listing: competitor, title, product_ref, brand, size, colour."""
    goods, product = listings.goods, listings.product
    sizes, colours = catalogue.variants(goods)
    return pd.DataFrame(
        {
            "competitor": np.array(goods.shop.competitors, dtype=object)[listings.competitor],
            "title": market.listing_titles(listings),
            "product_ref": product_refs(product),
            "brand": [f"B{brand:02d}" for brand in goods.brand[product]],
            "size": sizes[product],
            "colour": colours[product],
        }
    )


def _prices_of_day(
    surroundings: Surroundings,
    clock: Clock,
    listings: market.Listings,
    described: pd.DataFrame,
    day: int,
) -> pd.DataFrame:
    """The prices of all listings that exist on a day."""
    goods, product = listings.goods, listings.product
    factors, is_cut = market.listing_factors(surroundings.catalogue, listings, day)
    category = goods.category[product]
    _, promoted = market.promotion(surroundings.catalogue, listings.competitor, category, day)
    price = np.maximum(np.round(goods.base[product] * listings.level * factors, 2), 0.01)
    refs = described["product_ref"].to_numpy()
    frame = pd.DataFrame(
        {
            "competitor": described["competitor"],
            "title": described["title"],
            "price": price,
            "observed_at": clock.instants(day, 12 * 3600),
            "product_ref": only(refs, listings.matched & (goods.launched[product] <= day)),
            "promotion": _promotion_names(promoted > 0, is_cut),
            "currency": surroundings.shop.currency,
            "brand": described["brand"],
            "size": described["size"],
            "colour": described["colour"],
            "_day": day,
        }
    )
    return frame[listings.since <= day]


def _promotion_names(promoted: Bools, is_cut: Bools) -> Texts:
    names = np.where(promoted, "sale", "week deal").astype(object)
    return only(names, promoted | is_cut)


def stock_records(surroundings: Surroundings, clock: Clock, days: int) -> pd.DataFrame:
    """Records of the kind 'stock': units and price of every fifth product, month by month."""
    goods = surroundings.catalogue
    product, day = (
        array.ravel().astype(np.int64)
        for array in np.meshgrid(goods.numbers[::5], np.arange(0, days, 30), indexing="ij")
    )
    units = 1 + goods.draws.index("stock/units", 300, product, day)
    frame = pd.DataFrame(
        {
            "product_ref": product_refs(product),
            "at": clock.instants(day),
            "stock": np.where(goods.in_stock(product, day), units, 0),
            "price": goods.prices(product, day),
        }
    )
    return frame[goods.launched[product] <= day]


def promotion_records(surroundings: Surroundings, clock: Clock, days: int) -> pd.DataFrame:
    """Records of the kind 'promotions': competitors' promotions of their categories."""
    shop, goods = surroundings.shop, surroundings.catalogue
    competitor, category = (
        array.ravel().astype(np.int64)
        for array in np.meshgrid(
            np.arange(len(shop.competitors)), np.arange(len(shop.categories)), indexing="ij"
        )
    )
    seen: dict[tuple[int, int, int], tuple[int, float]] = {}
    for day in range(days):
        window, depth = market.promotion(goods, competitor, category, day)
        for row in np.flatnonzero(depth > 0):
            key = (int(competitor[row]), int(category[row]), int(window[row]))
            seen.setdefault(key, (day, float(depth[row])))
    starts = np.array([day for day, _ in seen.values()], dtype=np.int64)
    return pd.DataFrame(
        {
            "competitor": [shop.competitors[key[0]] for key in seen],
            "name": [f"{shop.local(shop.categories[key[1]].category)} {key[2]}" for key in seen],
            "starts_at": clock.instants(starts),
            "ends_at": clock.instants(starts + market.PROMOTION_DAYS),
            "discount_share": [depth for _, depth in seen.values()],
            "condition": "all products of the category",
        }
    )


def rate_records(surroundings: Surroundings, clock: Clock, days: int) -> pd.DataFrame:
    """Records of the kind 'rates': two currencies on working days; each varies around its mean."""
    numbers = np.arange(days, dtype=np.int64)
    working = numbers[(numbers + surroundings.shop.starts_on.weekday()) % 7 < 5]
    frames = [
        pd.DataFrame(
            {
                "currency": currency,
                "at": clock.instants(working, 9 * 3600),
                "rate": np.round(
                    mean * np.exp(0.01 * surroundings.draws.normal(f"rate/{currency}", working)), 6
                ),
            }
        )
        for currency, mean in _RATES.items()
    ]
    return pd.concat(frames, ignore_index=True)
