"""Which group is which after a retrain, when a model may take over, and when it no longer fits."""

from dataclasses import replace

import numpy as np
import pytest

from clarion.config import Config
from clarion.customers.segments import gate, matching, naming, pictures
from clarion.customers.segments.gate import Limits, Quality
from clarion.customers.segments.settings import SegmentSettings
from clarion.measures.statistics import drift

LIMITS = Limits(min_stability=0.6, min_share=0.01, silhouette_slack=0.02)


def test_groups_in_another_order_keep_their_identity() -> None:
    old = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    matches = matching.match_groups(old, old[[2, 0, 1]] + 0.1, within=0.8)
    assert {new: match.old for new, match in matches.items()} == {0: 2, 1: 0, 2: 1}
    assert matches[0].distance == pytest.approx(0.1)


def test_the_sum_of_distances_decides_not_the_nearest_one() -> None:
    # The first new group lies nearest to old 0, but old 0 is all that the second one has.
    matches = matching.match_groups(np.array([[0.0], [1.0]]), np.array([[0.2], [-0.3]]), within=1.0)
    assert {new: match.old for new, match in matches.items()} == {0: 1, 1: 0}


def test_a_group_too_far_away_is_new_and_the_old_one_is_retired() -> None:
    matches = matching.match_groups(np.array([[0.0], [5.0]]), np.array([[0.1], [9.0]]), within=0.8)
    assert set(matches) == {0}


def test_an_old_group_without_customers_today_matches_nothing() -> None:
    points, labels = np.array([[0.0], [0.2]]), np.array([0, 0])
    means = matching.group_means(points, labels, 2)
    assert np.isnan(means[1]).all()
    assert {
        new: match.old
        for new, match in matching.match_groups(means, np.array([[0.1]]), within=0.8).items()
    } == {0: 0}


@pytest.mark.parametrize(
    ("champion", "challenger", "promoted"),
    [
        (Quality(0.50, 1.0, 0.1), Quality(0.51, 0.9, 0.1), True),
        (Quality(0.50, 1.0, 0.1), Quality(0.49, 0.9, 0.1), True),  # within the slack
        (Quality(0.50, 1.0, 0.1), Quality(0.45, 0.9, 0.1), False),
        (Quality(0.50, 1.0, 0.1), Quality(0.60, 0.4, 0.1), False),  # its starts do not agree
        (Quality(0.50, 1.0, 0.1), Quality(0.60, 0.9, 0.001), False),  # a tiny group
        # The limits hold also where there is none to compare with.
        (None, Quality(0.10, 0.9, 0.1), True),
        (None, Quality(0.10, 0.4, 0.1), False),
        (None, Quality(0.10, 0.9, 0.001), False),
    ],
)
def test_the_gate_is_a_function_of_two_sets_of_metrics(
    champion: Quality | None, challenger: Quality, promoted: bool
) -> None:
    verdict = gate.promotion_verdict(champion, challenger, limits=LIMITS)
    assert verdict.is_promoted is promoted
    assert verdict.reasons


@pytest.mark.parametrize(
    ("age", "of_features", "of_groups", "reason"),
    [
        (10, {"spend": 0.1, "cart": 0.05}, 0.1, None),
        (84, {"spend": 0.1}, 0.1, "age: 84 days"),
        (10, {"spend": 0.1, "cart": 0.31}, 0.1, "drift of cart: 0.31"),
        (10, {"spend": 0.1}, 0.3, "drift of the groups' shares: 0.30"),
    ],
)
def test_a_model_is_retrained_when_it_is_old_or_customers_have_moved(
    age: int, of_features: dict[str, float], of_groups: float, reason: str | None
) -> None:
    found = gate.age_or_drift_reason(
        age_days=age,
        feature_drift=of_features,
        group_drift=of_groups,
        retrain_days=84,
        drift_limit=0.25,
    )
    assert found == reason


