"""Choices within a budget against HiGHS, the dual bound, and cases that are easy to see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from clarion.campaigns.decisions.fill import Action, Choices, Chooser, choose


def _choosers(rng: np.random.Generator, size: int, *, actions: int = 5) -> list[Chooser]:
    """Customers whose actions have gains of every kind; costs have four digits."""
    costs = np.round(rng.uniform(0.02, 3, (size, actions)), 4)
    values = costs * rng.lognormal(0, 0.8, (size, actions)) * rng.lognormal(0, 0.5, (size, 1))
    return [
        Chooser(
            f"c{row}",
            float(rng.uniform()),
            tuple(
                Action(f"a{index}", float(value), float(cost))
                for index, (value, cost) in enumerate(zip(values[row], costs[row], strict=True))
            ),
        )
        for row in range(size)
    ]


def _alike(size: int, value: float, cost: float, *, name: str = "c") -> list[Chooser]:
    lots = np.random.default_rng(size).uniform(size=size)
    return [
        Chooser(f"{name}{row}", float(lots[row]), (Action("coupon", value, cost),))
        for row in range(size)
    ]


def _gap(found: Choices) -> float:
    return 1 - found.value / found.value_bound


def _largest_value(choosers: list[Chooser], budget: float) -> float:
    """The value of the best choices, by HiGHS over every customer."""
    options = [(row, action) for row, one in enumerate(choosers) for action in one.actions]
    of_customer = np.zeros((len(choosers), len(options)))
    for column, (row, _) in enumerate(options):
        of_customer[row, column] = 1
    found = milp(
        [-action.value for _, action in options],
        integrality=np.ones(len(options), dtype=int),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(of_customer, ub=1),
            LinearConstraint([[action.cost for _, action in options]], ub=budget),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert found.fun is not None
    return -float(found.fun)


@pytest.mark.covers("S12")
@pytest.mark.parametrize(("size", "budget"), [(8, 2.0), (30, 5.0), (120, 3.0), (200, 9.0)])
def test_where_the_budget_reaches_few_the_choices_are_the_best_there_are(
    size: int, budget: float
) -> None:
    for seed in range(4):
        choosers = _choosers(np.random.default_rng(seed), size)
        found = choose(choosers, budget=budget)
        assert len(found.actions) < 50
        assert found.cost <= budget + 1e-9
        assert found.value == pytest.approx(_largest_value(choosers, budget), abs=1e-6)


@pytest.mark.covers("S12")
@pytest.mark.parametrize(("size", "budget", "gap"), [(200, 120.0, 0.01), (10_000, 2_000.0, 0.001)])
def test_the_value_is_close_to_the_dual_bound(size: int, budget: float, gap: float) -> None:
    found = choose(_choosers(np.random.default_rng(3), size), budget=budget)
    assert len(found.actions) >= 50
    assert found.cost <= budget + 1e-9
    assert 0 <= _gap(found) <= gap
    assert found.shadow_price * (budget - found.cost) <= gap * found.value


@pytest.mark.covers("S12")
def test_of_customers_who_are_alike_as_many_are_served_as_the_budget_pays_for() -> None:
    alike = _alike(1000, 1.0, 1.0)
    found = choose(alike, budget=500.0)
    assert len(found.actions) == 500
    assert found.cost == 500.0
    assert found.shadow_price == 1.0
    lots = {one.customer_id: one.lot for one in alike}
    without = min(lots[name] for name in lots if name not in found.actions)
    assert max(lots[name] for name in found.actions) < without  # not by name or place


@pytest.mark.covers("S12")
def test_few_customers_at_little_cost_do_not_use_up_the_choice_of_the_others() -> None:
    found = choose([*_alike(600, 0.9, 0.32), *_alike(50, 0.5, 0.02, name="d")], budget=100.0)
    assert found.cost == pytest.approx(100.0, abs=0.32)
    assert sum(name.startswith("d") for name in found.actions) == 50


def test_a_better_action_off_the_hull_is_taken_where_the_next_one_does_not_fit() -> None:
    actions = (Action("small", 1.0, 1.0), Action("middle", 1.4, 2.0), Action("large", 4.0, 4.0))
    others = _alike(60, 9.0, 1.0)
    found = choose([Chooser("x", 0.5, actions), *others], budget=62.5)
    assert found.actions["x"].name == "middle"


_ACTIONS = st.lists(
    st.tuples(st.integers(-20_000, 50_000), st.integers(0, 30_000)), min_size=0, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ACTIONS, max_size=25), st.integers(0, 200_000))
def test_whatever_is_possible_the_budget_is_kept_and_the_bound_holds(
    people: list[list[tuple[int, int]]], budget: int
) -> None:
    choosers = [
        Chooser(
            str(row),
            row / 100,
            tuple(
                Action(str(index), value / 10_000, cost / 10_000)
                for index, (value, cost) in enumerate(actions)
            ),
        )
        for row, actions in enumerate(people)
    ]
    found = choose(choosers, budget=budget / 10_000)
    possible = {one.customer_id: one.actions for one in choosers}
    assert all(action in possible[name] for name, action in found.actions.items())
    assert all(action.value > 0 for action in found.actions.values())
    assert found.cost <= budget / 10_000 + 1e-9
    assert found.value <= found.value_bound + 1e-9
    assert found.shadow_price >= 0
