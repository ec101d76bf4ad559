"""How far a distribution has moved: the population stability index."""

import numpy as np
import numpy.typing as npt

_LEAST = 1e-4  # share that an empty bin counts as, so that the index stays finite

Array = npt.NDArray[np.float64]


def edges(values: Array, *, bins: int = 10) -> Array:
    """Inner edges of bins that hold equal shares of the values; fewer where many are equal."""
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))


def shares(values: Array, inner: Array) -> Array:
    """Share of the values in each bin, shape (edges + 1,); a value on an edge lies below it."""
    counts = np.bincount(np.searchsorted(inner, values, side="left"), minlength=len(inner) + 1)
    return counts / max(len(values), 1)


def population_stability(expected: Array, actual: Array) -> float:
    """Sum of (actual - expected) x ln(actual / expected) over the bins.

    0 where nothing moved; by custom 0.1 is a small shift and 0.25 a large one. With n and m values and B bins it is about
    (B - 1) x (1/n + 1/m) where nothing moved.
    """
    a, b = np.maximum(actual, _LEAST), np.maximum(expected, _LEAST)
    return float(((a - b) * np.log(a / b)).sum())
