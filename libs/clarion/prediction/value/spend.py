"""Gamma–Gamma: what a purchase of a customer is worth, their own mean shrunk to everybody's."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln

Array = NDArray[np.float64]
_BOUND = 8.0  # of the logarithms of p, q and gamma (in mean values)
# Above this correlation the value of a purchase is not independent of how many there are.
HIGHEST_CORRELATION = 0.3


@dataclass(frozen=True, slots=True)
class SpendModel:
    """What one purchase is worth.

    Args:
        p: shape of the values of a customer's purchases; 0 where the model is refused.
        q: shape of the customers' scales.
        gamma: their scale, in the shop's currency.
        mean_value: mean value of a purchase, over all repeat purchases.
        correlation: of log frequency and log mean value; none where one of them does not vary.
        own_mean_because: why a customer's own mean is taken as it is; none where it is shrunk.
    """

    p: float
    q: float
    gamma: float
    mean_value: float
    correlation: float | None
    own_mean_because: str | None = None

    def expected_value(self, frequency: ArrayLike, mean_value: ArrayLike) -> Array:
        """The expected value of a customer's next purchases: p(gamma + x·m) / (p·x + q − 1).

        Args:
            frequency: x, purchase days after the first, shape (n,).
            mean_value: m, their mean value, shape (n,); one below 0 (more was returned than
                bought) counts as 0, and one that is not known as no purchase.

        Returns:
            Expected value of a purchase day, shape (n,).
        """
        own = np.asarray(mean_value, dtype=np.float64)
        x = np.where(np.isnan(own), 0.0, np.asarray(frequency, dtype=np.float64))
        own = np.maximum(np.nan_to_num(own), 0.0)
        if self.own_mean_because:
            return np.where(x > 0, own, self.mean_value)
        return np.asarray(self.p * (self.gamma + x * own) / (self.p * x + self.q - 1))


def fit_spend_model(frequency: Array, mean_value: Array, weight: Array) -> SpendModel:
    """The most likely Gamma–Gamma model; own means where its assumptions do not hold.

    Log-likelihood of a customer with x purchases of mean value m:

        lnΓ(px + q) − lnΓ(px) − lnΓ(q) + q ln gamma + (px − 1) ln m + px ln x
        − (px + q) ln(gamma + x m)

    Assumption: the value of a purchase does not depend on how many there are. It is checked by the
    correlation of the logarithms.

    Args:
        frequency: purchase days after the first, above 0, shape (n,).
        mean_value: their mean value, above 0, shape (n,).
        weight: customers, shape (n,).

    References:
        Fader, P., Hardie, B. (2013). The gamma-gamma model of monetary value.
    """
    purchases = weight * frequency
    overall = float(np.average(mean_value, weights=purchases))
    correlation = weighted_correlation(np.log(frequency), np.log(mean_value), weight)
    if correlation is not None and abs(correlation) > HIGHEST_CORRELATION:
        reason = (
            f"the value of a purchase depends on how many there are (correlation {correlation:.2f})"
        )
        return SpendModel(0.0, 0.0, 0.0, overall, correlation, reason)

    def loss(theta: Array) -> float:
        p, q, gamma = np.exp(theta)
        px = p * frequency
        each = (
            gammaln(px + q)
            - gammaln(px)
            - gammaln(q)
            + q * math.log(gamma)
            + (px - 1) * np.log(mean_value / overall)
            + px * np.log(frequency)
            - (px + q) * np.log(gamma + frequency * mean_value / overall)
        )
        return -float(np.sum(weight * each))

    fits = [
        minimize(loss, np.log(start), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 3)
        for start in ((4.0, 4.0, 1.0), (1.0, 2.0, 1.0), (10.0, 30.0, 3.0))
    ]
    p, q, gamma = np.exp(min(fits, key=lambda fit: float(fit.fun)).x)
    if q <= 1.0:
        reason = f"customers differ so much that they have no mean value (q = {q:.2f})"
        return SpendModel(0.0, 0.0, 0.0, overall, correlation, reason)
    return SpendModel(float(p), float(q), float(gamma) * overall, overall, correlation)


def weighted_correlation(one: Array, other: Array, weight: Array) -> float | None:
    """Pearson's correlation of weighted pairs; none where one of them does not vary."""
    of_one = one - np.average(one, weights=weight)
    of_other = other - np.average(other, weights=weight)
    variances = np.sum(weight * of_one**2) * np.sum(weight * of_other**2)
    if variances < 1e-18:
        return None
    return float(np.sum(weight * of_one * of_other) / math.sqrt(variances))
