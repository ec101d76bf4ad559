"""What is known of a customer and a category, as numbers."""

from dataclasses import dataclass

import numpy as np

from clarion.prediction.need.histories import (
    BEGAN,
    BOUGHT,
    CARTED,
    VIEWED,
    Floats,
    Histories,
    Ints,
    Past,
)

INPUTS = (
    "looked_at", "looked_at_28", "looked_at_60", "looked_at_7", "looked_at_since", "carted",
    "bought", "purchases", "need", "recency", "lead", "popularity", "days_looked_at",
    "views_of_customer", "purchases_of_customer", "need_of_liked", "related",
)  # fmt: skip
_VIEWS_BEFORE = 3.0  # days of looking at an average category that a customer starts with
_FOLLOWERS_BEFORE = 20.0  # purchases by the shop's shares that each row of `follows` starts with
_LEAD_HALF_LIFE = 14.0  # days after which a purchase leads half as strongly to the next one
_MIN_GAPS = 20  # gaps below which a category has the gap of all categories


@dataclass(frozen=True, slots=True)
class ShopRates:
    """What a shop's customers do on average.

    Args:
        bought: share of each category in the days on which customers bought.
        viewed: the same for days on which they looked at products.
        follows: share of each category (column) in the purchases after one that began with
            another (row), shrunk to `bought`.
        related: how much more often than everybody those who look at a category (row) look at
            another (column); 0 for the category itself.
        gap: usual days between two purchases of a customer in each category.
    """

    bought: Floats
    viewed: Floats
    follows: Floats
    related: Floats
    gap: Floats


def shop_rates(histories: Histories, *, until: int, window: int) -> ShopRates:
    """The rates of a shop, from what was known on a day.

    Args:
        histories: of its customers.
        until: first day that does not count.
        window: days before it that count; all training cuts lie within.
    """
    past = histories.past(until, window=window)
    bought = _shares(past.of_kind(BOUGHT))
    viewed = _shares(past.of_kind(VIEWED))
    began = past.of_kind(BEGAN)
    order = np.lexsort((-began.age, began.customer))
    customer, category = began.customer[order], began.category[order]
    same = customer[1:] == customer[:-1]
    count = past.categories
    follows = np.zeros((count, count))
    np.add.at(follows, (category[:-1][same], category[1:][same]), 1.0)
    follows += _FOLLOWERS_BEFORE * bought
    return ShopRates(
        bought,
        viewed,
        follows / follows.sum(axis=1, keepdims=True),
        _related(past.of_kind(VIEWED).sums(), viewed),
        _usual_gaps(past, window),
    )


def _shares(past: Past) -> Floats:
    """Shares of the categories, each with half a fact more than it has."""
    counts = np.bincount(past.category, minlength=past.categories) + 0.5
    return np.asarray(counts / counts.sum())


def _related(looks: Floats, usual: Floats) -> Floats:
    """Lift of each category (column) among those who look at another (row).

    Each customer counts as much as another; their shares are shrunk to the usual ones.
    """
    shares = np.exp(_log_share(looks, usual))
    mean = shares.sum(axis=0)
    together = shares.T @ shares / mean[:, None]
    np.fill_diagonal(together, 0.0)
    return np.asarray(together / mean * len(looks))


def _usual_gaps(past: Past, window: int) -> Floats:
    """Median days between two purchases in a category; that of all where few are known."""
    bought = past.of_kind(BOUGHT)
    order = np.lexsort((-bought.age, bought.category, bought.customer))
    customer, category, age = (
        values[order] for values in (bought.customer, bought.category, bought.age)
    )
    same = (customer[1:] == customer[:-1]) & (category[1:] == category[:-1])
    gap, of = (age[:-1] - age[1:])[same], category[1:][same]
    usual = float(np.median(gap)) if len(gap) else window / 2.0
    gaps = np.full(past.categories, usual)
    for number in range(past.categories):
        own = gap[of == number]
        if len(own) >= _MIN_GAPS:
            gaps[number] = np.median(own)
    return np.asarray(np.maximum(gaps, 1.0))


def pair_inputs(past: Past, rates: ShopRates) -> Floats:
    """The inputs of each customer and category, from facts before the cut.

    Args:
        past: what is known of the customers.
        rates: what the shop's customers do on average.

    Returns:
        Shape (customers, categories, len(INPUTS)); never unknown.
    """
    bought, viewed = past.of_kind(BOUGHT), past.of_kind(VIEWED)
    never = 1e6
    since = bought.last_age(never=never)
    purchases, looks = bought.sums(), viewed.sums()
    ratio = since / rates.gap
    need = ratio**2 / (1.0 + ratio**2)  # half of it is back after a usual gap
    decayed = {days: viewed.sums(_halved(viewed.age, days)) for days in (7.0, 28.0, 60.0)}
    looks_since = viewed.sums(
        (viewed.age < since[viewed.customer, viewed.category]).astype(np.float64)
    )
    carts = without_bought_days(past.of_kind(CARTED), bought)
    carted = carts.sums(_halved(carts.age, 14.0))
    lead = bought.sums(_halved(bought.age, _LEAD_HALF_LIFE)) @ (rates.follows / rates.bought)
    liked = _log_share(looks, rates.viewed)
    shape = looks.shape
    columns = (
        liked,
        _log_share(decayed[28.0], rates.viewed),
        _log_share(decayed[60.0], rates.viewed),
        _log_share(decayed[7.0], rates.viewed),
        _log_share(looks_since + purchases, rates.viewed),
        _log_share(decayed[28.0] + carted, rates.viewed),
        _log_share(purchases, rates.bought),
        np.log1p(purchases),
        need,
        np.log1p(np.minimum(since, 400.0)),
        np.log1p(lead),
        np.broadcast_to(np.log(rates.bought), shape),
        np.log1p(looks),
        np.broadcast_to(np.log1p(looks.sum(axis=1, keepdims=True)), shape),
        np.broadcast_to(np.log1p(purchases.sum(axis=1, keepdims=True)), shape),
        liked + np.log(need + 0.01),
        np.log(np.exp(liked) @ rates.related + 0.01),
    )
    return np.stack(columns, axis=-1)


def without_bought_days(carts: Past, bought: Past) -> Past:
    """Carts less those of days on which the customer bought in the category: they are orders."""
    ordered = np.isin(_cells(carts), _cells(bought))
    kept = ~ordered
    return Past(
        carts.size,
        carts.categories,
        carts.customer[kept],
        carts.category[kept],
        carts.kind[kept],
        carts.age[kept],
    )


def _cells(past: Past) -> Ints:
    return (past.customer * past.categories + past.category) * 100_000 + past.age


def _halved(age: Ints, half_life: float) -> Floats:
    return np.asarray(2.0 ** (-age / half_life))


def _log_share(sums: Floats, usual: Floats) -> Floats:
    """Logarithm of the shares of categories, shrunk to the usual ones."""
    total = sums.sum(axis=1, keepdims=True) + _VIEWS_BEFORE
    return np.asarray(np.log((sums + _VIEWS_BEFORE * usual) / total))
