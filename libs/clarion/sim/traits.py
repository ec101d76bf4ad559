"""Who the customers of a simulated shop are: drawn from the seed, never changed by what happens."""

from dataclasses import dataclass

import numpy as np

from clarion.sim.draws import Bools, Draws, Floats, Ints
from clarion.sim.shop import BURN_IN_DAYS, Shop

NEVER = 10**6
_LIKED = 1.0  # added to the logarithm of the taste for departments that a persona prefers
_LATE_JOINERS = 0.5  # share of the customers who join after the burn-in has begun
_LAST_JOINERS = 0.9  # nobody joins after this share of the history
_ZONES = ("Asia/Shanghai", "Asia/Urumqi", "Asia/Tokyo"), ("Europe/Berlin", "Europe/Lisbon", "UTC")


@dataclass(frozen=True, slots=True)
class Traits:
    """What customers have of their own; one entry, or one row, per customer.

    Args:
        ids: their numbers.
        persona: index of the persona.
        rate: orders a day of a customer who has not dropped out.
        taste: share of each category in what the customer likes; rows sum to 1.
        cycle: days until half of the need for each category is back.
        tier: the part of a price range that the customer prefers.
        lines: mean number of lines of an order.
        response: standard normal number; customers with a higher one respond more to messages.
        joined: the day of the registration, in days since the shop's start.
        registered: the same, but for customers from before the burn-in the day they really came.
        changed: the day on which the persona changes or the customer leaves; NEVER for no change.
        leaves: whether the change is that the customer leaves.
        collection: consents to the collection of data.
        marketing: consents to messages.
    """

    ids: Ints
    persona: Ints
    rate: Floats
    taste: Floats
    cycle: Floats
    tier: Floats
    lines: Floats
    response: Floats
    joined: Ints
    registered: Ints
    changed: Ints
    leaves: Bools
    collection: Bools
    marketing: Bools


def draw_traits(shop: Shop, draws: Draws, ids: Ints) -> Traits:
    """Customers as they are before anything changes.

    Args:
        shop: the shop.
        draws: the shop's draws; their replicate does not matter.
        ids: the customers' numbers.
    """
    draws = Draws(draws.seed)
    persona = draws.choice("trait/persona", [item.share for item in shop.personas], ids)
    changed, _, leaves = _changes(shop, draws, ids, persona)
    return _traits(shop, draws, ids, persona, changed, leaves)


def later_traits(shop: Shop, draws: Draws, traits: Traits) -> Traits:
    """The same customers as they are after the change of their persona."""
    draws = Draws(draws.seed)
    changed, later, leaves = _changes(shop, draws, traits.ids, traits.persona)
    return _traits(shop, draws, traits.ids, later, changed, leaves)


def _traits(
    shop: Shop, draws: Draws, ids: Ints, persona: Ints, changed: Ints, leaves: Bools
) -> Traits:
    def of_persona(name: str) -> Floats:
        return np.array([getattr(item, name) for item in shop.personas], dtype=float)[persona]

    spread, rows = shop.spread, ids[:, None]
    categories = np.arange(len(shop.categories), dtype=np.int64)[None, :]
    rate = of_persona("orders") / 28.0
    rate = rate * np.exp(spread * draws.normal("trait/rate", ids) - spread**2 / 2)
    cycle = np.array([item.cycle for item in shop.categories])
    joined = _joined(shop, draws, ids)
    before = np.floor(-200.0 * np.log(draws.uniform("trait/registered", ids))).astype(np.int64)
    tier = of_persona("tier") + 0.3 * spread * draws.normal("trait/tier", ids)
    lines = of_persona("lines") * np.exp(0.5 * spread * draws.normal("trait/lines", ids))
    return Traits(
        ids=ids,
        persona=persona,
        rate=rate,
        taste=_taste(shop, draws.normal("trait/taste", rows, categories), persona),
        cycle=cycle * np.exp(0.25 * draws.normal("trait/cycle", rows, categories)),
        tier=np.clip(tier, 0.0, 1.0),
        lines=np.maximum(lines, 1.0),
        response=draws.normal("trait/response", ids),
        joined=joined,
        registered=np.where(joined == -BURN_IN_DAYS, joined - before, joined),
        changed=changed,
        leaves=leaves,
        collection=draws.uniform("trait/collection", ids) >= shop.no_collection,
        marketing=draws.uniform("trait/marketing", ids) >= shop.no_marketing,
    )


