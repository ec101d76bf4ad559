"""A plan of messages as an experiment on a shop of any size: a holdout, and outcomes seen once.

The plan was decided for the customers of one shop. In a larger shop of the same kind each
customer is treated as a *model customer* was: one of the same persona and consent, with as many
orders (none, one, more), the last one about as long ago (28 days, 84 days, longer).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from multiprocessing import get_context
from operator import add

import numpy as np

from clarion.measures.statistics.intervals import Moments
from clarion.sim import exposures, purchases
from clarion.sim.draws import Bools, Draws, Floats, Ints
from clarion.sim.effects import effects_on
from clarion.sim.kernel import Outcome, record_days, walk_to, with_messages
from clarion.sim.shop import Shop
from clarion.sim.surroundings import Surroundings, build_surroundings
from clarion.sim.traits import draw_members
from clarion.sim.walk import Sends, Walk

BLOCK = 5_000  # customers who are followed at once
_RECENT, _OLD = 28, 84  # days since the last order


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided for the customers of a shop.

    Args:
        day: the day of the messages, since the shop's start.
        days: length of the window in which outcomes count.
        holdout: share of the customers who get nothing in the experiment.
        customer: numbers of the customers who were not held out, in ascending order.
        strategy: the strategy of each; empty for none.
        offer: the offer of the message to each; empty for none.
        benefit: its face value, with the strategy's benefit multiplier.
    """

    day: int
    days: int
    holdout: float
    customer: Ints
    strategy: Sequence[str]
    offer: Sequence[str]
    benefit: Floats


@dataclass(frozen=True, slots=True)
class Readout:
    """What the experiment shows of the customers whom a strategy writes to, and what is true.

    Args:
        treated_orders: of the customers who got the message: 1 for an order, 0 for none.
        held_out_orders: the same of those held out.
        treated_revenue: revenue per customer who got the message, less returns.
        held_out_revenue: the same of those held out.
        effect: the exact effect of the message on the chance of an order, of all of them.
    """

    treated_orders: Moments
    held_out_orders: Moments
    treated_revenue: Moments
    held_out_revenue: Moments
    effect: Moments

    def __add__(self, other: "Readout") -> "Readout":
        return Readout(
            self.treated_orders + other.treated_orders,
            self.held_out_orders + other.held_out_orders,
            self.treated_revenue + other.treated_revenue,
            self.held_out_revenue + other.held_out_revenue,
            self.effect + other.effect,
        )


@dataclass(frozen=True, slots=True)
class ModelCustomers:
    """The customers of a plan by what they are like.

    Args:
        plan: the plan.
        kinds: what each is like, as a number; the finest division first.
    """

    plan: Plan
    kinds: tuple[Ints, ...]


def model_customers(surroundings: Surroundings, plan: Plan) -> ModelCustomers:
    """The customers of a plan as they were on its day, before its messages.

    Args:
        surroundings: of the shop for which the plan was decided.
        plan: the plan.
    """
    return ModelCustomers(plan, _kinds(walk_to(surroundings, plan.customer, plan.day)))


def read_out(surroundings: Surroundings, models: ModelCustomers, ids: Ints) -> dict[str, Readout]:
    """The experiment on a block of customers, by strategy; readouts of several blocks add up.

    Args:
        surroundings: of the shop in which the experiment runs.
        models: whose treatment the customers get.
        ids: numbers of the customers, in ascending order.
    """
    plan, draws = models.plan, surroundings.draws
    walk = walk_to(surroundings, ids, plan.day)
    model = choose_models(models, walk)
    offer = np.asarray(plan.offer, dtype=object)[model]
    strategy = np.asarray(plan.strategy, dtype=object)[model]
    benefit = np.asarray(plan.benefit, dtype=float)[model]
    is_written_to = (walk.traits.joined < plan.day) & (offer != "")
    is_held_out = draws.uniform("experiment/holdout", ids) < plan.holdout

    every = Sends(ids, np.full(len(ids), plan.day, np.int64), offer.tolist(), benefit)
    effect = effects_on(walk, every, day=plan.day, days=plan.days).uplift
    sends = _part(every, is_written_to & ~is_held_out)
    outcome = record_days(with_messages(walk, sends), first=plan.day, last=plan.day + plan.days)
    ordered = np.isin(ids, outcome.visit_customer[outcome.visit_ordered]).astype(float)
    revenue = _revenue(surroundings, ids, outcome, sends, last=plan.day + plan.days)

    readouts = {}
    for name in sorted(set(strategy[is_written_to])):
        rows = is_written_to & (strategy == name)
        treated, held_out = rows & ~is_held_out, rows & is_held_out
        readouts[name] = Readout(
            _moments(ordered[treated]),
            _moments(ordered[held_out]),
            _moments(revenue[treated]),
            _moments(revenue[held_out]),
            _moments(effect[rows]),
        )
    return readouts


