"""The whole course of a block of customers: what they did, in all the detail that files show."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from clarion.sim import exposures, purchases, visits
from clarion.sim.clock import Clock
from clarion.sim.draws import Draws, Ints
from clarion.sim.kernel import simulate
from clarion.sim.records import Course
from clarion.sim.shop import Shop
from clarion.sim.surroundings import Surroundings, build_surroundings
from clarion.sim.traits import draw_traits, time_zones
from clarion.sim.walk import Sends


@dataclass(frozen=True, slots=True)
class World:
    """A shop and everything that surrounds its customers.

    Args:
        shop: the shop.
        seed: names its world.
        surroundings: prices, stock, competitors.
        clock: its calendar.
    """

    shop: Shop
    seed: int
    surroundings: Surroundings
    clock: Clock

    @property
    def draws(self) -> Draws:
        """The draws of what happens."""
        return Draws(self.seed)

    @property
    def ids(self) -> Ints:
        """The numbers of all customers."""
        return np.arange(self.shop.customers, dtype=np.int64)

    def day_number(self, day: date) -> int:
        """Days from the shop's start to a day."""
        return self.shop.day_number(day)


def build_world(shop: Shop, *, seed: int) -> World:
    """A shop with its surroundings, all drawn from the seed."""
    clock = Clock(shop.starts_on, shop.time_zone)
    return World(shop, seed, build_surroundings(shop, seed), clock)


def follow(world: World, ids: Ints, *, last: int, sends: Sends | None = None) -> Course:
    """What customers do from the shop's start to a day.

    Args:
        world: the shop.
        ids: numbers of the customers, in ascending order.
        last: day after the last day, since the shop's start.
        sends: the messages that were sent.
    """
    surroundings, draws = world.surroundings, world.draws
    sends = Sends.none() if sends is None else sends
    traits = draw_traits(world.shop, draws, ids)
    outcome = simulate(surroundings, ids, first=0, last=last, sends=sends)
    shown = exposures.show(surroundings, draws, traits, outcome)
    lines = purchases.order_lines(surroundings, draws, traits, outcome, sends, shown)
    channel = visits.channels(surroundings, draws, traits, outcome)
    steps = visits.steps(surroundings, draws, traits, outcome, lines, channel)
    behind = world.clock.hours_behind(time_zones(world.shop, draws, ids))
    rows = np.searchsorted(ids, outcome.visit_customer)
    hours = behind[rows] * 3600
    seconds = visits.start_seconds(draws, outcome.visit_customer, outcome.visit_day) + hours
    started = world.clock.instants(outcome.visit_day, np.mod(seconds, 86_400 - 4_000))
    return Course(
        surroundings,
        draws,
        world.clock,
        traits,
        outcome,
        shown,
        lines,
        purchases.aftermath(surroundings, draws, lines),
        channel,
        steps,
        started,
        sends,
    )