@dataclass(frozen=True, slots=True)
class Members:
    """Customers as they are on a day: before their change, or after it.

    Args:
        traits: the customers before anything changes; ids in ascending order.
        later: the customers after their change; the same where nothing changes.
    """

    traits: Traits
    later: Traits

    def rows(self, customer: Ints) -> Ints:
        """The rows of customers, by their numbers."""
        return np.searchsorted(self.traits.ids, customer)

    def persona(self, customer: Ints, day: Ints) -> Ints:
        """Index of the persona of customers on days."""
        rows = self.rows(customer)
        changed = self._has_changed(rows, day)
        return np.where(changed, self.later.persona[rows], self.traits.persona[rows])

    def tier(self, customer: Ints, day: Ints) -> Floats:
        """The part of a price range that customers prefer on days."""
        rows = self.rows(customer)
        changed = self._has_changed(rows, day)
        return np.where(changed, self.later.tier[rows], self.traits.tier[rows])

    def taste(self, customer: Ints, day: Ints) -> Floats:
        """What customers like on days; one row each."""
        rows = self.rows(customer)
        changed = self._has_changed(rows, day)
        return np.where(changed[:, None], self.later.taste[rows], self.traits.taste[rows])

    def _has_changed(self, rows: Ints, day: Ints) -> Bools:
        return (self.traits.changed[rows] <= day) & ~self.traits.leaves[rows]


def draw_members(shop: Shop, draws: Draws, ids: Ints) -> Members:
    """Customers before and after their change."""
    traits = draw_traits(shop, draws, ids)
    return Members(traits, later_traits(shop, draws, traits) if shop.changes else traits)


def time_zones(shop: Shop, draws: Draws, ids: Ints) -> list[str]:
    """The zones in which customers live; nine in ten in the shop's own."""
    away = Draws(draws.seed).uniform("trait/away", ids)
    others = [zone for zone in _ZONES[shop.language != "zh"] if zone != shop.time_zone]
    return [
        shop.time_zone if chance >= 0.1 else others[int(chance * 10 * len(others))]
        for chance in away
    ]


def _taste(shop: Shop, own: Floats, persona: Ints) -> Floats:
    """Softmax of the categories' popularity, the persona's departments and the customer's own."""
    departments = [item.department.en for item in shop.categories]
    liked = np.array(
        [[name in persona.likes for name in departments] for persona in shop.personas], dtype=float
    )
    popularity = np.log([item.share for item in shop.categories])
    weights = np.exp(popularity + _LIKED * liked[persona] + shop.taste * own)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _joined(shop: Shop, draws: Draws, ids: Ints) -> Ints:
    """Half of the customers were there when the burn-in began; the others join evenly."""
    span = BURN_IN_DAYS + _LAST_JOINERS * shop.history_days
    chance = draws.uniform("trait/joined", ids)
    late = (chance - (1 - _LATE_JOINERS)) / _LATE_JOINERS
    day = np.floor(late * span).astype(np.int64) - BURN_IN_DAYS
    return np.where(late < 0, -BURN_IN_DAYS, day)


def _changes(shop: Shop, draws: Draws, ids: Ints, persona: Ints) -> tuple[Ints, Ints, Bools]:
    """The day of each customer's change, the persona afterwards, and who leaves; at most once."""
    changed, later = np.full(len(ids), NEVER, dtype=np.int64), persona.copy()
    leaves = np.zeros(len(ids), dtype=bool)
    drawn, within = draws.uniform("trait/changes", ids), draws.uniform("trait/changed", ids)
    assigned = dict.fromkeys((change.persona for change in shop.changes), 0.0)
    for change in shop.changes:
        low = assigned[change.persona]
        high = assigned[change.persona] = low + change.share
        is_of_persona = persona == shop.persona_index(change.persona)
        applies = is_of_persona & (drawn >= low) & (drawn < high)
        day = change.from_day + np.floor(within * change.over_days).astype(np.int64)
        changed = np.where(applies, day, changed)
        if change.becomes:
            later = np.where(applies, shop.persona_index(change.becomes), later)
        else:
            leaves = leaves | applies
    return changed, later, leaves
