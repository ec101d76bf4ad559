"""Forecasts that add up: against a quadratic program of SciPy."""

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, minimize

from clarion.prediction.sales.panel import Array
from clarion.prediction.sales.reconcile import summing_forecasts

TREES = [[1, 2, 3], [4, 5]]


def _gaps(found: Array) -> float:
    return max(float(np.abs(found[0] - found[tree].sum(axis=0)).max()) for tree in TREES)


def test_a_difference_is_shared_by_the_variances_of_the_errors() -> None:
    # The children say 8 and the total 11: of the gap of 3 each moves by its share of the variance.
    found = summing_forecasts(
        np.array([[11.0], [5.0], [3.0]]), trees=[[1, 2]], weights=np.array([1.0, 1.0, 1.0])
    )
    assert found[:, 0] == pytest.approx([10.0, 6.0, 4.0])
    found = summing_forecasts(
        np.array([[11.0], [5.0], [3.0]]), trees=[[1, 2]], weights=np.array([4.0, 2.0, 0.0])
    )
    assert found[:, 0] == pytest.approx([9.0, 6.0, 3.0])


def test_what_adds_up_already_stays() -> None:
    expected = np.array([[6.0], [1.0], [2.0], [3.0], [4.0], [2.0]])
    found = summing_forecasts(expected, trees=TREES, weights=np.ones(6))
    assert found == pytest.approx(expected)


@pytest.mark.covers("F3", partly="sums over the hierarchy")
@pytest.mark.parametrize("seed", range(12))
def test_the_sums_hold_and_no_other_point_that_sums_is_nearer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    expected = rng.gamma(0.5, 20, 6)
    expected[0] *= rng.choice([0.05, 1.0, 3.0])  # a total far below its parts drives some to zero
    weights = rng.uniform(0.05, 1, 6)
    found = summing_forecasts(expected[:, None], trees=TREES, weights=weights)
    assert _gaps(found) < 1e-6
    assert (found >= 0).all()

    def distance(point: Array) -> float:
        return float(((point - expected) ** 2 / weights).sum())

    sums = np.array([[1.0, -1, -1, -1, 0, 0], [1.0, 0, 0, 0, -1, -1]])
    best = minimize(
        distance,
        np.array([6.0, 2, 2, 2, 3, 3]),
        bounds=Bounds(np.zeros(6), np.full(6, np.inf)),
        constraints=LinearConstraint(sums, np.zeros(2), np.zeros(2)),
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert distance(found[:, 0]) <= best.fun * (1 + 1e-6) + 1e-9


def test_a_shop_that_sells_nothing_sums_to_nothing() -> None:
    found = summing_forecasts(np.zeros((6, 2)), trees=TREES, weights=np.ones(6))
    assert (found == 0).all()
