"""Which group of a new model continues which group of the old one."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from clarion.customers.segments.metrics import Array, Labels

_TOO_FAR = 1e6  # cost of a pair that may not match


@dataclass(frozen=True, slots=True)
class Match:
    """The old group that a new one continues: its number, and the distance between the two."""

    old: int
    distance: float


def group_means(points: Array, labels: Labels, groups: int) -> Array:
    """The mean of each group's points.

    Args:
        points: shape (n, d).
        labels: group of each point, shape (n,).
        groups: number of groups.

    Returns:
        Shape (groups, d); not a number for a group without points.
    """
    means = np.full((groups, points.shape[1]), np.nan)
    for group in range(groups):
        is_member = labels == group
        if is_member.any():
            means[group] = points[is_member].mean(0)
    return means


def match_groups(old: Array, new: Array, *, within: float) -> dict[int, Match]:
    """The groups of a new model that continue groups of the old one, one to one.

    The Hungarian method makes the sum of distances smallest.

    Args:
        old: means of the old model's groups over today's customers, standardised, shape (k, d).
        new: the same of the new model's groups, over the same customers.
        within: largest distance of a match: root mean square, in standard deviations.

    Returns:
        The match of each new group that has one. A new group without a match is new; an old group
        without a match is retired.
    """
    distances = np.sqrt(((new[:, None, :] - old[None, :, :]) ** 2).mean(2))
    is_barred = np.isnan(distances) | (distances > within)
    rows, columns = linear_sum_assignment(np.where(is_barred, _TOO_FAR, distances))
    return {
        int(row): Match(int(column), float(distances[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if distances[row, column] <= within
    }
