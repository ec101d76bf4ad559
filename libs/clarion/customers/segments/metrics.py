"""Quality of a grouping, in NumPy over the fit's sample (bounded by `segment.max_fit_rows`)."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def squared_distances(points: Array, centres: Array) -> Array:
    """Squared Euclidean distance of each point to each centre.

    Args:
        points: shape (n, d).
        centres: shape (k, d).

    Returns:
        Shape (n, k).
    """
    cross = points @ centres.T
    squares = (points**2).sum(1)[:, None] - 2 * cross + (centres**2).sum(1)[None, :]
    distances: Array = np.maximum(squares, 0.0)
    return distances


def standardise(points: Array) -> Array:
    """Each input in standard deviations from its mean; a constant one is 0.

    Args:
        points: shape (n, d).

    Returns:
        Shape (n, d).
    """
    spread = points.std(0)
    standardised: Array = (points - points.mean(0)) / np.where(spread > 0, spread, 1.0)
    return standardised


def inertia(points: Array, centres: Array) -> float:
    """Sum of squared distances to the nearest centre: the objective of k-means."""
    return float(squared_distances(points, centres).min(1).sum())


def inertia_of(points: Array, labels: Labels, centres: Array) -> float:
    """Sum of squared distances to the centre of the own group, which need not be the nearest."""
    return float(((points - centres[labels]) ** 2).sum())


def silhouette(points: Array, labels: Labels) -> float:
    """Mean silhouette with squared Euclidean distance, as Spark's ClusteringEvaluator has it.

    The mean squared distance of x to a group follows from the group's size n, sum s and sum of
    squares q: |x|^2 - 2 x.s/n + q/n. No pair of points is ever formed. A group of one scores 0.

    Args:
        points: shape (n, d).
        labels: group of each point, shape (n,).

    Raises:
        ValueError: fewer than two groups.
    """
    groups = np.unique(labels)
    if len(groups) < 2:
        raise ValueError("a silhouette needs two groups")
    squares = (points**2).sum(1)
    sizes = np.array([(labels == group).sum() for group in groups])
    sums = np.stack([points[labels == group].sum(0) for group in groups])
    totals = np.array([squares[labels == group].sum() for group in groups])
    mean = squares[:, None] - 2 * (points @ sums.T) / sizes + totals / sizes

    own = np.searchsorted(groups, labels)
    rows = np.arange(len(points))
    inside = mean[rows, own] * sizes[own] / np.maximum(sizes[own] - 1, 1)
    mean[rows, own] = np.inf
    outside = mean.min(1)
    larger = np.maximum(inside, outside)
    ratio = (outside - inside) / np.where(larger > 0, larger, 1.0)
    return float(np.where((sizes[own] > 1) & (larger > 0), ratio, 0.0).mean())
