"""The whole course of a block of customers: what they did, in all the detail that files show."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from clarion.sim import exposures, purchases, visits
from clarion.sim.accidental_clicks import with_accidental_clicks
from clarion.sim.clock import Clock, Instants
from clarion.sim.draws import Draws, Ints
from clarion.sim.kernel import Outcome, simulate
from clarion.sim.records import Course
from clarion.sim.second_accounts import draw_accounts
from clarion.sim.shop import Shop
from clarion.sim.surroundings import Surroundings, build_surroundings
from clarion.sim.traits import Members, draw_members, time_zones
from clarion.sim.walk import Sends

_LATEST = 86_400 - 4_000  # seconds after midnight at which a visit begins at the latest


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
    members = draw_members(world.shop, draws, ids)
    outcome = simulate(surroundings, ids, first=0, last=last, sends=sends)
    shown = exposures.show(surroundings, draws, members, outcome)
    lines = purchases.order_lines(surroundings, draws, members, outcome, sends, shown)
    channel = visits.channels(surroundings, draws, members, outcome)
    accounts = draw_accounts(world.shop, draws, members.traits)
    customer, day = outcome.visit_customer, outcome.visit_day
    on_own_device = accounts.on_own_device(customer, day)
    device = visits.devices_of_visits(draws, customer, channel, on_own_device)
    intended = visits.steps(surroundings, draws, members, outcome, lines)
    named = with_accidental_clicks(surroundings, draws, outcome, intended)
    steps = visits.in_time(surroundings, draws, members, outcome, device, named)
    return Course(
        surroundings,
        draws,
        world.clock,
        members.traits,
        outcome,
        shown,
        lines,
        purchases.aftermath(surroundings, draws, lines),
        channel,
        accounts,
        device,
        steps,
        _started(world, members, outcome, sends),
        sends,
    )


def _started(world: World, members: Members, outcome: Outcome, sends: Sends) -> Instants:
    """When visits begin: by the hours of the customer's zone, and after a message of the day.

    A click is the beginning of the visit.
    """
    draws, customer, day = world.draws, outcome.visit_customer, outcome.visit_day
    zones = time_zones(world.shop, draws, members.traits.ids)
    behind = world.clock.hours_behind(zones)[members.rows(customer)]
    seconds = np.mod(visits.start_seconds(draws, customer, day) + behind * 3600, _LATEST)
    if len(sends):
        of_day = (outcome.visit_send >= 0) & (sends.day[outcome.visit_send] == day)
        viewed = visits.view_seconds(draws, customer, day)
        clicked = of_day & outcome.clicked[outcome.visit_send]
        after = np.minimum(np.maximum(seconds, viewed + 60), _LATEST)
        seconds = np.where(clicked, viewed + 10, np.where(of_day, after, seconds))
    return world.clock.instants(day, seconds)
