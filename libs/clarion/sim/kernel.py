"""What customers do from day to day: a model of potential outcomes.

With the same draws a shop can be run with a message and without it, so the true effect of every
offer on every customer is known. Customers never change each other, nor prices, nor what is in
stock: the outcome of one depends on what was sent to that one alone.

The chance of an order on a day is 1 - exp(-hazard). The hazard of customer i in category c is

    1.6 x rate_i x taste_ic x need_ic x lead_ic x weekday x season x festival
        x (price / usual price)^-elasticity x (competitors' price / usual price)^0.5
        x share in stock x exp(message),

summed over the categories, times 0.02 after the customer has dropped out, times exp of what
channels and fatigue add. The need is y^2 / (1 + y^2), where y counts the days since the last order
in the category in cycles of the customer's own. The README of this folder has the whole model.
"""

import copy
from dataclasses import dataclass, fields

import numpy as np

from clarion.sim.draws import Bools, Draws, Ints
from clarion.sim.shop import BURN_IN_DAYS
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import draw_members
from clarion.sim.walk import ANSWERS, WINDOW_DAYS, Sends, State, Walk, begin


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, in order of days and, on a day, of customers.

    Args:
        visit_customer: number of each visit's customer; one visit a day at most.
        visit_day: its day.
        visit_focus: category that the visit was about; that of the order, if there is one.
        visit_other: a further category that was looked at.
        visit_ordered: whether it ended with an order.
        visit_send: place of the message that was at work, among the sends; -1 for none. Only a
            message that was viewed is at work.
        line_customer: number of each order line's customer.
        line_day: its day.
        line_no: its number within the order, from 1.
        line_category: its category.
        touch_customer, touch_day, touch_channel: contacts with channels.
        delivered, viewed, clicked, unsubscribes: what became of each message.
        state: where the customers are after the last day.
    """

    visit_customer: Ints
    visit_day: Ints
    visit_focus: Ints
    visit_other: Ints
    visit_ordered: Bools
    visit_send: Ints
    line_customer: Ints
    line_day: Ints
    line_no: Ints
    line_category: Ints
    touch_customer: Ints
    touch_day: Ints
    touch_channel: Ints
    delivered: Bools
    viewed: Bools
    clicked: Bools
    unsubscribes: Bools
    state: State

    def visit_of(self, customer: Ints, day: Ints) -> Ints:
        """The place of the visit of customers on days; each has one there."""
        keys = person_days(self.visit_customer, self.visit_day)
        order = np.argsort(keys)
        wanted = person_days(customer, day)
        return np.asarray(order[np.searchsorted(keys[order], wanted)])


def person_days(customer: Ints, day: Ints) -> Ints:
    """One number for a customer and a day; later days of a customer have higher ones."""
    return customer * 100_000 + day


_COLUMNS = tuple(
    column.name
    for column in fields(Outcome)
    if column.name.startswith(("visit_", "line_", "touch_"))
)


def simulate(
    surroundings: Surroundings,
    ids: Ints,
    *,
    first: int,
    last: int,
    sends: Sends | None = None,
    replicate: int = 0,
) -> Outcome:
    """What customers do between two days.

    They are followed from 180 days before the shop's start on, whatever the first day.

    Args:
        surroundings: what surrounds the customers.
        ids: numbers of the customers.
        first: first day that is recorded, since the shop's start.
        last: day after the last day.
        sends: messages; those to other customers are passed over.
        replicate: another course of events in the same world.
    """
    walk = walk_to(surroundings, ids, first, sends=sends, replicate=replicate)
    return record_days(walk, first=first, last=last)


def record_days(walk: Walk, *, first: int, last: int) -> Outcome:
    """What customers do between two days, from where they are at the beginning of the first.

    Args:
        walk: the customers; they are moved on.
        first: first day that is recorded.
        last: day after the last day.
    """
    for day in range(first, last):
        live_through(walk, day, record=True)
    columns = {
        name: np.concatenate(walk.outcomes.get(name, [np.empty(0, np.int64)])) for name in _COLUMNS
    }
    happened = columns | {"visit_ordered": columns["visit_ordered"].astype(bool)}
    return Outcome(**happened, **walk.answers, state=walk.state)  # type: ignore[arg-type]


def walk_to(
    surroundings: Surroundings,
    ids: Ints,
    day: int,
    *,
    sends: Sends | None = None,
    replicate: int = 0,
) -> Walk:
    """Customers at the beginning of a day, as they came to it.

    Args:
        surroundings: what surrounds the customers.
        ids: numbers of the customers.
        day: the day, since the shop's start.
        sends: messages; those to other customers are passed over.
        replicate: another course of events in the same world.
    """
    shop, seed = surroundings.shop, surroundings.draws.seed
    members = draw_members(shop, surroundings.draws, ids)
    traits, later = members.traits, members.later
    sends = Sends.none() if sends is None else sends
    answers = {name: np.zeros(len(sends), bool) for name in ANSWERS}
    state = begin(traits, len(shop.channels))
    walk = Walk(surroundings, Draws(seed, replicate), traits, later, state, sends, answers)
    for earlier in range(-BURN_IN_DAYS, day):
        live_through(walk, earlier, record=False)
    return walk


def with_messages(walk: Walk, sends: Sends) -> Walk:
    """The same customers at the same time, who get messages from here on.

    Args:
        walk: the customers before anything was sent to them; it stays as it is.
        sends: the messages.
    """
    answers = {name: np.zeros(len(sends), bool) for name in ANSWERS}
    state = copy.deepcopy(walk.state)
    other = Walk(
        walk.surroundings, walk.draws, walk.traits, walk.later, state, sends, answers,
        prefixes=walk.prefixes,
    )  # fmt: skip
    for name in ("persona", "rate", "lines", "taste"):  # a change of the persona moves them
        setattr(other, name, getattr(walk, name).copy())
    return other


def live_through(walk: Walk, day: int, *, record: bool) -> None:
    """Move customers through one day, and keep what they do."""
    state = walk.state
    walk.change(day)
    walk.age()
    needs = walk.needs(day)
    ready = walk.readiness(day, needs)
    walk.meet_channels(day, ready, record=record)
    clickers = walk.receive(day, needs.total)
    orders, comes = walk.visits(day, walk.hazard(day, ready), clickers)
    rows = np.flatnonzero(comes)
    if not len(rows):
        return
    weights = needs.by_category[rows]
    focus = walk.pick("focus", day, rows, weights)
    ordered = orders[rows]
    if record:
        in_window = (day - state.sent[rows] < WINDOW_DAYS) & (state.strength[rows] != 0)
        walk.record(
            visit_customer=walk.traits.ids[rows],
            visit_day=day,
            visit_focus=focus,
            visit_other=walk.pick("other", day, rows, weights),
            visit_ordered=ordered.astype(np.int64),
            visit_send=np.where(in_window, state.send[rows], -1),
        )
    walk.buy(day, rows[ordered], focus[ordered], weights[ordered], record=record)
