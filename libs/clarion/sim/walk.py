"""A block of customers on their way through the days: their state, and what moves it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from clarion.sim.draws import (
    Bools,
    Draws,
    Floats,
    Hashes,
    Ints,
    as_geometric,
    logistic,
    number_of,
    uniform_after,
)
from clarion.sim.shop import Shop
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import NEVER, Traits

Rows = npt.NDArray[np.float32]

WINDOW_DAYS = 14  # a message works so long
LATENT = 0.02  # factor of the hazard after dropping out
FIRST_ORDER = 0.006  # chance of the first order on a day
FATIGUE = 0.05
FREE_CONTACTS = 1.5  # contacts of the last weeks that annoy nobody
DELIVERED, VIEWED, REDEEMED = 0.97, 0.55, 0.75
SEEN_STRENGTH = 0.7  # of a message that was viewed and not clicked, relative to a click
VISIT_LIMIT = 0.6
MAX_LINES = 8
_SCALE = 1.6
_NEVER_BOUGHT = 1e6
_WARM = 0.02  # readiness of a customer whom a channel meets as often as its rate says
_LOAD_HALVES = 2.0 ** (-1.0 / 14.0)
_TOUCH_HALVES = 2.0 ** (-1.0 / 3.0)
_PULL_HALVES = np.float32(2.0 ** (-1.0 / 12.0))
_LEAD = np.float32(8.0)  # how much likelier a category is after an order that leads to it
NO_BENEFIT = 0.5  # factor of the effect of a message without a benefit
ANSWERS = ("delivered", "viewed", "clicked", "unsubscribes")
_NOBODY: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Sends:
    """Messages; one entry each.

    Args:
        customer: numbers of the customers.
        day: days of sending, since the shop's start.
        offer: ids of the offers.
        benefit: face values, in the shop's currency; 0 for a message without a benefit.
        ref: names of the messages; they play no part in what happens.
    """

    customer: Ints
    day: Ints
    offer: Sequence[str]
    benefit: Floats
    ref: Sequence[str] = ()

    @classmethod
    def none(cls) -> "Sends":
        """No messages."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), [], np.empty(0))

    def __len__(self) -> int:
        return len(self.customer)

    def to(self, start: int, stop: int) -> "Sends":
        """The messages to customers whose numbers are from `start` to `stop` - 1."""
        rows = np.flatnonzero((self.customer >= start) & (self.customer < stop)).tolist()
        refs = [self.ref[row] for row in rows] if self.ref else ()
        offers = [self.offer[row] for row in rows]
        return Sends(self.customer[rows], self.day[rows], offers, self.benefit[rows], refs)


@dataclass(slots=True)
class State:
    """Where customers are; one entry, or one row, per customer."""

    since: Rows  # days since the last order in each category
    pull: Rows  # how strongly earlier orders lead to each category; halves every 12 days
    load: Floats  # contacts, of which half are forgotten after 14 days
    touched: Floats  # per channel: 1 on the day of a touch, halves every 3 days
    orders: Ints
    dropped: Bools
    left: Bools
    unsubscribed: Bools
    sent: Ints  # day of the last message
    send: Ints  # its place among the sends
    strength: Floats  # what it adds to the logarithm of the hazard on its day


@dataclass(slots=True)
class Needs:
    """What customers need on a day.

    Args:
        by_category: taste, need, prices and leads; one row per customer. It decides which
            category an order is about.
        total: taste times need alone, summed over the categories; from 0 to 1.
        weighted: taste, need and prices, summed over the categories. It decides whether there is
            an order.
    """

    by_category: Rows
    total: Floats
    weighted: Floats


