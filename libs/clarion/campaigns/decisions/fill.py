"""A multiple-choice knapsack in memory: greedy by the steepest step, exact where few are reached.

Only actions on a customer's upper hull of value over cost count in the relaxed problem. Steps from
one to the next are taken while they fit, the steepest first. The ratio of the first step that does
not fit is the multiplier of the dual (Kellerer, Pferschy and Pisinger, "Knapsack Problems", 2004,
chapter 11). What is left of the budget is filled with single better actions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import NamedTuple

import numpy as np

_FEW = 50  # customers reached: with fewer, one that does not fit is a large part of the value
_CORE = 200  # customers with the steepest first steps, among whom few are chosen exactly
_EPSILON = 1e-9


class Action(NamedTuple):
    """What may be done for a customer, its expected value and cost."""

    name: str
    value: float
    cost: float


@dataclass(frozen=True, slots=True)
class Chooser:
    """A customer, the actions that are possible besides nothing, and a lot that breaks ties."""

    customer_id: str
    lot: float
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """At most one action for each customer.

    Args:
        actions: by customer; who is not named gets nothing.
        shadow_price: value that one more unit of budget would bring.
        value_bound: dual bound on the value of any choices within the budget.
    """

    actions: dict[str, Action]
    shadow_price: float
    value_bound: float

    @property
    def cost(self) -> float:
        """Expected cost of all."""
        return sum(action.cost for action in self.actions.values())

    @property
    def value(self) -> float:
        """Expected value of all."""
        return sum(action.value for action in self.actions.values())


class _Step(NamedTuple):
    """From one action on a customer's hull to the next; sorts the steepest first."""

    flatness: float
    lot: float
    chooser: int
    number: int
    cost: float
    to: Action


def choose(choosers: Sequence[Chooser], *, budget: float) -> Choices:
    """Choices that together cost no more than the budget.

    Args:
        choosers: customers; equals are served by lot.
        budget: at least 0, in the unit of the costs.
    """
    steps = sorted(step for index, one in enumerate(choosers) for step in _steps(index, one))
    taken: dict[int, tuple[int, Action]] = {}
    left, shadow_price = budget, 0.0
    for step in steps:
        if step.number != taken.get(step.chooser, (0, None))[0]:
            continue  # an earlier step of the customer did not fit
        if step.cost <= left + _EPSILON:
            taken[step.chooser] = (step.number + 1, step.to)
            left -= step.cost
        elif not shadow_price:
            shadow_price = -step.flatness
    chosen = {index: action for index, (_, action) in taken.items()}
    _fill(choosers, chosen, left)
    if shadow_price and len(chosen) < _FEW:
        chosen = _better(chosen, _exact(choosers, steps, budget))
    relaxed = sum(
        max(0.0, *(action.value - shadow_price * action.cost for action in one.actions))
        for one in choosers
        if one.actions
    )
    return Choices(
        {choosers[index].customer_id: action for index, action in chosen.items()},
        shadow_price,
        relaxed + shadow_price * budget,
    )


def _steps(index: int, chooser: Chooser) -> list[_Step]:
    """The steps along a customer's upper hull, each flatter than the one before."""
    hull = [Action("", 0.0, 0.0)]
    for action in sorted(chooser.actions, key=lambda one: (one.cost, -one.value, one.name)):
        if action.value <= hull[-1].value:
            continue
        while len(hull) > 1 and _slope(hull[-1], action) >= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append(action)
    return [
        _Step(-_slope(low, high), chooser.lot, index, number, high.cost - low.cost, high)
        for number, (low, high) in enumerate(pairwise(hull))
    ]


def _slope(low: Action, high: Action) -> float:
    cost = high.cost - low.cost
    return (high.value - low.value) / cost if cost > 0 else inf


def _fill(choosers: Sequence[Chooser], chosen: dict[int, Action], left: float) -> None:
    """Take better actions, off the hull too, while one fits into what is left."""
    better = []
    for index, one in enumerate(choosers):
        now = chosen.get(index, Action("", 0.0, 0.0))
        for action in one.actions:
            gain, cost = action.value - now.value, action.cost - now.cost
            if gain > 0 and cost <= left + _EPSILON:
                better.append((-gain, one.lot, index, cost, action))
    improved = set()
    for _, _, index, cost, action in sorted(better):
        if index not in improved and cost <= left + _EPSILON:
            chosen[index] = action
            left -= cost
            improved.add(index)


def _better(one: dict[int, Action], other: dict[int, Action]) -> dict[int, Action]:
    def value(chosen: dict[int, Action]) -> float:
        return sum(action.value for action in chosen.values())

    return other if value(other) > value(one) else one


def _exact(choosers: Sequence[Chooser], steps: Sequence[_Step], budget: float) -> dict[int, Action]:
    """The best choices among the customers with the steepest first steps, by HiGHS."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    core = list(dict.fromkeys(step.chooser for step in steps))[:_CORE]
    options = [(index, action) for index in core for action in choosers[index].actions]
    rows = {index: row for row, index in enumerate(core)}
    of_customer = coo_array(
        (np.ones(len(options)), ([rows[index] for index, _ in options], range(len(options)))),
        shape=(len(core), len(options)),
    )
    costs = [[action.cost for _, action in options]]
    found = milp(
        -np.array([action.value for _, action in options]),
        integrality=np.ones(len(options), dtype=int),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(of_customer, ub=1), LinearConstraint(costs, ub=budget)],
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        return {}
    return dict(options[position] for position in np.flatnonzero(found.x > 0.5))
