"""Grey relational analysis: figures of the literature, and series that have no grade."""

import numpy as np
import pytest

from clarion.measures.statistics.grey import (
    SCALINGS,
    GreyChoice,
    GreyRelation,
    grey_grades,
    grey_relations,
    scaled,
)
from clarion.measures.statistics.intervals import NotComputable

REFERENCE = np.array([1, 1.1, 2, 2.25, 3, 4])
SERIES = np.array(
    [
        [1, 1.166, 1.834, 2, 2.314, 3],
        [1, 1.125, 1.075, 1.375, 1.625, 1.75],
        [1, 1, 0.7, 0.8, 0.9, 1.2],
    ]
)
CHOICE = GreyChoice("mean", 0.5, (0.3, 0.7))


@pytest.mark.covers("E3", partly="grey relational analysis; the others are not built")
def test_grades_are_those_of_the_published_example() -> None:
    grades = grey_grades(REFERENCE, SERIES, rho=0.5)
    np.testing.assert_allclose(grades, [0.8253, 0.6813, 0.6127], atol=5e-5)


def test_a_series_that_equals_the_reference_has_grade_one() -> None:
    grades = grey_grades(REFERENCE, np.stack([REFERENCE, SERIES[2]]))
    assert grades[0] == 1.0
    assert grades[1] < 1.0


def test_all_series_equal_to_the_reference_have_grade_one() -> None:
    assert grey_grades(REFERENCE, np.stack([REFERENCE, REFERENCE])).tolist() == [1.0, 1.0]


def test_a_grade_by_hand() -> None:
    # Gaps are 0 and 2 of the one, 1 and 0 of the other: (0 + 1) / (gap + 1).
    grades = grey_grades(np.array([1.0, 1.0]), np.array([[1.0, 3.0], [2.0, 1.0]]), rho=0.5)
    np.testing.assert_allclose(grades, [(1 + 1 / 3) / 2, (1 / 2 + 1) / 2])


@pytest.mark.parametrize("rho", [0.0, -0.5, 1.5])
def test_a_rho_out_of_range_is_refused(rho: float) -> None:
    with pytest.raises(ValueError, match="rho has to be above 0"):
        grey_grades(REFERENCE, SERIES, rho=rho)


def test_a_value_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        grey_grades(np.array([1.0, np.nan]), np.array([[1.0, 2.0]]))


def test_scaled_series_by_hand() -> None:
    values = np.array([2.0, 4.0, 6.0])
    forms = {name: scaled(values, name) for name in SCALINGS}
    np.testing.assert_allclose(np.asarray(forms["initial"]), [1, 2, 3])
    np.testing.assert_allclose(np.asarray(forms["mean"]), [0.5, 1, 1.5])
    np.testing.assert_allclose(np.asarray(forms["min_max"]), [0, 0.5, 1])


@pytest.mark.parametrize(
    ("values", "scaling", "reason"),
    [
        ([3.0, 3.0], "mean", "it does not vary"),
        ([3.0, 3.0], "min_max", "it does not vary"),
        ([0.0, 3.0], "initial", "its first value is zero"),
        ([-3.0, 3.0], "mean", "its mean is zero"),
        ([1.0, np.nan, np.inf], "mean", "2 of 3 values are not known"),
        ([], "mean", "0 of 0 values are not known"),
    ],
)
def test_a_series_without_a_form_says_why(values: list[float], scaling: str, reason: str) -> None:
    assert scaled(np.array(values), scaling) == NotComputable(reason)  # type: ignore[arg-type]


def test_a_driver_that_does_not_vary_has_a_reason_and_changes_no_other_grade() -> None:
    drivers = {"close": SERIES[0], "flat": np.full(6, 1e6), "far": SERIES[2]}
    found = grey_relations(REFERENCE, drivers, CHOICE)
    alone = grey_relations(REFERENCE, {"close": SERIES[0], "far": SERIES[2]}, CHOICE)
    assert list(found) == ["close", "flat", "far"]
    assert found["flat"] == NotComputable("it does not vary")
    assert {name: found[name] for name in alone} == alone


def test_a_reference_that_does_not_vary_grades_nothing() -> None:
    found = grey_relations(np.ones(6), {"one": SERIES[0]}, CHOICE)
    assert found == {"one": NotComputable("the reference: it does not vary")}


def test_sensitivity_is_that_of_every_rho_and_scaling() -> None:
    drivers = {"a": SERIES[0], "b": SERIES[1], "c": SERIES[2]}
    found = grey_relations(REFERENCE, drivers, CHOICE)
    by_hand = []
    for rho in (0.3, 0.5, 0.7):
        by_hand.append(grey_grades(REFERENCE / 1, SERIES, rho=rho))  # all begin with 1
        mean = [values / values.mean() for values in (REFERENCE, *SERIES)]
        by_hand.append(grey_grades(mean[0], np.stack(mean[1:]), rho=rho))
        moved = [(values - values.min()) / np.ptp(values) for values in (REFERENCE, *SERIES)]
        by_hand.append(grey_grades(moved[0], np.stack(moved[1:]), rho=rho))
    trials = np.array(by_hand)
    for index, relation in enumerate(found.values()):
        assert isinstance(relation, GreyRelation)
        assert relation.lowest_grade == pytest.approx(trials[:, index].min())
        assert relation.highest_grade == pytest.approx(trials[:, index].max())
        assert relation.lowest_grade <= relation.grade <= relation.highest_grade
    first = found["a"]
    assert isinstance(first, GreyRelation)
    assert (first.rank, first.best_rank, first.worst_rank) == (1, 1, 1)


def test_a_scaling_that_one_driver_lacks_is_not_tried() -> None:
    starts_with_zero = np.array([0.0, 1, 2, 3, 4, 5])
    choice = GreyChoice("mean", 0.5, ())
    drivers = {"a": SERIES[0], "zero": starts_with_zero}
    found = grey_relations(REFERENCE, drivers, choice)["zero"]
    assert isinstance(found, GreyRelation)
    forms = [
        np.array([scaled(values, scaling) for values in (REFERENCE, SERIES[0], starts_with_zero)])
        for scaling in ("mean", "min_max")
    ]
    grades = [grey_grades(form[0], form[1:])[1] for form in forms]
    assert (found.lowest_grade, found.highest_grade) == (min(grades), max(grades))


def test_equal_drivers_share_a_rank() -> None:
    found = grey_relations(REFERENCE, {"a": SERIES[1], "b": SERIES[1], "c": SERIES[2]}, CHOICE)
    ranks = [relation.rank for relation in found.values() if isinstance(relation, GreyRelation)]
    assert ranks == [1, 1, 3]
