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

    Example:
        >>> Moments(1, 1.0, 0.0) + Moments(1, 3.0, 0.0)
        Moments(n=2, mean=2.0, m2=2.0)
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

    @classmethod
    def of_share(cls, successes: int, trials: int) -> "Moments":
        """The moments of a sample of 0 and 1.

        Args:
            successes: how many are 1.
            trials: how many there are.

        Example:
            >>> Moments.of_share(1, 4)
            Moments(n=4, mean=0.25, m2=0.75)
        """
        mean = successes / trials if trials else 0.0
        return cls(trials, mean, trials * mean * (1 - mean))

    @property
    def variance(self) -> float:
        """Unbiased variance; needs n of 2 or more."""
        return self.m2 / (self.n - 1)


def welch(treated: Moments, control: Moments, *, level: float = 0.95) -> Interval | NotComputable:
    """Difference of means, treated less control, with Welch's interval (unequal variances).

    Args:
        treated: the sample that got something.
        control: the sample that did not.
        level: coverage of the interval.

    Returns:
        The interval; or why there is none: an arm of fewer than two, or no variation in either.

    Example:
        >>> lift = welch(Moments(10, 5.0, 9.0), Moments(10, 4.0, 9.0))
        >>> round(lift.value, 3), round(lift.low, 3), round(lift.high, 3)
        (1.0, 0.06, 1.94)
        >>> welch(Moments(1, 5.0, 0.0), Moments(10, 4.0, 9.0))
        NotComputable(reason='an arm is too small: 1 and 10')
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
    """A share with Wilson's interval.

    Args:
        successes: how many of the trials succeeded.
        trials: how many there were.
        level: coverage of the interval.

    Returns:
        The interval; or why there is none: no trials.

    Example:
        >>> found = share(8, 10)
        >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
        (0.8, 0.49, 0.94)
    """
    if trials <= 0:
        return NotComputable("nothing was tried")
    z = float(ndtri(0.5 + level / 2))
    p, scale = successes / trials, 1 + z**2 / trials
    middle = (p + z**2 / (2 * trials)) / scale
    half = z * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2)) / scale
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))
