"""BG/NBD: how many purchases to expect of a customer, where some leave unseen."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit, gammaln, hyp2f1
from scipy.stats import chi2

from clarion.measures.statistics.intervals import NotComputable

Array = NDArray[np.float64]
# Logarithms of r and of alpha (in mean ages), the log odds of the mean dropout, log(a + b).
_LOWER = np.array([-6.0, -8.0, -9.0, -5.0])
# Beyond a + b of some 300 the hypergeometric function of young customers is not a number.
_UPPER = np.array([6.0, 8.0, 9.0, 5.5])
_AT_BOUND = 0.01
_DROPOUT_STARTS = ((-2.0, 1.0), (-0.5, 0.0), (-4.0, 2.0))
# The dropout has two parameters: twice the gain in log-likelihood must exceed this.
_NEEDED_GAIN = float(chi2.ppf(0.99, 2))
# Standard error of the log odds of the mean dropout, above which its interval says nothing.
_WIDEST_ERROR = 1.0


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """A customer buys at a gamma rate, and leaves after a purchase with a beta probability.

    Args:
        r: shape of the rates.
        alpha: their inverse scale, in days: the mean rate is r / alpha per day.
        a: first parameter of the dropout's distribution; 0 where nobody leaves.
        b: its second parameter.
        log_likelihood: of the customers that it was fitted on.
        no_dropout_because: why the model says that nobody leaves; none where it has a dropout.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    no_dropout_because: str | None = None

    def expected_purchases(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, *, horizon: ArrayLike
    ) -> Array:
        """Purchase days to expect within `horizon` days after the cut, for each customer.

        P(alive) · E[(1 − e^(−λpt)) / p], in the form whose factors cannot overflow
        (Euler's transformation of equation 10 of the paper):

            (c / (a − 1)) · (1 − (1 − z)^(a − 1) · ₂F₁(a + b − 1 − r, a − 1; c; z)),
            c = a + b + x − 1, z = t / (alpha + T + t)

        Args:
            frequency: x, purchase days after the first, shape (n,).
            recency: days from the first to the last of them, shape (n,).
            age: T, days from the first purchase to the cut, shape (n,).
            horizon: t, days after the cut, one for all or shape (n,).

        Returns:
            Expected purchase days, shape (n,).
        """
        x, age_, t = _floats(frequency), _floats(age), _floats(horizon)
        if self.a == 0.0:
            return np.asarray((self.r + x) / (self.alpha + age_) * t)
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6
        c = a + self.b + x - 1
        c = np.where(np.abs(c) > 1e-6, c, 1e-6)
        z = t / (self.alpha + age_ + t)
        survived = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
        alive = self.probability_alive(x, recency, age_)
        return np.asarray(np.maximum(c / (a - 1) * (1 - survived), 0.0) * alive)

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """How probable it is that the customer has not left.

        This is no churn score: who bought once has had no chance to leave after a repeat purchase,
        so it is 1 for them by construction, however long ago they came.

        Args:
            frequency: purchase days after the first, shape (n,).
            recency: days from the first to the last of them, shape (n,).
            age: days from the first purchase to the cut, shape (n,).
        """
        x, last, age_ = _floats(frequency), _floats(recency), _floats(age)
        if self.a == 0.0:
            return np.ones_like(x + last + age_)
        log_odds = (
            math.log(self.a)
            - np.log(self.b + np.maximum(x, 1) - 1)
            + (self.r + x) * np.log((self.alpha + age_) / (self.alpha + last))
        )
        return np.asarray(np.where(x > 0, expit(-log_odds), 1.0))


@dataclass(frozen=True, slots=True)
class PurchaseCounts:
    """Customers, grouped by all that the likelihood depends on.

    Args:
        frequency: purchase days after the first, shape (n,).
        recency: days from the first to the last of them, shape (n,).
        age: days from the first purchase to the cut, shape (n,).
        weight: customers of the group, shape (n,).
    """

    frequency: Array
    recency: Array
    age: Array
    weight: Array

    def scaled(self, unit: float) -> "PurchaseCounts":
        """The same with times in another unit of days."""
        return PurchaseCounts(self.frequency, self.recency / unit, self.age / unit, self.weight)


