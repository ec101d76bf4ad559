"""Forecasts that add up: the children of each tree sum to the total."""

from collections.abc import Sequence

import numpy as np

from clarion.prediction.sales.panel import ALL, Array, Key, Panel

_SMALL = 1e-12


def summing_forecasts(expected: Array, *, trees: list[list[int]], weights: Array) -> Array:
    """The nearest forecasts that add up and are not negative.

    They minimise the sum of (reconciled − forecast)² / weight, subject to: the total is the sum of
    the children of every tree, and nothing is below zero. With the variances of the errors as
    weights this is MinT with a diagonal covariance (Wickramasuriya et al., 2019); its
    non-negative form is a quadratic program, solved by fixing what would be negative at zero
    (Wickramasuriya et al., 2020).

    Args:
        expected: the total first, then the children, shape (series, days).
        trees: the rows of the children of each tree.
        weights: variance of the errors of each row, above zero, shape (series,).

    Returns:
        Shape (series, days).
    """
    constraints = np.zeros((len(trees), len(expected)))
    for tree, children in enumerate(trees):
        constraints[tree, 0] = 1.0
        constraints[tree, children] = -1.0
    columns = [_nearest(day, constraints, weights) for day in np.maximum(expected, 0.0).T]
    return np.column_stack(columns)


def _nearest(expected: Array, constraints: Array, weights: Array) -> Array:
    """The nearest point that meets the constraints and is not negative: active sets."""
    is_fixed = np.zeros(len(expected), dtype=np.bool_)
    found = expected
    for rounds in range(4 * len(expected) + 4):
        free = np.where(is_fixed, 0.0, weights)
        start = np.where(is_fixed, 0.0, expected)
        system = (constraints * free) @ constraints.T
        multipliers = np.linalg.lstsq(system, constraints @ start, rcond=None)[0]
        moved = expected - weights * (constraints.T @ multipliers)
        found = np.where(is_fixed, 0.0, moved)
        is_negative = found < -_SMALL
        # Released where its constraint pulls it up again; late rounds only fix, so that they end.
        is_released = is_fixed & (moved > _SMALL) & (rounds < 2 * len(expected))
        if is_negative.any():
            is_fixed = is_fixed | is_negative
        elif is_released.any():
            is_fixed = is_fixed & ~is_released
        else:
            break
    return np.maximum(found, 0.0)


def add_up(panel: Panel, ahead: Array, cuts: Sequence[int]) -> Array:
    """Forecasts that add up in each measure that has a total.

    Args:
        panel: the series.
        ahead: forecasts, shape (series, origins and the as-of day, horizon).
        cuts: number of days before each origin.

    Returns:
        Shape (series, origins and the as-of day, horizon).
    """
    found = ahead.copy()
    horizon = ahead.shape[2]
    actual = np.stack([panel.values[:, cut : cut + horizon] for cut in cuts], axis=1)
    variance = ((actual - ahead[:, :-1]) ** 2).mean(axis=(1, 2))
    for total, trees in _trees(panel.keys).items():
        rows = [total, *(row for tree in trees for row in tree)]
        places = {row: place for place, row in enumerate(rows)}
        weights = variance[rows]
        # A series whose errors are zero moves as little as one of the smallest errors.
        smallest = weights[weights > 0].min() if (weights > 0).any() else 1.0
        days = ahead[rows].reshape(len(rows), -1)
        summed = summing_forecasts(
            days,
            trees=[[places[row] for row in tree] for tree in trees],
            weights=np.maximum(weights, smallest * 1e-3) / weights.max(initial=smallest),
        )
        found[rows] = summed.reshape(len(rows), *ahead.shape[1:])
    return found


def _trees(keys: Sequence[Key]) -> dict[int, list[list[int]]]:
    """The rows of the children of each total, by level."""
    found: dict[int, list[list[int]]] = {}
    for row, key in enumerate(keys):
        if key.level != ALL:
            continue
        levels: dict[str, list[int]] = {}
        for child, of_child in enumerate(keys):
            if of_child.measure == key.measure and of_child.level != ALL:
                levels.setdefault(of_child.level, []).append(child)
        if levels:
            found[row] = list(levels.values())
    return found
