"""Competitors of a simulated shop: their listings, prices, promotions and price wars."""

from dataclasses import dataclass, replace

import numpy as np

from clarion.sim.catalogue import BRANDS, Catalogue, build_catalogue, texts
from clarion.sim.draws import Bools, Draws, Floats, Ints, number_of

LISTED_SHARE = 0.35  # of the shop's products that a competitor sells, too
OTHERS = 0.3  # products that only competitors have, for each product of the shop
OTHERS_SOLD_SHARE = 0.5  # of those that a competitor sells
OTHERS_LAUNCHED_SHARE = 0.15  # of those that are new in the year
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
    """What competitors sell of a catalogue's products: one entry per listing.

    Args:
        goods: the catalogue: the shop's, or that of products that only competitors have.
        competitor: index of the competitor.
        product: number of the product in the catalogue; of the shop's, it is the true match.
        level: the competitor's usual price, relative to the list price at first.
        matched: whether the shop's own people have matched it.
        since: the day on which the competitor began to sell it.
    """

    goods: Catalogue
    competitor: Ints
    product: Ints
    level: Floats
    matched: Bools
    since: Ints

    def where(self, chosen: Bools) -> "Listings":
        """Some of the listings."""
        return Listings(self.goods, self.competitor[chosen], self.product[chosen],
                        self.level[chosen], self.matched[chosen], self.since[chosen])  # fmt: skip


def build_listings(catalogue: Catalogue) -> Listings:
    """The listings of every competitor, drawn from the seed alone."""
    draws = catalogue.draws
    competitor, product = _sold(catalogue, LISTED_SHARE)
    is_new = draws.uniform("market/new", competitor, product) < 0.1
    day = 20 + draws.index("market/since", 330, competitor, product)
    return Listings(
        catalogue,
        competitor,
        product,
        0.92 + 0.16 * draws.uniform("market/level", competitor, product),
        draws.uniform("market/matched", competitor, product) < 0.7,
        np.where(is_new, day, -100_000),
    )


def _sold(goods: Catalogue, share: float) -> tuple[Ints, Ints]:
    """Which competitor sells which product of a catalogue."""
    competitors = np.arange(len(goods.shop.competitors), dtype=np.int64)
    competitor, product = np.meshgrid(competitors, goods.numbers, indexing="ij")
    sells = goods.draws.uniform("market/sells", competitor, product) < share
    return competitor[sells], product[sells]


def build_others(catalogue: Catalogue, listings: Listings) -> Listings:
    """The listings of products that only competitors have: they match nothing of the shop.

    They are in the shop's categories, of words and prices as the shop's have; half of their brands
    are brands of the shop, too. Some are launched in the course of the year.

    Args:
        catalogue: the shop's products.
        listings: the listings of the shop's products.
    """
    size = max(2, round(OTHERS * catalogue.shop.products))
    draws = Draws(number_of(f"{catalogue.draws.seed}/others"))
    own = build_catalogue(catalogue.shop.model_copy(update={"products": size}), draws)
    launched = 20 + draws.index("market/launched", 330, own.numbers)
    is_new = draws.uniform("market/is_new", own.numbers) < OTHERS_LAUNCHED_SHARE
    goods = replace(
        own, brand=own.brand + BRANDS // 2, launched=np.where(is_new, launched, -100_000)
    )
    competitor, product = _sold(goods, OTHERS_SOLD_SHARE)
    later = draws.index("market/later", 20, competitor, product)
    others = Listings(
        goods,
        competitor,
        product,
        0.92 + 0.16 * draws.uniform("market/level", competitor, product),
        np.zeros(len(product), bool),
        goods.launched[product] + later,
    )
    taken = set(zip(listings.competitor.tolist(), listing_titles(listings), strict=True))
    names = zip(others.competitor.tolist(), listing_titles(others), strict=True)
    return others.where(np.array([name not in taken for name in names], dtype=bool))


def listing_titles(listings: Listings) -> list[str]:
    """What competitors call products: the catalogue's title, with words moved or the brand."""
    goods = listings.goods
    titles, _ = texts(goods)
    way = goods.draws.index("market/title", 4, listings.competitor, listings.product)
    is_chinese = goods.shop.language == "zh"
    separator = "" if is_chinese else " "
    brand = [f"B{number:02d}" for number in goods.brand[listings.product]]

    def renamed(title: str, way: int, brand: str) -> str:
        words = [title[:2], title[2:]] if is_chinese else title.split(" ", 1)
        ways = (
            title,
            f"{brand} {title}",
            separator.join(reversed(words)),
            f"{words[-1]} {brand}",
        )
        return ways[way]

    named = titles[listings.product]
    # A competitor's number makes two products of one title two listings.
    return [
        f"{renamed(title, int(one), name)} {number % 97:02d}"
        for title, one, name, number in zip(named, way, brand, listings.product, strict=True)
    ]


def listing_factors(catalogue: Catalogue, listings: Listings, day: int) -> tuple[Floats, Bools]:
    """What the price of each listing is multiplied with on a day, and whether it is a cut.

    Args:
        catalogue: the shop's products.
        listings: the competitors' listings.
        day: days since the shop's start.

    Returns:
        Factors of the usual price, and whether a price was cut beside promotions and wars.
    """
    draws = listings.goods.draws
    week = int(np.floor_divide(day, 7))
    chance = draws.uniform("market/cut", listings.competitor, listings.product, week)
    is_cut = chance < CUT_SHARE
    depth = 0.12 + 0.2 * draws.uniform("market/depth", listings.competitor, listings.product, week)
    category = listings.goods.category[listings.product]
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
