"""Lifts, and the smallest difference that two samples of a size can show."""

import math
from dataclasses import dataclass

from scipy.special import stdtrit

from clarion.measures.statistics.intervals import (
    Interval,
    Moments,
    NotComputable,
    difference_of_shares,
    welch,
    welch_freedom,
)


def detectable_difference(
    treated: Moments, control: Moments, *, level: float = 0.95, power: float = 0.8
) -> float | NotComputable:
    """The smallest true difference of means that a 95 % interval would most often show.

    (t_{(1 + level) / 2} + t_{power}) · s · √(1 / n₁ + 1 / n₂), the minimum detectable effect of a
    two-sided test at 1 - level. Without an effect both samples come from one distribution, so s² is
    the variance within both of them together: a small arm that happens not to vary does not make
    the test look better than it is. The quantiles are Student's, with the degrees of freedom that
    Welch's test has for equal variances; for large samples they are normal. Rates are means of 0
    and 1 (`Moments.of_share`).

    Assumptions: independent customers, and means that are near to normal. A rate needs some five
    successes in each arm, spend with a heavy tail some hundred customers.

    Args:
        treated: the sample that got something.
        control: the sample that did not.
        level: coverage of the interval that has to exclude zero.
        power: how often it does, if the true difference is the one that is returned.

    Returns:
        The difference, without a sign; or why there is none: an arm of fewer than two, or no
        variation in either.

    References:
        Bloom, H. S. (1995). Minimum detectable effects. Evaluation Review 19(5), 547-556.

    Example:
        >>> treated, holdout = Moments.of_share(47, 310), Moments.of_share(11, 78)
        >>> round(detectable_difference(treated, holdout), 3)
        0.128
    """
    if treated.n < 2 or control.n < 2:
        return NotComputable(f"an arm is too small: {treated.n} and {control.n}")
    variance = (treated.m2 + control.m2) / (treated.n + control.n - 2)
    if variance == 0.0:
        return NotComputable("neither arm varies")
    a, b = 1 / treated.n, 1 / control.n
    freedom = welch_freedom(a, b, treated.n, control.n)
    quantiles = float(stdtrit(freedom, 0.5 + level / 2)) + float(stdtrit(freedom, power))
    return quantiles * math.sqrt(variance * (a + b))


@dataclass(frozen=True, slots=True)
class Lift:
    """What a treated sample has more than a control, and what such samples can show.

    Args:
        value: the difference of the means.
        low: lower end of its 95 % interval.
        high: upper end.
        detectable: the smallest true difference that the interval would most often show.
    """

    value: float
    low: float
    high: float
    detectable: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def lift_of(treated: Moments, control: Moments) -> Lift | NotComputable:
    """The lift of the mean of a treated sample over that of a control, with Welch's interval.

    Args:
        treated: the sample that got something.
        control: the sample that did not.

    Returns:
        The lift; or why there is none: an arm of fewer than two, or no variation in either.

    Example:
        >>> lift = lift_of(Moments(10, 5.0, 9.0), Moments(10, 4.0, 9.0))
        >>> round(lift.value, 2), round(lift.low, 2), round(lift.detectable, 2), lift.excludes_zero
        (1.0, 0.06, 1.33, True)
    """
    return _lift(welch(treated, control), treated, control)


def share_lift_of(treated: Moments, control: Moments) -> Lift | NotComputable:
    """The lift of the share of a treated sample over that of a control, with Newcombe's interval.

    Args:
        treated: the sample that got something, as 0 and 1 (`Moments.of_share`).
        control: the sample that did not.

    Returns:
        The lift; or why there is none: an arm of fewer than two, or no variation in either.

    Example:
        >>> lift = share_lift_of(Moments.of_share(22, 409), Moments.of_share(1, 89))
        >>> round(lift.value, 3), round(lift.low, 3), round(lift.high, 3), lift.excludes_zero
        (0.043, -0.01, 0.07, False)
    """
    return _lift(difference_of_shares(treated, control), treated, control)


def _lift(
    difference: Interval | NotComputable, treated: Moments, control: Moments
) -> Lift | NotComputable:
    smallest = detectable_difference(treated, control)
    if not isinstance(difference, Interval):
        return difference
    if isinstance(smallest, NotComputable):
        return smallest
    return Lift(difference.value, difference.low, difference.high, smallest)
