"""The true effect of a message: what a customer does with it and without it, all else equal."""

import copy
from dataclasses import dataclass

import numpy as np

from clarion.sim.draws import Floats, Ints, logistic
from clarion.sim.kernel import simulate, walk_to
from clarion.sim.surroundings import Surroundings
from clarion.sim.walk import (
    DELIVERED,
    SEEN_STRENGTH,
    VIEWED,
    WINDOW_DAYS,
    Sends,
    Walk,
    effects_of,
    sizes_of,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A message that could be sent.

    Args:
        name: id of the offer.
        benefit: its face value, in the shop's currency; 0 for none.
    """

    name: str
    benefit: float

    def to(self, customer: Ints, day: int) -> Sends:
        """The message to each of some customers on a day."""
        number = len(customer)
        days = np.full(number, day, np.int64)
        return Sends(customer, days, [self.name] * number, np.full(number, self.benefit))


@dataclass(frozen=True, slots=True)
class Effects:
    """Chances of an order within the window of a message; one entry per customer.

    Args:
        without: chance without the message.
        with_it: chance if it is sent.
    """

    without: Floats
    with_it: Floats

    @property
    def uplift(self) -> Floats:
        """What sending changes."""
        return self.with_it - self.without


def expected_effects(
    surroundings: Surroundings,
    ids: Ints,
    *,
    day: int,
    offer: Offer,
    sends: Sends | None = None,
    replicate: int = 0,
) -> Effects:
    """The exact effect of a message, without simulating orders.

    Until the first order of the window the needs, the fatigue and the touches of a customer move by
    known rules, so the chance of an order is 1 - exp(-sum of the hazards). It is averaged over
    whether the message is delivered, viewed and clicked. A change of the persona within the window
    is left out.

    Args:
        surroundings: what surrounds the customers.
        ids: numbers of the customers.
        day: the day of sending, since the shop's start.
        offer: what is sent.
        sends: messages of earlier days.
        replicate: the course of events up to that day.
    """
    walk = walk_to(surroundings, ids, day, sends=sends, replicate=replicate)
    return effects_on(walk, offer.to(ids, day), day=day)


def effects_on(walk: Walk, messages: Sends, *, day: int, days: int = WINDOW_DAYS) -> Effects:
    """The exact effect of a message to each customer, as `expected_effects` computes it.

    Args:
        walk: the customers at the beginning of the day; they stay there.
        messages: one to each of them, in their order.
        day: the day of sending, since the shop's start.
        days: length of the window in which an order counts.
    """
    shop, numbers = walk.shop, np.arange(len(messages))
    effect = effects_of(shop, messages)[walk.persona, numbers]
    effect = effect + shop.response * walk.traits.response * sizes_of(shop, messages)
    click = _click_chance(walk, day)
    window = range(day, day + days)
    none = _order_chance(walk, window, None)
    unseen = _order_chance(walk, window, np.zeros(len(effect)))
    seen = _order_chance(walk, window, SEEN_STRENGTH * effect)
    clicked = _order_chance(walk, window, effect)
    viewed = (1 - click) * seen + click * clicked
    delivered = (1 - VIEWED) * unseen + VIEWED * viewed
    sent = (1 - DELIVERED) * none + DELIVERED * delivered
    return Effects(none, np.where(walk.state.unsubscribed | walk.state.left, none, sent))


def _click_chance(walk: Walk, day: int) -> Floats:
    """The chance that a message of a day is clicked, if it is viewed."""
    ahead = copy.deepcopy(walk.state)
    now, walk.state = walk.state, ahead
    walk.age()
    chance = logistic(walk.click_log_odds(walk.needs(day).total))
    walk.state = now
    return chance


def _order_chance(walk: Walk, window: range, strength: Floats | None) -> Floats:
    """The chance of an order within the window, with a message of a strength; None for none."""
    day = window[0]
    now = walk.state
    walk.state = copy.deepcopy(now)
    total = np.zeros(len(walk.traits.ids))
    for ahead in window:
        walk.age()
        needs = walk.needs(ahead)
        ready = walk.readiness(ahead, needs)
        walk.meet_channels(ahead, ready, record=False)
        if ahead == day and strength is not None:
            walk.state.sent[:] = day
            walk.state.strength[:] = strength
            walk.state.load += 1.0
        total += walk.hazard(ahead, ready)
    walk.state = now
    return np.asarray(-np.expm1(-total))


def realised_effects(
    surroundings: Surroundings, ids: Ints, *, day: int, offer: Offer, replicates: range
) -> Floats:
    """Orders within the window with the message, less those without, by replicate and customer.

    Both worlds have the same draws, so most customers do the same in both.

    Args:
        surroundings: what surrounds the customers.
        ids: numbers of the customers.
        day: the day of sending, since the shop's start.
        offer: what is sent.
        replicates: courses of events.

    Returns:
        1 for a customer who orders only with the message, -1 for one who orders only without it,
        and 0 for the others; one row per replicate.
    """

    def orders(sends: Sends | None, replicate: int) -> Floats:
        outcome = simulate(
            surroundings, ids, first=day, last=day + WINDOW_DAYS, sends=sends, replicate=replicate
        )
        buyers = np.unique(outcome.visit_customer[outcome.visit_ordered])
        return np.isin(ids, buyers).astype(float)

    message = offer.to(ids, day)
    return np.stack([orders(message, number) - orders(None, number) for number in replicates])
