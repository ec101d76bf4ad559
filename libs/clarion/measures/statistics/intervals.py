"""Intervals of shares and of differences of means."""

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri, stdtrit


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
    freedom = welch_freedom(a, b, treated.n, control.n)
    half = float(stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(a + b)
    gap = treated.mean - control.mean
    return Interval(gap, gap - half, gap + half)


def welch_freedom(a: float, b: float, n_a: int, n_b: int) -> float:
    """Degrees of freedom of a difference of means, by Welch and Satterthwaite.

    Args:
        a: variance of the first mean, or its share of both.
        b: that of the second, in the same unit.
        n_a: size of the first sample, 2 or more.
        n_b: size of the second.

    Example:
        >>> welch_freedom(1.0, 1.0, 10, 10)
        18.0
    """
    return (a + b) ** 2 / (a**2 / (n_a - 1) + b**2 / (n_b - 1))


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


def exact_share(successes: int, trials: int, *, level: float = 0.95) -> Interval | NotComputable:
    """A share with the exact interval of Clopper and Pearson.

    It is wider than Wilson's, and never claims more than it should: with few trials Wilson's leaves
    out values that chance explains (2 of 6 against 8 %).

    Args:
        successes: how many of the trials succeeded.
        trials: how many there were.
        level: least coverage of the interval.

    Returns:
        The interval; or why there is none: no trials.

    Example:
        >>> found = exact_share(2, 6)
        >>> round(found.value, 2), round(found.low, 2), round(found.high, 2)
        (0.33, 0.04, 0.78)
    """
    if trials <= 0:
        return NotComputable("nothing was tried")
    tail, failures = (1 - level) / 2, trials - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures else 1.0
    return Interval(successes / trials, low, high)


def difference_of_shares(
    treated: Moments, control: Moments, *, level: float = 0.95
) -> Interval | NotComputable:
    """Difference of two shares, treated less control, with Newcombe's interval.

    It joins the Wilson intervals of both shares. With few successes it does not claim a difference
    that chance explains, as an interval by variances does: one success varies too little.

    Args:
        treated: a sample of 0 and 1 (`Moments.of_share`).
        control: another.
        level: coverage of the interval.

    Returns:
        The interval; or why there is none: an empty arm.

    References:
        Newcombe, R. G. (1998). Interval estimation for the difference between independent
        proportions. Statistics in Medicine 17, 873-890, method 10.

    Example:
        >>> found = difference_of_shares(Moments.of_share(56, 70), Moments.of_share(48, 80))
        >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
        (0.2, 0.0524, 0.3339)
    """
    of_treated = share(treated.mean * treated.n, treated.n, level=level)
    of_control = share(control.mean * control.n, control.n, level=level)
    if isinstance(of_treated, NotComputable) or isinstance(of_control, NotComputable):
        return NotComputable(f"an arm is empty: {treated.n} and {control.n}")
    gap = of_treated.value - of_control.value
    below = math.hypot(of_treated.value - of_treated.low, of_control.high - of_control.value)
    above = math.hypot(of_treated.high - of_treated.value, of_control.value - of_control.low)
    return Interval(gap, gap - below, gap + above)
