"""The products of a simulated shop, and what each costs on a day: the same for everybody."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clarion.sim.draws import Bools, Draws, Floats, Ints
from clarion.sim.shop import Shop, Text, Variants

Texts = npt.NDArray[np.object_]

BRANDS = 12
PROMOTED_SHARE = 0.4  # of a category's products are reduced while it is promoted
PROMOTION_DAYS = 7
_ADJECTIVES = (
    Text(en="classic", zh="经典"),
    Text(en="light", zh="轻便"),
    Text(en="premium", zh="优选"),
    Text(en="daily", zh="日常"),
    Text(en="soft", zh="柔和"),
    Text(en="new", zh="新款"),
    Text(en="organic", zh="天然"),
)
_WORDS_PER_DESCRIPTION = 6
_ALWAYS = -100_000
_PROMOTION_EVERY = 42
_STOCK_WINDOW = 30


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The products of a shop, ordered by category and, within it, by popularity.

    Args:
        shop: the shop.
        draws: its random draws.
        category: index of each product's category.
        rank: popularity within the category, from 0 (the most popular).
        weight: share of its category's demand (Zipf's law).
        brand: index of its brand.
        tier: where its price stands within its category's range, from 0 to 1.
        launched: the day on which it appears, in days since the shop's start.
        base: its list price at first.
        cost: what a unit costs the shop.
        first: number of each category's first product, and the number of products at the end.
    """

    shop: Shop
    draws: Draws
    category: Ints
    rank: Ints
    weight: Floats
    brand: Ints
    tier: Floats
    launched: Ints
    base: Floats
    cost: Floats
    first: Ints

    def __len__(self) -> int:
        return len(self.category)

    @property
    def numbers(self) -> Ints:
        """The numbers of the products."""
        return np.arange(len(self), dtype=np.int64)

    def prices(self, product: Ints, day: Ints | int) -> Floats:
        """List price of products on days, the same for everyone.

        A product's price changes once, by up to 8 %, on a day of its own within two years.
        """
        changes_on = self.draws.index("price/day", 730, product) - 90
        step = 1.0 + 0.16 * (self.draws.uniform("price/step", product) - 0.5)
        changed = np.where(np.asarray(day) >= changes_on, step, 1.0)
        return np.maximum(np.round(self.base[product] * changed, 2), 0.01)

    def reductions(self, product: Ints, day: Ints | int) -> Floats:
        """Share that a public promotion takes off the price of products on days."""
        category = self.category[product]
        window, depth = self._promotion(category, day)
        takes_part = self.draws.uniform("promotion/product", product, window) < PROMOTED_SHARE
        return np.where(takes_part, depth, 0.0)

    def category_reductions(self, day: int) -> Floats:
        """Share that a promotion takes off the promoted products of each category on a day."""
        categories = np.arange(len(self.shop.categories), dtype=np.int64)
        return self._promotion(categories, day)[1]

    def in_stock(self, product: Ints, day: Ints | int) -> Bools:
        """Whether products can be bought on days: they exist, and are not out of stock.

        A product is out of stock for three to twelve days in one month of 30.
        """
        window = np.floor_divide(np.asarray(day), _STOCK_WINDOW)
        runs_out = self.draws.uniform("stock/out", product, window) < 1.0 / 30.0
        first = self.draws.index("stock/first", _STOCK_WINDOW - 12, product, window)
        days = 3 + self.draws.index("stock/days", 10, product, window)
        within = np.asarray(day) - window * _STOCK_WINDOW
        is_out = runs_out & (within >= first) & (within < first + days)
        return np.asarray(~is_out & (np.asarray(day) >= self.launched[product]))

    def available_share(self, day: int) -> Floats:
        """Share of each category's demand whose product can be bought on a day."""
        available = self.in_stock(self.numbers, day) * self.weight
        total = np.add.reduceat(self.weight, self.first[:-1])
        return np.asarray(np.add.reduceat(available, self.first[:-1]) / total)

    def at_rank(self, category: Ints, chance: Floats, day: Ints | int) -> Ints:
        """The product of a category for a chance in (0, 1); popular ones come up more often.

        For a product that has not been launched on the day, the most popular one stands in.
        """
        size = (self.first[1:] - self.first[:-1])[category]
        rank = np.floor(np.exp(chance * np.log(size + 1.0))).astype(np.int64) - 1
        return self.launched_by(self.first[category] + np.clip(rank, 0, size - 1), day)

    def launched_by(self, product: Ints, day: Ints | int) -> Ints:
        """Products; for one that is launched later, the most popular one of its category."""
        is_there = np.asarray(day) >= self.launched[product]
        return np.where(is_there, product, self.first[self.category[product]])

    def rank_chance(self, product: Ints, day: Ints) -> Floats:
        """The chance with which `at_rank` gives a product of its category on a day."""
        share = self._rank_shares[product]
        missing = np.zeros(len(product))
        category = self.category[product]
        for number in np.flatnonzero(self.launched > _ALWAYS):
            waits = (self.category[number] == category) & (self.launched[number] > day)
            missing = missing + np.where(waits, self._rank_shares[number], 0.0)
        is_first = product == self.first[category]
        return np.where(day < self.launched[product], 0.0, share + np.where(is_first, missing, 0.0))

    @property
    def _rank_shares(self) -> Floats:
        """The chance of each product if all were launched."""
        size = (self.first[1:] - self.first[:-1])[self.category]
        return np.asarray(np.log((self.rank + 2.0) / (self.rank + 1.0)) / np.log(size + 1.0))

    def _promotion(self, category: Ints, day: Ints | int) -> tuple[Ints, Floats]:
        """Number of the promotion window of categories on days, and what it takes off."""
        shifted = np.asarray(day) + self.draws.index("promotion/from", _PROMOTION_EVERY, category)
        window = np.floor_divide(shifted, _PROMOTION_EVERY)
        happens = self.draws.uniform("promotion/happens", category, window) < 0.8
        depth = 0.1 + 0.2 * self.draws.uniform("promotion/depth", category, window)
        is_on = (shifted - window * _PROMOTION_EVERY < PROMOTION_DAYS) & happens
        own = np.where(is_on, depth, 0.0)
        return window, np.maximum(np.round(own, 2), self._festival_reduction(day))

    def _festival_reduction(self, day: Ints | int) -> Floats:
        reduced = np.zeros(np.shape(day))
        for festival in self.shop.festivals:
            is_on = festival_days(self.shop, festival.first, festival.days)(day)
            reduced = np.maximum(reduced, np.where(is_on, festival.reduced, 0.0))
        return reduced


