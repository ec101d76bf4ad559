"""How far a distribution has moved: the population stability index."""

import numpy as np
import numpy.typing as npt

_MIN_SHARE = 1e-4  # share that an empty bin counts as, so that the index stays finite

Array = npt.NDArray[np.float64]


def bin_edges(values: Array, *, bins: int = 10) -> Array:
    """Inner edges of bins that hold equal shares of the values; fewer where many are equal.

    Args:
        values: the sample, shape (n,).
        bins: number of bins.

    Example:
        >>> bin_edges(np.array([1.0, 2.0, 3.0, 4.0]), bins=2).tolist()
        [2.0]
    """
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))


def bin_shares(values: Array, inner: Array) -> Array:
    """Share of the values in each bin, shape (edges + 1,); a value on an edge is in the lower bin.

    Args:
        values: the sample, shape (n,).
        inner: inner edges of the bins.

    Example:
        >>> bin_shares(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0])).tolist()
        [0.5, 0.5]
    """
    counts = np.bincount(np.searchsorted(inner, values, side="left"), minlength=len(inner) + 1)
    return counts / max(len(values), 1)


def population_stability(expected: Array, actual: Array) -> float:
    """Sum of (actual - expected) x ln(actual / expected) over the bins.

    It is 0 where nothing moved; by custom 0.1 is a small shift and 0.25 a large one. With n and m
    values and B bins it is about (B - 1) x (1/n + 1/m) where nothing moved.

    Args:
        expected: shares of the bins before, shape (B,).
        actual: shares of the bins now, shape (B,).

    Example:
        >>> population_stability(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
        0.0
        >>> round(population_stability(np.array([0.5, 0.5]), np.array([0.2, 0.8])), 3)
        0.416
    """
    a, b = np.maximum(actual, _MIN_SHARE), np.maximum(expected, _MIN_SHARE)
    return float(((a - b) * np.log(a / b)).sum())
