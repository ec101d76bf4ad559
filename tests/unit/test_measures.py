"""Intervals and group metrics, against SciPy, scikit-learn and hand calculation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from clarion.customers.segments.metrics import inertia, silhouette
from clarion.customers.segments.naming import group_names
from clarion.customers.segments.settings import ComparedFeature
from clarion.measures.statistics.intervals import (
    Interval,
    Moments,
    NotComputable,
    difference_of_shares,
    exact_share,
    share,
    welch,
)


def _moments(values: np.ndarray) -> Moments:
    return Moments(len(values), float(values.mean()), float(((values - values.mean()) ** 2).sum()))


def test_welch_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 3, 50), rng.normal(9, 5, 80)
    found = welch(_moments(a), _moments(b))
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
)
def test_moments_add_up(left: list[float], right: list[float]) -> None:
    whole = _moments(np.array(left + right))
    summed = _moments(np.array(left)) + _moments(np.array(right))
    assert summed.n == whole.n
    assert summed.mean == pytest.approx(whole.mean, abs=1e-6)
    assert summed.m2 == pytest.approx(whole.m2, rel=1e-6, abs=1e-4)


def test_an_empty_arm_is_not_computable() -> None:
    assert isinstance(welch(Moments(0, 0.0, 0.0), Moments(10, 1.0, 2.0)), NotComputable)


def test_a_share_has_wilsons_interval() -> None:
    found = share(7, 40)
    expected = stats.binomtest(7, 40).proportion_ci(method="wilson")
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert isinstance(share(0, 0), NotComputable)


def test_an_exact_share_has_the_interval_of_clopper_and_pearson() -> None:
    for successes, trials in ((2, 6), (0, 12), (12, 12), (63, 541)):
        found = exact_share(successes, trials)
        expected = stats.binomtest(successes, trials).proportion_ci(method="exact")
        assert isinstance(found, Interval)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert isinstance(exact_share(0, 0), NotComputable)


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    # Newcombe (1998), table II, method 10.
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090),
     ((5, 56), (0, 29), -0.0381, 0.1926), ((10, 10), (0, 10), 0.6075, 1.0)],
)  # fmt: skip
def test_a_difference_of_shares_has_newcombes_interval(
    treated: tuple[int, int], control: tuple[int, int], low: float, high: float
) -> None:
    found = difference_of_shares(Moments.of_share(*treated), Moments.of_share(*control))
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    turned = difference_of_shares(Moments.of_share(*control), Moments.of_share(*treated))
    assert isinstance(turned, Interval)
    assert (turned.low, turned.high) == pytest.approx((-high, -low), abs=1e-4)


def test_one_buyer_in_a_small_holdout_shows_no_difference() -> None:
    treated, holdout = Moments.of_share(22, 409), Moments.of_share(1, 89)
    by_variances, found = welch(treated, holdout), difference_of_shares(treated, holdout)
    assert isinstance(by_variances, Interval)
    assert isinstance(found, Interval)
    assert by_variances.low > 0  # one buyer of 89 varies so little that chance seems ruled out
    assert found.low < 0
    assert stats.fisher_exact(np.array([[22, 387], [1, 88]])).pvalue > 0.05
    assert isinstance(difference_of_shares(treated, Moments.of_share(0, 0)), NotComputable)


def test_the_silhouette_equals_its_definition_over_all_pairs() -> None:
    rng = np.random.default_rng(2)
    points = np.vstack([rng.normal(0, 1, (20, 3)), rng.normal(3, 1, (15, 3)), [[9.0, 9.0, 9.0]]])
    labels = np.array([0] * 20 + [1] * 15 + [2])
    pairs = ((points[:, None] - points[None]) ** 2).sum(2)
    scores = []
    for row, label in enumerate(labels):
        own = (labels == label) & (np.arange(len(labels)) != row)
        if not own.any():
            scores.append(0.0)
            continue
        inside = pairs[row, own].mean()
        outside = min(pairs[row, labels == other].mean() for other in set(labels) - {label})
        scores.append((outside - inside) / max(inside, outside))
    assert silhouette(points, labels) == pytest.approx(np.mean(scores))


def test_inertia_is_the_sum_of_squared_distances_to_the_nearest_centre() -> None:
    points, centres = (
        np.array([[0.0, 0.0], [2.0, 0.0], [9.0, 0.0]]),
        np.array([[1.0, 0.0], [10.0, 0.0]]),
    )
    assert inertia(points, centres) == pytest.approx(3.0)


WORDS = {
    "recency": ComparedFeature("recency", ("lapsed", "久未下单"), ("recent", "近期活跃")),
    "spend": ComparedFeature("spend", ("high-spending", "高消费"), ("low-spending", "低消费")),
    "discount": ComparedFeature(
        "discount", ("deal-seeking", "偏好优惠"), ("full-price", "少用优惠")
    ),
}


@pytest.mark.covers("P2")
def test_a_group_is_named_by_what_sets_it_apart() -> None:
    found = group_names(
        [[2.0, 0.1, -0.2], [-1.0, 1.5, 0.3]], ("spend", "recency", "discount"), WORDS
    )
    texts = [(name.english, name.chinese) for name in found]
    assert texts[0] == ("High-spending, full-price customers", "高消费、少用优惠客户")
    assert texts[1] == ("Lapsed, low-spending customers", "久未下单、低消费客户")


def test_names_are_unique_even_for_equal_centres() -> None:
    found = group_names([[1.0, 0.5], [1.0, 0.5], [1.1, 0.5]], ("spend", "recency"), WORDS)
    assert len({name.english for name in found}) == 3
    assert len({name.chinese for name in found}) == 3