def test_the_stability_index_is_zero_for_the_same_and_large_for_what_has_moved() -> None:
    rng = np.random.default_rng(3)
    before, same, moved = rng.normal(0, 1, 4000), rng.normal(0, 1, 4000), rng.normal(1, 1, 4000)
    edges = drift.bin_edges(before)
    expected = drift.bin_shares(before, edges)
    assert expected == pytest.approx(np.full(10, 0.1), abs=0.001)
    assert drift.population_stability(expected, drift.bin_shares(same, edges)) < 0.02
    assert drift.population_stability(expected, drift.bin_shares(moved, edges)) > 0.5
    by_hand = sum((a - e) * np.log(a / e) for a, e in zip([0.2, 0.8], [0.5, 0.5], strict=True))
    assert drift.population_stability(np.array([0.5, 0.5]), np.array([0.2, 0.8])) == pytest.approx(
        by_hand
    )


def test_a_feature_of_few_values_has_few_bins() -> None:
    values = np.array([0.0] * 90 + [1.0] * 10)
    edges = drift.bin_edges(values)
    assert edges.tolist() == [0.0]
    assert drift.bin_shares(values, edges).tolist() == [0.9, 0.1]


def test_names_are_unique_in_both_languages(config: Config) -> None:
    words = config.section(SegmentSettings).features
    centres = [[2.0, 1.0, 0.5], [2.1, 1.1, -0.5], [2.0, 1.0, 0.5], [-1.0, 0.1, 0.0]]
    names = naming.group_names(centres, ("unit", "discount", "cart"), words)
    assert len({name.english for name in names}) == 4
    assert len({name.chinese for name in names}) == 4
    assert (names[3].english, names[3].chinese) == (
        "Cheap-buying, deal-seeking customers",
        "低单价、偏好优惠客户",
    )


def test_a_group_is_not_named_by_what_is_unknown_of_it(config: Config) -> None:
    words = config.section(SegmentSettings).features
    nan = float("nan")
    centres = [[-1.0, nan, nan], [0.2, 2.0, 1.0], [nan, nan, nan]]
    names = naming.group_names(centres, ("activity", "discount", "buying"), words)
    assert [name.english for name in names] == [
        "Occasional customers",
        "Deal-seeking, ready-to-buy customers",
        "Customers of whom little is known",
    ]


def test_a_new_group_gets_another_name_than_those_that_are_kept(config: Config) -> None:
    words = config.section(SegmentSettings).features
    old = naming.group_names([[2.0, 1.0, 0.1]], ("unit", "discount", "cart"), words)[0]
    # The new group lies where the old name would be found, the old group where others would.
    centres = [[2.0, 1.0, 0.5], [0.1, 0.2, 3.0]]
    names = naming.group_names(centres, ("unit", "discount", "cart"), words, kept={1: old})
    assert names[1] == old
    assert names[0].english == "Dear-buying, deal-seeking, cart-filling customers"
    # A kept name keeps its number, and today's words stand for what it speaks of.
    numbered = replace(old, english=f"{old.english} 2", chinese=f"{old.chinese} 2")
    one = [[2.0, 1.0, 0.5]]
    features = ("unit", "discount", "cart")
    assert naming.group_names(one, features, words, kept={0: numbered}) == [numbered]
    other_words = words | {"unit": replace(words["unit"], high=("premium", "高端"))}
    renamed = naming.group_names(one, features, other_words, kept={0: old})[0]
    assert renamed.english == "Premium, deal-seeking customers"


def test_the_map_of_groups_is_that_of_principal_components() -> None:
    from sklearn.decomposition import PCA

    points = np.random.default_rng(1).normal(size=(50, 3)) * [1, 5, 20]
    standard = (points - points.mean(0)) / points.std(0)
    sklearn_components = PCA(2).fit_transform(standard)
    components = pictures.principal_components(points)
    assert np.abs(components) == pytest.approx(np.abs(sklearn_components))
    assert pictures.principal_components(points[:, :1]).shape == (50, 2)