def choose_models(models: ModelCustomers, walk: Walk) -> Ints:
    """A model customer for each customer, drawn among those who are alike; its place in the plan.

    Where no model customer is alike in everything, recency is left out, then orders, then consent.

    Args:
        models: the customers of the plan.
        walk: the customers, on the day of the plan.
    """
    kinds = _kinds(walk)
    chance = walk.surroundings.draws.uniform("experiment/model", walk.traits.ids)
    chosen = np.full(len(chance), -1, np.int64)
    for of_models, of_customers in zip(models.kinds, kinds, strict=True):
        order = np.argsort(of_models, kind="stable")
        start = np.searchsorted(of_models[order], of_customers, side="left")
        stop = np.searchsorted(of_models[order], of_customers, side="right")
        rows = np.flatnonzero((chosen < 0) & (stop > start))
        pick = start[rows] + np.floor(chance[rows] * (stop - start)[rows]).astype(np.int64)
        chosen[rows] = order[pick]
    return chosen


def _kinds(walk: Walk) -> tuple[Ints, ...]:
    """What customers are like, as numbers, from the finest to the coarsest division."""
    traits, state = walk.traits, walk.state
    consent = (traits.collection & traits.marketing).astype(np.int64)
    orders = np.minimum(state.orders, 2)
    gap = state.since.min(axis=1)
    recency = np.where(state.orders > 0, (gap >= _RECENT).astype(np.int64) + (gap >= _OLD), 0)
    persona = 2 * walk.persona + consent
    by_orders = 3 * persona + orders
    return (3 * by_orders + recency, by_orders, persona, walk.persona, np.zeros_like(consent))


def _part(sends: Sends, rows: Bools) -> Sends:
    """Some of the messages."""
    places = np.flatnonzero(rows).tolist()
    offers = [sends.offer[place] for place in places]
    return Sends(sends.customer[places], sends.day[places], offers, sends.benefit[places])


def _revenue(
    surroundings: Surroundings, ids: Ints, outcome: Outcome, sends: Sends, *, last: int
) -> Floats:
    """What each customer paid for what they kept, until a day."""
    draws = Draws(surroundings.draws.seed)
    members = draw_members(surroundings.shop, draws, ids)
    shown = exposures.show(surroundings, draws, members, outcome)
    lines = purchases.order_lines(surroundings, draws, members, outcome, sends, shown)
    after = purchases.aftermath(surroundings, draws, lines)
    is_kept = ~(after.returned & (lines.day + after.return_days < last))
    paid = (lines.price * lines.quantity - lines.reduction - lines.coupon) * is_kept
    rows = np.searchsorted(ids, lines.customer)
    return np.asarray(np.bincount(rows, weights=paid, minlength=len(ids)))


def _moments(values: Floats) -> Moments:
    if not len(values):
        return Moments(0, 0.0, 0.0)
    return Moments(len(values), float(values.mean()), float(((values - values.mean()) ** 2).sum()))


def run(
    shops: tuple[Shop, Shop], seed: int, plan: Plan, *, processes: int = 1
) -> dict[str, Readout]:
    """The experiment on all customers of a shop, by strategy.

    Args:
        shops: the shop for which the plan was decided, and the one in which the experiment runs.
        seed: names the world of both.
        plan: the plan.
        processes: how many share the customers.
    """
    models = model_customers(build_surroundings(shops[0], seed), plan)
    bounds = np.linspace(0, shops[1].customers, processes + 1).astype(np.int64).tolist()
    share_of = partial(_read_out_range, shops[1], seed, models)
    if processes == 1:
        return share_of(bounds[0], bounds[1])
    # Fresh processes: a fork of one that holds a JVM's sockets would share them.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(share_of, bounds[:-1], bounds[1:]))
    return _added(parts)


def _read_out_range(
    shop: Shop, seed: int, models: ModelCustomers, start: int, stop: int
) -> dict[str, Readout]:
    """The experiment on the customers with numbers from `start` to `stop` - 1, block by block."""
    surroundings = build_surroundings(shop, seed)
    ids = np.arange(start, stop, dtype=np.int64)
    blocks = (ids[first : first + BLOCK] for first in range(0, len(ids), BLOCK))
    return _added([read_out(surroundings, models, block) for block in blocks])


def _added(parts: Sequence[Mapping[str, Readout]]) -> dict[str, Readout]:
    """The readouts of several blocks together, by strategy."""
    names = sorted({name for part in parts for name in part})
    return {name: total([part[name] for part in parts if name in part]) for name in names}


def total(readouts: Sequence[Readout]) -> Readout:
    """Several readouts together; at least one.

    Each strategy holds out the same share of its customers at random, so the arms of several
    strategies may be compared as those of one.
    """
    return reduce(add, readouts)
