"""Expected purchases and their value: published figures, simulations, integrals, bad input."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from buyers import bg_nbd_buyers
from scipy.integrate import quad
from scipy.stats import beta

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.value.model import ValueModel, fit_value_model
from clarion.prediction.value.purchases import PurchaseModel
from clarion.prediction.value.spend import SpendModel, fit_spend_model

# Fader, Hardie and Lee (2005), table 2: 2,357 customers of CDNOW, in weeks.
CDNOW = PurchaseModel(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=-9582.4)


def _fitted(rows: pd.DataFrame) -> ValueModel:
    model = fit_value_model(rows)
    assert isinstance(model, ValueModel), model
    return model


def _reason(rows: pd.DataFrame) -> str:
    found = fit_value_model(rows)
    assert isinstance(found, NotComputable), found
    return found.reason


def test_the_published_parameters_give_the_published_expectations() -> None:
    # The authors' note "Implementing the BG/NBD model in Excel": 1.226 in the next 39 weeks.
    expected = CDNOW.expected_purchases([2], [30.43], [38.86], horizon=39)
    assert expected == pytest.approx([1.226], abs=5e-4)
    # Fader and Hardie (2013): p 6.25, q 3.74, gamma 15.44; the mean of all is p·gamma / (q − 1).
    spend = SpendModel(6.25, 3.74, 15.44, 38.8, 0.1)
    values = spend.expected_value([2, 1, 0], [22.35, 11.77, np.nan])
    assert values == pytest.approx([24.65, 18.91, 35.22], abs=0.06)


@pytest.mark.parametrize("x", [0, 1, 2, 40, 600])
@pytest.mark.parametrize("a", [0.02, 0.8, 1.0, 7.0])
def test_expected_purchases_equal_their_integral(a: float, x: int) -> None:
    model = PurchaseModel(r=0.5, alpha=20.0, a=a, b=2.5, log_likelihood=0.0)
    last, age, horizon = 0.7 * 300 * (x > 0), 300.0, 90.0
    spread = beta(a, model.b + x)

    def until_leaving(p: float) -> float:
        return float(-np.expm1(-(model.r + x) * np.log1p(p * horizon / (model.alpha + age))) / p)

    # Integrated over the quantiles of the dropout, where its density has no pole.
    integral, _ = quad(
        lambda u: until_leaving(max(float(spread.ppf(u)), 1e-12)), 0, 1, limit=400, epsrel=1e-9
    )
    alive = model.probability_alive([x], [last], [age])[0]
    found = model.expected_purchases([x], [last], [age], horizon=horizon)[0]
    assert found == pytest.approx(integral * alive, rel=1e-5)


def test_who_bought_once_is_alive_by_construction_and_silence_counts_for_others() -> None:
    alive = CDNOW.probability_alive([0, 3, 3, 900], [0, 38, 5, 2], [38.86, 38.86, 38.86, 38.86])
    assert alive[0] == 1.0
    assert 1 > alive[1] > 0.7 > 0.2 > alive[2] > 0
    assert alive[3] == pytest.approx(0.0, abs=1e-9)
    assert CDNOW.expected_purchases([900], [2], [38.86], horizon=39) == pytest.approx([0.0])


def test_a_fit_finds_the_parameters_and_the_purchases_to_come() -> None:
    rows, later = bg_nbd_buyers(5, 20_000, a=0.8, b=2.4)
    model = _fitted(rows)
    assert model.notes == ()
    found = model.purchases
    assert (found.r, found.alpha) == pytest.approx((0.6, 30.0), rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(0.25, abs=0.025)
    assert (model.spend.p, model.spend.q, model.spend.gamma) == pytest.approx((6, 4, 15), rel=0.15)
    expected = model.expected_purchases(rows["purchases"], rows["last"], rows["age"], horizon=100)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.04)
    order = np.argsort(expected)
    for part in np.array_split(order, 5)[1:]:
        assert expected[part].mean() == pytest.approx(later[part].mean(), rel=0.15, abs=0.02)


def test_grouped_customers_give_the_same_model() -> None:
    rows, _ = bg_nbd_buyers(6, 3_000, a=0.8, b=2.4)
    rows["last"], rows["age"] = np.ceil(rows["last"]), np.ceil(rows["age"])
    times = rows.groupby(["purchases", "last", "age"], as_index=False)["weight"].sum()
    values = rows.loc[rows["purchases"] > 0, ["purchases", "mean_value", "weight"]]
    one, other = _fitted(rows), _fitted(pd.concat([times, values]))
    assert len(times) < len(rows)
    assert one.customers == other.customers == 3_000
    assert one.repeaters == other.repeaters
    for name in ("r", "alpha", "a", "b", "log_likelihood"):
        assert getattr(one.purchases, name) == pytest.approx(getattr(other.purchases, name), 1e-4)
    assert one.spend.gamma == pytest.approx(other.spend.gamma, 1e-4)


def test_revenue_is_purchases_times_their_value() -> None:
    rows, _ = bg_nbd_buyers(7, 2_000, a=0.8, b=2.4)
    model = _fitted(rows)
    x, last, age, mean = (rows[name] for name in ("purchases", "last", "age", "mean_value"))
    revenue = model.expected_revenue(x, last, age, mean, 28)
    product = model.expected_purchases(x, last, age, horizon=28) * model.expected_value(x, mean)
    assert revenue == pytest.approx(product)
    assert np.all(revenue > 0)
    returned = model.expected_value([2, 2], [-5.0, 0.0])
    assert returned[0] == returned[1] > 0


def test_without_a_dropout_in_the_data_nobody_is_said_to_leave() -> None:
    rows, later = bg_nbd_buyers(8, 6_000, a=0.0, b=1.0)
    model = _fitted(rows)
    assert model.purchases.a == 0.0
    assert "no dropout is seen" in model.notes[0]
    assert model.notes[0].startswith("nobody is expected to leave: ")
    expected = model.expected_purchases(rows["purchases"], rows["last"], rows["age"], horizon=100)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.05)
    assert model.purchases.probability_alive([3], [1], [300]) == pytest.approx([1.0])


def test_few_purchases_do_not_determine_who_leaves() -> None:
    rows, _ = bg_nbd_buyers(9, 150, a=0.3, b=2.7, alpha=200.0)
    model = fit_value_model(rows, min_repeaters=20)
    assert isinstance(model, ValueModel)
    assert model.repeaters < 100
    assert model.purchases.no_dropout_because is not None


def test_customers_who_leave_at_once_or_never_have_no_dropout_to_fit() -> None:
    # Half of those who buy again do so once, at once; the others go on for ever.
    rng = np.random.default_rng(2)
    stay = rng.random(4_000) < 0.5
    last = np.where(stay, 295.0, 5.0)
    rows = pd.DataFrame({"purchases": np.where(stay, 30, 1), "last": last, "age": 300.0})
    model = _fitted(rows.assign(weight=1, mean_value=20.0))
    assert model.purchases.no_dropout_because == (
        "the dropout runs to its bound: all customers would leave at once, or never"
    )


def test_a_value_that_grows_with_the_number_of_purchases_is_not_shrunk() -> None:
    rows, _ = bg_nbd_buyers(10, 4_000, a=0.8, b=2.4)
    rows["mean_value"] *= rows["purchases"]
    model = _fitted(rows)
    assert "depends on how many there are" in (model.spend.own_mean_because or "")
    assert model.expected_value([3, 0], [12.0, np.nan]) == pytest.approx(
        [12.0, model.spend.mean_value]
    )
    assert len(model.notes) == 1


def test_values_without_a_mean_are_not_shrunk() -> None:
    rng = np.random.default_rng(4)
    count = 3_000
    values = rng.gamma(5.0, 1 / rng.gamma(0.7, 1.0, count))
    found = fit_spend_model(np.full(count, 2.0), values, np.ones(count))
    assert "no mean value" in (found.own_mean_because or "")
    assert found.correlation is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weight": 0}, "there is no customer with a purchase"),
        ({"purchases": 0, "last": 0}, "no customer bought on a second day"),
        ({"last": 0}, "bought again on the day of their first purchase only"),
        ({"last": 500}, "100 customers have a purchase after the cut"),
        ({"age": -3, "last": -5}, "100 customers have a purchase after the cut"),
        ({"last": np.nan}, "an age but no number or time of purchases"),
        ({"mean_value": -1.0}, "no repeat purchase has a value above 0"),
        ({"weight": [1, 1] + [0] * 98}, "2 customers bought on a second day, 50 are needed"),
    ],
)
def test_what_cannot_be_fitted_has_its_reason(change: dict[str, Any], reason: str) -> None:
    rows = pd.DataFrame(
        {"purchases": 2, "last": 50, "age": 90, "weight": 1, "mean_value": 10.0}, index=range(100)
    )
    assert reason in _reason(rows.assign(**change))


def test_statistics_without_a_column_are_refused() -> None:
    assert _reason(pd.DataFrame({"purchases": [1]})) == (
        "the statistics have no column last, age, weight, mean_value"
    )


def test_customers_who_are_all_alike_have_one_expectation_within_what_they_did() -> None:
    rows = pd.DataFrame(
        {"purchases": 2, "last": 50, "age": 90, "weight": 1, "mean_value": 10.0}, index=range(100)
    )
    model = _fitted(rows)
    # Two purchases in 90 days, the last one 40 days ago: fewer than two in the next 90.
    assert 5 < model.expected_revenue([2], [50], [90], [10.0], 90)[0] < 20
    assert model.expected_value([2], [10.0]) == pytest.approx([10.0], rel=0.01)