def fit_purchase_model(counts: PurchaseCounts) -> PurchaseModel | NotComputable:
    """The most likely BG/NBD model; one without dropout (NBD) where the dropout is not identified.

    Log-likelihood of a customer (x repeat purchases, the last at t, seen for T days):

        lnΓ(r + x) − lnΓ(r) + r ln alpha + lnB(a, b + x) − lnB(a, b)
        + ln((alpha + T)^−(r + x) + [x > 0] · a / (b + x − 1) · (alpha + t)^−(r + x))

    The dropout is refused where it gains too little over NBD, where everybody would leave at once
    or never, and where the information at the maximum does not determine its mean.

    Args:
        counts: grouped customers, with at least one repeat purchase.

    Returns:
        The model, or why there is none: the rates run to a bound.

    References:
        Fader, P., Hardie, B., Lee, K. L. (2005). "Counting your customers" the easy way.
        Marketing Science 24(2), 275-284.
    """
    unit = float(np.average(counts.age, weights=counts.weight)) or 1.0
    scaled = counts.scaled(unit)
    mean_rate = max(np.average(counts.frequency, weights=counts.weight), math.exp(_LOWER[0]))
    plain, plain_loss = _most_likely(scaled, [np.array([0.0, -math.log(mean_rate)])])
    if _bound(plain[0], 0) == "lower" or _bound(plain[1], 1):
        return NotComputable(
            f"the rates of purchase are not identified: r = {math.exp(plain[0]):.2g}, "
            f"alpha = {math.exp(plain[1]) * unit:.3g} days"
        )
    starts = [np.array([*plain, *start]) for start in _DROPOUT_STARTS]
    best, best_loss = _most_likely(scaled, starts)
    reason = _why_no_dropout(best, scaled, gain=2 * (plain_loss - best_loss))
    # The density of a time has another unit, once per purchase.
    of_unit = float(np.sum(counts.weight * counts.frequency)) * math.log(unit)
    if reason:
        r, alpha = (float(value) for value in np.exp(plain))
        return PurchaseModel(r, alpha * unit, 0.0, 1.0, -plain_loss - of_unit, reason)
    r, alpha, total = (float(value) for value in np.exp(best[[0, 1, 3]]))
    mean = float(expit(best[2]))
    return PurchaseModel(r, alpha * unit, mean * total, (1 - mean) * total, -best_loss - of_unit)


def _most_likely(counts: PurchaseCounts, starts: list[Array]) -> tuple[Array, float]:
    """The parameters with the highest likelihood over all starts, and minus its logarithm there."""
    size = len(starts[0])
    no_dropout = np.array([-np.inf, 0.0])

    def loss(theta: Array) -> float:
        return -_log_likelihood(np.concatenate([theta, no_dropout])[:4], counts)

    bounds = list(zip(_LOWER[:size], _UPPER[:size], strict=True))
    fits = [minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    return np.asarray(best.x, dtype=np.float64), float(best.fun)


def _log_likelihood(theta: Array, counts: PurchaseCounts) -> float:
    """Sum over customers; without dropout where its log odds are minus infinity."""
    r, alpha = np.exp(theta[:2])
    x = counts.frequency
    rates = gammaln(r + x) - gammaln(r) + r * math.log(alpha)
    still_there = -(r + x) * np.log(alpha + counts.age)
    if np.isneginf(theta[2]):
        return float(np.sum(counts.weight * (rates + still_there)))
    total = float(np.exp(theta[3]))
    a, b = float(expit(theta[2])) * total, float(expit(-theta[2])) * total
    stayed = gammaln(total) + gammaln(b + x) - gammaln(b) - gammaln(total + x)
    left = math.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + counts.recency)
    either = np.where(x > 0, np.logaddexp(still_there, left), still_there)
    return float(np.sum(counts.weight * (rates + stayed + either)))


def _why_no_dropout(theta: Array, counts: PurchaseCounts, *, gain: float) -> str | None:
    """Why the data do not identify a dropout; none where they do."""
    if gain < _NEEDED_GAIN:
        return (
            "no dropout is seen: twice its gain in log-likelihood is "
            f"{max(gain, 0.0):.1f}, and {_NEEDED_GAIN:.1f} is needed"
        )
    if _bound(theta[3], 3) == "lower" or _bound(theta[2], 2):
        return "the dropout runs to its bound: all customers would leave at once, or never"
    free = [index for index in range(4) if not _bound(theta[index], index)]
    information = _information(theta, counts, free)
    if np.linalg.eigvalsh(information).min() <= 0:
        return "the likelihood has no maximum: its curvature is not negative"
    error = math.sqrt(np.linalg.inv(information)[free.index(2), free.index(2)])
    if error > _WIDEST_ERROR:
        low, high = expit(theta[2] - 1.96 * error), expit(theta[2] + 1.96 * error)
        return f"the mean dropout is not determined: between {low:.1%} and {high:.1%} per purchase"
    return None


def _bound(value: float, index: int) -> str | None:
    """Which bound a parameter lies at, if any."""
    if value < _LOWER[index] + _AT_BOUND:
        return "lower"
    return "upper" if value > _UPPER[index] - _AT_BOUND else None


def _information(theta: Array, counts: PurchaseCounts, free: list[int]) -> Array:
    """Minus the second derivatives of the log-likelihood in the free parameters."""
    step = 1e-3
    moves = np.eye(4)[free] * step

    def at(move: Array) -> float:
        return _log_likelihood(theta + move, counts)

    second = np.empty((len(free), len(free)))
    for i, one in enumerate(moves):
        for j, other in enumerate(moves):
            mixed = at(one + other) - at(one - other) - at(other - one) + at(-one - other)
            second[i, j] = mixed / (4 * step * step)
    return -second


def _floats(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)