@dataclass
class Walk:
    """A block of customers on their way through the days.

    Args:
        surroundings: what is the same for all customers.
        draws: random draws, with the replicate of the events.
        traits: who the customers are.
        later: who they are after their change.
        state: where they are.
        sends: messages to them.
        answers: what became of each message, by name.
        outcomes: what happened so far, by name.
        prefixes: hashes of draws and customers, by the draws' names.
    """

    surroundings: Surroundings
    draws: Draws
    traits: Traits
    later: Traits
    state: State
    sends: Sends
    answers: dict[str, Bools]
    outcomes: dict[str, list[npt.NDArray[np.int64]]] = field(default_factory=dict)
    prefixes: dict[str, Hashes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        traits = self.traits
        self.taste = traits.taste.astype(np.float32)
        self.cycle = traits.cycle.astype(np.float32)
        self.persona, self.rate = traits.persona.copy(), traits.rate.copy()
        self.lines = traits.lines.copy()
        self.effects = effects_of(self.shop, self.sends)
        self.sizes = sizes_of(self.shop, self.sends)
        self.places = _places(traits.ids, self.sends)

    @property
    def shop(self) -> Shop:
        """The shop."""
        return self.surroundings.shop

    def chance(self, name: str, day: int, rows: Ints | slice = slice(None)) -> Floats:
        """A number in (0, 1) for each customer on a day."""
        return uniform_after(self._prefix(name)[rows], day)

    def _prefix(self, name: str) -> Hashes:
        if name not in self.prefixes:
            self.prefixes[name] = self.draws.begin(name, self.traits.ids)
        return self.prefixes[name]

    def of_persona(self, name: str) -> Floats:
        """A parameter of each customer's persona."""
        return np.array([getattr(item, name) for item in self.shop.personas], float)[self.persona]

    def needs(self, day: int) -> Needs:
        """What customers need on a day, before anything happens on it."""
        need = self.state.since / self.cycle
        need *= need
        need /= 1 + need
        need *= self.taste
        total = need.sum(axis=1, dtype=np.float64)
        need *= self.surroundings.factors(day)[self.persona]
        weighted = need.sum(axis=1, dtype=np.float64)
        need *= 1 + _LEAD * self.state.pull
        return Needs(need, total, weighted)

    def readiness(self, day: int, needs: Needs) -> Floats:
        """The hazard of an order on a day without messages, channels and fatigue."""
        state = self.state
        base = np.where(state.orders > 0, _SCALE * self.rate * needs.weighted, FIRST_ORDER)
        ready = base * self.surroundings.demand(day) * np.where(state.dropped, LATENT, 1.0)
        ready[(self.traits.joined > day) | state.left] = 0.0
        return np.asarray(ready)

    def hazard(self, day: int, ready: Floats) -> Floats:
        """The hazard of an order on a day, of the customers as they are.

        Args:
            day: the day.
            ready: their `readiness`.
        """
        state = self.state
        age = day - state.sent
        works = (age >= 0) & (age < WINDOW_DAYS)
        message = np.where(works, state.strength * 2.0 ** (-np.minimum(age, 99) / 7.0), 0.0)
        channels = state.touched @ self.surroundings.channel_effects
        fatigue = FATIGUE * np.maximum(0.0, state.load - FREE_CONTACTS)
        return np.asarray(ready * np.exp(message + channels - fatigue))

    def age(self) -> None:
        """Let a day pass."""
        state = self.state
        state.since += 1
        state.pull *= _PULL_HALVES
        state.load *= _LOAD_HALVES
        state.touched *= _TOUCH_HALVES

    def meet_channels(self, day: int, ready: Floats, *, record: bool) -> None:
        """The touches of a day; some channels meet those more often who are ready to buy."""
        heat = ready / (ready + _WARM)
        rates = np.array([channel.rate / 28.0 for channel in self.shop.channels])
        follows = np.array([channel.follows for channel in self.shop.channels])
        odds = np.maximum(rates / (1.0 - rates), 1e-12) * np.exp(follows * (heat[:, None] - 0.5))
        # By name: without one channel the others stay as they are.
        channels = np.array([number_of(channel.name) for channel in self.shop.channels])
        drawn = uniform_after(self._prefix("touch")[:, None], day, channels)
        present = (self.traits.joined <= day) & ~self.state.left
        asks = np.array([channel.asks for channel in self.shop.channels])
        allowed = self.traits.collection & self.traits.marketing
        reached = present[:, None] & (allowed[:, None] | ~asks)
        touched = (drawn < odds / (1.0 + odds)) & reached
        self.state.touched[touched] = 1.0
        rows, channel = np.nonzero(touched)
        if record and len(rows):
            ids = self.traits.ids[rows]
            self.record(touch_customer=ids, touch_day=day, touch_channel=channel)

    def receive(self, day: int, need: Floats) -> Ints:
        """The messages of a day; returns the rows of customers who click."""
        rows, sends = self.places.get(day, (_NOBODY, _NOBODY))
        if not len(rows):
            return rows
        state, answers = self.state, self.answers
        open_to = ~state.unsubscribed[rows] & ~state.left[rows]
        delivered = open_to & (self.chance("delivered", day, rows) < DELIVERED)
        viewed = delivered & (self.chance("viewed", day, rows) < VIEWED)
        log_odds = self.click_log_odds(need)[rows]
        clicked = viewed & (self.chance("clicked", day, rows) < logistic(log_odds))
        strength = np.where(clicked, 1.0, np.where(viewed, SEEN_STRENGTH, 0.0))
        effect = self.effects[self.persona[rows], sends]
        effect = effect + self.shop.response * self.traits.response[rows] * self.sizes[sends]
        reached = rows[delivered]
        state.sent[reached] = day
        state.send[reached] = sends[delivered]
        state.strength[reached] = (strength * effect)[delivered]
        state.load[reached] += 1.0
        annoyed = self.shop.annoyance * np.exp(0.4 * np.minimum(state.load[rows], 6.0))
        leaves = delivered & (self.chance("unsubscribed", day, rows) < annoyed)
        state.unsubscribed[rows[leaves]] = True
        for name, values in zip(ANSWERS, (delivered, viewed, clicked, leaves), strict=True):
            answers[name][sends] = values
        return rows[clicked]

    def click_log_odds(self, need: Floats) -> Floats:
        """The log-odds that each customer clicks a message that is viewed."""
        return self.of_persona("click") + need - 0.5 - 1.2 * self.state.dropped

    def visits(self, day: int, total: Floats, clickers: Ints) -> tuple[Bools, Bools]:
        """Who orders and who comes on a day, by row."""
        orders = -np.log1p(-self.chance("buy", day)) < total
        shop, browsing = self.shop.visits, self.of_persona("browsing")
        chance = np.minimum(VISIT_LIMIT, shop.base * browsing + shop.per_order * browsing * total)
        comes = (self.chance("visit", day) < chance) & (total > 0)
        comes[clickers] = True
        return orders, comes | orders

    def pick(self, name: str, day: int, rows: Ints, weights: Rows) -> Ints:
        """A category for each of some customers, in proportion to weights."""
        bounds = np.cumsum(weights, axis=1, dtype=np.float64)
        drawn = self.chance(name, day, rows) * bounds[:, -1]
        places = (bounds <= drawn[:, None]).sum(axis=1)
        return np.asarray(np.minimum(places, weights.shape[1] - 1))

    def buy(self, day: int, rows: Ints, focus: Ints, weights: Rows, *, record: bool) -> None:
        """Let customers order: each line's category, and what the order changes.

        Args:
            day: the day.
            rows: who orders.
            focus: the category of each order's first line.
            weights: the hazard of each category; one row per order.
            record: whether the lines are kept.
        """
        lines = self.line_counts(day, rows)
        shop_leads = self.surroundings.leads
        for number in range(1, int(lines.max(initial=0)) + 1):
            places = np.flatnonzero(lines >= number)
            bought = focus[places]
            if number > 1:
                bought = self._further_line(number, day, rows[places], bought, weights[places])
            who = rows[places]
            self.state.since[who, bought] = 0.0
            self.state.pull[who] += shop_leads[bought]
            if record:
                ids = self.traits.ids[who]
                self.record(line_customer=ids, line_day=day, line_no=number, line_category=bought)
        np.minimum(self.state.pull, 1.0, out=self.state.pull)
        self.state.orders[rows] += 1
        first = self.state.orders[rows] == 1
        drops = np.array([persona.drops for persona in self.shop.personas])[self.persona[rows]]
        drop_chance = np.where(first, drops[:, 0], drops[:, 1])
        self.state.dropped[rows] = self.chance("drop", day, rows) < drop_chance

    def line_counts(self, day: int, rows: Ints) -> Ints:
        """Number of lines of the orders of some customers."""
        drawn = as_geometric(self.chance("lines", day, rows), self.lines[rows])
        return np.minimum(drawn, MAX_LINES)

    def _further_line(self, number: int, day: int, rows: Ints, focus: Ints, weights: Rows) -> Ints:
        """The category of a further line: the first one's, an accessory of it, or any."""
        drawn = self.chance(f"line/{number}", day, rows)
        other = self.pick(f"line/{number}/which", day, rows, weights)
        accessories = self.surroundings.accessories[focus]
        accessory = self.pick(f"line/{number}/accessory", day, rows, accessories + np.float32(1e-9))
        has_accessory = accessories.any(axis=1)
        return np.where(
            drawn < 0.4, focus, np.where((drawn < 0.7) & has_accessory, accessory, other)
        )

    def change(self, day: int) -> None:
        """Let customers whose day has come change their persona, or leave."""
        now = self.traits.changed == day
        if not now.any():
            return
        leaves = now & self.traits.leaves
        self.state.left |= leaves
        becomes = now & ~leaves
        self.persona[becomes] = self.later.persona[becomes]
        self.rate[becomes] = self.later.rate[becomes]
        self.lines[becomes] = self.later.lines[becomes]
        self.taste[becomes] = self.later.taste[becomes].astype(np.float32)

    def record(self, **columns: Ints | int) -> None:
        """Keep what happened on a day: arrays of one length, and numbers that hold for all."""
        length = max(np.size(value) for value in columns.values())
        for name, value in columns.items():
            full = np.broadcast_to(np.asarray(value, dtype=np.int64), (length,))
            self.outcomes.setdefault(name, []).append(full)


def begin(traits: Traits, channels: int) -> State:
    """Customers who have done nothing yet."""
    shape = traits.taste.shape
    return State(
        since=np.full(shape, _NEVER_BOUGHT, np.float32),
        pull=np.zeros(shape, np.float32),
        load=np.zeros(shape[0]),
        touched=np.zeros((shape[0], channels)),
        orders=np.zeros(shape[0], np.int64),
        dropped=np.zeros(shape[0], bool),
        left=np.zeros(shape[0], bool),
        unsubscribed=np.zeros(shape[0], bool),
        sent=np.full(shape[0], -NEVER, np.int64),
        send=np.full(shape[0], -1, np.int64),
        strength=np.zeros(shape[0]),
    )


def sizes_of(shop: Shop, sends: Sends) -> Floats:
    """Factor of each message's effect: the square root of its benefit, relative to the shop's."""
    return np.where(
        sends.benefit > 0, np.sqrt(np.maximum(sends.benefit, 0.0) / shop.benefit), NO_BENEFIT
    )


def effects_of(shop: Shop, sends: Sends) -> Floats:
    """The mean effect of each message (column) on customers of each persona (row)."""
    offers = sorted(set(sends.offer))
    by_offer = np.array(
        [[persona.effects.get(offer, persona.effect) for offer in offers]
         for persona in shop.personas]
    ).reshape(len(shop.personas), len(offers))  # fmt: skip
    index = {offer: number for number, offer in enumerate(offers)}
    places = np.array([index[offer] for offer in sends.offer], dtype=np.int64)
    return by_offer[:, places] * sizes_of(shop, sends)


def _places(ids: Ints, sends: Sends) -> dict[int, tuple[Ints, Ints]]:
    """The rows of customers who get a message on each day, and its place among the sends.

    Of several messages to one customer on one day the last one counts.
    """
    row_of = {int(value): row for row, value in enumerate(ids)}
    by_day: dict[int, dict[int, int]] = {}
    for place, (customer, day) in enumerate(
        zip(sends.customer.tolist(), sends.day.tolist(), strict=True)
    ):
        if customer in row_of:
            by_day.setdefault(day, {})[row_of[customer]] = place
    return {
        day: (
            np.array(list(rows), dtype=np.int64),
            np.array(list(rows.values()), dtype=np.int64),
        )
        for day, rows in by_day.items()
    }
