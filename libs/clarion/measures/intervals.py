"""Intervals of shares and of differences of means."""

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit


@dataclass(frozen=True, slots=True)
class NotComputable:
    """A statistic that has no value, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Sufficient statistics of a sample; two of them add up to those of both samples together.

    Args:
        n: size.
        mean: mean.
        m2: sum of squared deviations from the mean.
    """

    n: int
    mean: float
    m2: float

    def __add__(self, other: "Moments") -> "Moments":
        n = self.n + other.n
        if n == 0:
            return Moments(0, 0.0, 0.0)
        gap = other.mean - self.mean
        return Moments(
            n, self.mean + gap * other.n / n, self.m2 + other.m2 + gap**2 * self.n * other.n / n
        )

    @property
    def variance(self) -> float:
        """Unbiased variance; needs n of 2 or more."""
        return self.m2 / (self.n - 1)


def welch(treated: Moments, control: Moments, *, level: float = 0.95) -> Interval | NotComputable:
    """Difference of means, treated less control, with Welch's interval (unequal variances).

    Returns:
        The interval; or why there is none: an arm of fewer than two, or no variation in either.
    """
    if treated.n < 2 or control.n < 2:
        return NotComputable(f"an arm is too small: {treated.n} and {control.n}")
    a, b = treated.variance / treated.n, control.variance / control.n
    if a + b == 0.0:
        return NotComputable("neither arm varies")
    freedom = (a + b) ** 2 / (a**2 / (treated.n - 1) + b**2 / (control.n - 1))
    half = float(stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(a + b)
    gap = treated.mean - control.mean
    return Interval(gap, gap - half, gap + half)


def share(successes: float, trials: float, *, level: float = 0.95) -> Interval | NotComputable:
    """A share with Wilson's interval."""
    if trials <= 0:
        return NotComputable("nothing was tried")
    z = float(ndtri(0.5 + level / 2))
    p, scale = successes / trials, 1 + z**2 / trials
    middle = (p + z**2 / (2 * trials)) / scale
    half = z * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2)) / scale
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))