def festival_days(shop: Shop, first: str, days: int) -> Callable[[Ints | int], Bools]:
    """A function that says of days whether a festival is on.

    Args:
        shop: the shop.
        first: first day of the festival, MM-DD.
        days: its number of days.
    """
    start = np.datetime64(shop.starts_on)

    def is_on(day: Ints | int) -> Bools:
        dates = start + np.asarray(day)
        # A festival that began in the year before may go on: two candidates.
        years = dates.astype("datetime64[Y]")
        offsets = [
            (dates - np.array([f"{year}-{first}" for year in np.ravel(values)], "datetime64[D]")
             .reshape(np.shape(dates))).astype(np.int64)
            for values in (years, years - 1)
        ]  # fmt: skip
        return np.asarray(
            np.logical_or.reduce([(offset >= 0) & (offset < days) for offset in offsets])
        )

    return is_on


def build_catalogue(shop: Shop, draws: Draws) -> Catalogue:
    """The products of a shop, drawn from its seed alone."""
    sizes = _category_sizes(shop)
    category = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    numbers = np.arange(first[-1], dtype=np.int64)
    rank = numbers - first[category]
    weight = np.asarray(1.0 / (rank + 1.0), dtype=np.float64)
    brand = draws.index("product/brand", BRANDS, numbers)
    quality = draws.uniform("product/quality", brand)
    tier = 0.7 * quality + 0.3 * draws.uniform("product/price", numbers)
    low, high = (np.array([item.price[side] for item in shop.categories]) for side in (0, 1))
    base = low[category] * (high / low)[category] ** tier
    launches = np.array([item.launches for item in shop.categories])[category]
    # The most popular product of a category was always there.
    is_new = rank >= np.maximum(np.array(sizes)[category] - launches, 1)
    day = 30 + draws.index("product/launched", 300, numbers)
    return Catalogue(
        shop,
        draws,
        category,
        rank,
        weight,
        brand,
        tier,
        np.where(is_new, day, _ALWAYS),
        np.round(base, 2).astype(np.float64),
        np.asarray(np.round(base * (0.5 + 0.2 * draws.uniform("product/cost", numbers)), 2)),
        first,
    )


def _category_sizes(shop: Shop) -> list[int]:
    """Number of products in each category; at least two."""
    total = sum(item.share for item in shop.categories)
    return [max(2, round(shop.products * item.share / total)) for item in shop.categories]


def texts(catalogue: Catalogue) -> tuple[Texts, Texts]:
    """Titles and descriptions of the products, of words that are typical of their category."""
    shop, draws, numbers = catalogue.shop, catalogue.draws, catalogue.numbers
    separator = "" if shop.language == "zh" else " "

    def drawn(name: str, options: list[list[str]]) -> list[str]:
        sizes = np.array([len(row) for row in options])[catalogue.category]
        chosen = draws.index(f"product/{name}", sizes, numbers)
        return [
            options[row][column] for row, column in zip(catalogue.category, chosen, strict=True)
        ]

    nouns = [[shop.local(noun) for noun in item.nouns] for item in shop.categories]
    vocabulary = [[shop.local(word) for word in item.words] for item in shop.categories]
    adjectives = [[shop.local(word) for word in _ADJECTIVES]] * len(shop.categories)
    words = [drawn(f"word{index}", vocabulary) for index in range(_WORDS_PER_DESCRIPTION)]
    titles = zip(drawn("adjective", adjectives), words[0], drawn("noun", nouns), strict=True)
    descriptions = zip(*words, drawn("noun2", nouns), strict=True)
    return (
        np.array([separator.join(title) for title in titles], dtype=object),
        np.array([(separator or " ").join(text) for text in descriptions], dtype=object),
    )


def variants(goods: Catalogue) -> tuple[Texts, Texts]:
    """The size and the colour of each product; None where its department has none."""
    shop, none = goods.shop, Variants()
    own = [shop.variants.get(item.department.en, none) for item in shop.categories]

    def drawn(name: str, options: list[tuple[str, ...]]) -> Texts:
        counts = np.array([len(row) for row in options])[goods.category]
        chosen = goods.draws.index(f"product/{name}", np.maximum(counts, 1), goods.numbers)
        texts = [(*options[row], None)[index] for row, index in zip(goods.category, chosen,
                                                                   strict=True)]  # fmt: skip
        return np.array(texts, dtype=object)

    colours = [tuple(shop.local(colour) for colour in item.colours) for item in own]
    return drawn("size", [item.sizes for item in own]), drawn("colour", colours)


def only(values: Texts, chosen: Bools) -> Texts:
    """Values where they are chosen, None elsewhere."""
    kept = values.copy()
    kept[~chosen] = None
    return kept


def product_refs(numbers: Ints) -> Texts:
    """The shop's codes of products."""
    return np.array([f"P{number:05d}" for number in numbers], dtype=object)
