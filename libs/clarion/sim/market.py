"""Competitors of a simulated shop: their listings, prices, promotions and price wars."""

from dataclasses import dataclass

import numpy as np

from clarion.sim.catalogue import Catalogue
from clarion.sim.draws import Bools, Floats, Ints

LISTED_SHARE = 0.35  # of the shop's products that a competitor sells, too
CUT_SHARE = 0.03  # of the weeks of a listing in which its price is cut
WAR_SHARE = 0.06  # of a category's quarters in which a price war breaks out
WAR_DAYS = 21
_PROMOTION_EVERY = 49
PROMOTION_DAYS = 7
_QUARTER = 91
_WAR_STEPS = 4
_WAR_STEP = 0.06  # a competitor takes off in each step of a price war, every second day


@dataclass(frozen=True, slots=True)
class Listings:
    """What competitors sell of the shop's products: one entry per listing.

    Args:
        competitor: index of the competitor.
        product: number of the shop's product, the true match.
        level: the competitor's usual price, relative to the shop's list price at first.
        matched: whether the shop's own people have matched it.
        since: the day on which the competitor began to sell it.
    """

    competitor: Ints
    product: Ints
    level: Floats
    matched: Bools
    since: Ints


def build_listings(catalogue: Catalogue) -> Listings:
    """The listings of every competitor, drawn from the seed alone."""
    draws = catalogue.draws
    competitor, product = (
        array.ravel()
        for array in np.meshgrid(
            np.arange(len(catalogue.shop.competitors), dtype=np.int64),
            catalogue.numbers,
            indexing="ij",
        )
    )
    sells = draws.uniform("market/sells", competitor, product) < LISTED_SHARE
    competitor, product = competitor[sells], product[sells]
    is_new = draws.uniform("market/new", competitor, product) < 0.1
    day = 20 + draws.index("market/since", 330, competitor, product)
    return Listings(
        competitor,
        product,
        0.92 + 0.16 * draws.uniform("market/level", competitor, product),
        draws.uniform("market/matched", competitor, product) < 0.7,
        np.where(is_new, day, -100_000),
    )


def listing_factors(catalogue: Catalogue, listings: Listings, day: int) -> tuple[Floats, Bools]:
    """What the price of each listing is multiplied with on a day, and whether it is a cut.

    Args:
        catalogue: the shop's products.
        listings: the competitors' listings.
        day: days since the shop's start.

    Returns:
        Factors of the usual price, and whether a price was cut beside promotions and wars.
    """
    draws = catalogue.draws
    week = int(np.floor_divide(day, 7))
    chance = draws.uniform("market/cut", listings.competitor, listings.product, week)
    is_cut = chance < CUT_SHARE
    depth = 0.12 + 0.2 * draws.uniform("market/depth", listings.competitor, listings.product, week)
    category = catalogue.category[listings.product]
    factors = category_factors(catalogue, day)[listings.competitor, category]
    return factors * np.where(is_cut, 1.0 - depth, 1.0), is_cut


def category_factors(catalogue: Catalogue, day: int) -> Floats:
    """Price of each competitor (row) in each category (column), relative to its usual one."""
    shop = catalogue.shop
    competitors = np.arange(len(shop.competitors), dtype=np.int64)[:, None]
    categories = np.arange(len(shop.categories), dtype=np.int64)[None, :]
    _, reduction = promotion(catalogue, competitors, categories, day)
    return (1.0 - reduction) * (1.0 - war_depth(catalogue, competitors, categories, day))


def promotion(
    catalogue: Catalogue, competitor: Ints, category: Ints, day: int
) -> tuple[Ints, Floats]:
    """Number of a competitor's promotion in a category, and what it takes off on a day."""
    draws = catalogue.draws
    shifted = day + draws.index("rival/from", _PROMOTION_EVERY, competitor, category)
    window = np.floor_divide(shifted, _PROMOTION_EVERY)
    happens = draws.uniform("rival/happens", competitor, category, window) < 0.5
    depth = np.round(0.1 + 0.2 * draws.uniform("rival/depth", competitor, category, window), 2)
    is_on = shifted - window * _PROMOTION_EVERY < PROMOTION_DAYS
    return window, np.where(happens & is_on, depth, 0.0)


def war_depth(catalogue: Catalogue, competitor: Ints, category: Ints, day: int) -> Floats:
    """What a price war takes off a competitor's prices of a category on a day.

    All competitors take part: each lowers its prices several times in a row, a day apart.
    """
    draws = catalogue.draws
    quarter = int(np.floor_divide(day, _QUARTER))
    happens = draws.uniform("war/happens", category, quarter) < WAR_SHARE
    first = draws.index("war/first", _QUARTER - WAR_DAYS, category, quarter)
    within = day - quarter * _QUARTER - first - competitor
    steps = np.clip(within // 2 + 1, 0, _WAR_STEPS)
    is_on = happens & (within >= 0) & (within < WAR_DAYS)
    return np.where(is_on, 1.0 - (1.0 - _WAR_STEP) ** steps, 0.0)
