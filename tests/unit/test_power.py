"""The smallest difference that can be shown: by simulation, and by SciPy's power of a t-test."""

import numpy as np
import pytest
from scipy import stats

from clarion.measures.statistics.intervals import Interval, Moments, NotComputable, welch
from clarion.measures.statistics.power import detectable_difference

RUNS = 2_500


def moments(values: np.ndarray) -> Moments:
    return Moments(len(values), float(values.mean()), float(((values - values.mean()) ** 2).sum()))


def shown(pairs: list[tuple[Moments, Moments]]) -> float:
    """Share of the pairs whose interval excludes zero."""
    found = [welch(*pair) for pair in pairs]
    return float(
        np.mean([isinstance(one, Interval) and not one.low <= 0 <= one.high for one in found])
    )


@pytest.mark.parametrize(("treated", "held_out"), [(310, 78), (1600, 400), (200, 200)])
def test_a_rate_that_differs_by_it_is_shown_in_four_of_five_runs(
    treated: int, held_out: int
) -> None:
    rate = 0.2
    difference = detectable_difference(
        Moments(treated, rate, treated * rate * (1 - rate)),
        Moments(held_out, rate, held_out * rate * (1 - rate)),
    )
    assert isinstance(difference, float)
    rng = np.random.default_rng(3)
    # In half of the runs the small arm is above the large one, in half below: then it varies more
    # or less than the rate itself does.
    half = difference / 2 * np.where(np.arange(RUNS) % 2, 1, -1)
    pairs = [
        (Moments.of_share(int(one), treated), Moments.of_share(int(other), held_out))
        for one, other in zip(
            rng.binomial(treated, rate + half), rng.binomial(held_out, rate - half), strict=True
        )
    ]
    assert shown(pairs) == pytest.approx(0.8, abs=0.025)  # standard error of 2,500 runs: 0.008


def test_revenue_that_differs_by_it_is_shown_in_four_of_five_runs() -> None:
    rng = np.random.default_rng(4)

    def spent(number: int, more: float) -> Moments:
        bought = rng.uniform(size=number) < 0.3
        return moments(bought * rng.gamma(2.0, 60.0, number) + more)

    difference = detectable_difference(spent(40_000, 0.0), spent(10_000, 0.0))
    assert isinstance(difference, float)
    more = difference * 5  # a 25th of the customers can show five times as much
    pairs = [(spent(1600, more), spent(400, 0.0)) for _ in range(RUNS)]
    assert shown(pairs) == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize(("level", "power"), [(0.95, 0.8), (0.9, 0.9)])
def test_it_is_what_scipys_noncentral_t_says(level: float, power: float) -> None:
    arm = Moments(60, 5.0, 59 * 4.0)  # variance 4
    difference = detectable_difference(arm, arm, level=level, power=power)
    assert isinstance(difference, float)
    noncentrality = difference / (2.0 * np.sqrt(2 / 60))
    critical = stats.t.ppf(0.5 + level / 2, 118)
    exact = stats.nct.sf(critical, 118, noncentrality)
    assert exact == pytest.approx(power, abs=0.005)


def test_more_customers_show_less_and_equal_arms_show_least() -> None:
    def of(treated: int, held_out: int) -> float:
        found = detectable_difference(
            Moments.of_share(treated // 5, treated), Moments.of_share(held_out // 5, held_out)
        )
        assert isinstance(found, float)
        return found

    assert of(1600, 400) == pytest.approx(of(160, 40) / np.sqrt(10), rel=0.03)
    assert of(200, 200) < of(320, 80) < of(380, 20)


def test_an_arm_that_happens_not_to_vary_does_not_look_better_than_the_other() -> None:
    # Nobody of 20 bought: its own variance would be 0, and the difference half as large.
    found = detectable_difference(Moments.of_share(4, 80), Moments.of_share(0, 20))
    assert isinstance(found, float)
    assert found > 2.8 * np.sqrt(0.04 * 0.96 * (1 / 80 + 1 / 20))


def test_without_two_customers_in_each_arm_or_without_variation_there_is_none() -> None:
    arm = Moments.of_share(3, 30)
    assert detectable_difference(arm, Moments.of_share(1, 1)) == NotComputable(
        "an arm is too small: 30 and 1"
    )
    still = Moments.of_share(0, 30)
    assert detectable_difference(still, still) == NotComputable("neither arm varies")


def test_moments_of_a_share_are_those_of_zeros_and_ones() -> None:
    values = np.array([1.0] * 7 + [0.0] * 33)
    found, expected = Moments.of_share(7, 40), moments(values)
    assert (found.n, found.mean, found.m2) == pytest.approx((40, expected.mean, expected.m2))
    assert Moments.of_share(0, 0) == Moments(0, 0.0, 0.0)
