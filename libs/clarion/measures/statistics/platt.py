"""Platt's calibration: scores of a model as probabilities that came true."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Array = npt.NDArray[np.float64]
_FURTHEST = 20.0  # where all outcomes of high scores are alike, the most likely slope is infinite


def platt_line(score: Array, trials: Array, successes: Array) -> tuple[float, float]:
    """The most likely line from a score to the log odds of an outcome: logistic regression.

    Args:
        score: of each group of trials, shape (n,); best in log odds.
        trials: how many each group has, shape (n,).
        successes: how many of them have the outcome, shape (n,).

    Returns:
        Intercept, between -20 and 20, and slope, between 0 and 20: a score that runs against the
        outcome says nothing.

    References:
        Platt, J. (1999). Probabilistic outputs for support vector machines and comparisons to
        regularized likelihood methods. Advances in Large Margin Classifiers, 61-74.

    Example:
        Who is scored log odds of -1 and 1 has odds of 1 to 3 and 3 to 1:

        >>> line = platt_line(np.array([-1.0, 1.0]), np.array([4.0, 4.0]), np.array([1.0, 3.0]))
        >>> abs(round(line[0], 3)), round(line[1], 3)
        (0.0, 1.099)
    """

    def loss(line: Array) -> tuple[float, Array]:
        margin = line[0] + line[1] * score
        value = np.sum(trials * np.logaddexp(0, margin) - successes * margin)
        error = trials * expit(margin) - successes
        return float(value), np.array([np.sum(error), np.sum(error * score)])

    start, bounds = np.array([0.0, 1.0]), [(-_FURTHEST, _FURTHEST), (0.0, _FURTHEST)]
    fit = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(fit.x[0]), float(fit.x[1])
