"""How categories are bought again: parameters from simulated gaps, reasons, calibration by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, gammaln
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from clarion.config import Config
from clarion.prediction.replenishment.calibration import Calibration, fit_calibration, judge
from clarion.prediction.replenishment.model import (
    GAP_SHAPES,
    CategoryGaps,
    category_rows,
    fit_categories,
    rate_rows,
)
from clarion.prediction.replenishment.settings import ReplenishSettings
from clarion.prediction.replenishment.summary import (
    Calibrated,
    calibrate,
    calibration_rows,
    notes,
)

SETTINGS = Config.load().section(ReplenishSettings)


def _pairs(
    seed: int, count: int, *, k: float, r: float = 1.5, alpha: float = 200.0
) -> list[tuple[list[float], float, float]]:
    """Gaps, silence and age of customers whose gaps, to the power of k, are exponential."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        rate, age = rng.gamma(r, 1 / alpha), float(rng.uniform(30, 360))
        gaps: list[float] = []
        left = age
        while (gap := float(rng.exponential(1 / rate) ** (1 / k))) < left:
            gaps.append(gap)
            left -= gap
        pairs.append((gaps, left, age))
    return pairs


def _grouped(name: str, pairs: list[tuple[list[float], float, float]]) -> pd.DataFrame:
    """The rows of `fit_categories`, one per pair and shape."""
    rows = []
    for shape in GAP_SHAPES:
        for gaps, silence, age in pairs:
            exposure = sum(gap**shape for gap in gaps) + silence**shape
            rows.append((name, shape, 1, len(gaps), exposure, float(np.log(gaps).sum()), age))
    return pd.DataFrame(
        rows,
        columns=["category", "shape", "weight", "repeats", "exposure", "log_gaps", "age"],
    )


@pytest.mark.parametrize("k", [0.75, 1.0, 1.4, 2.0])
def test_regular_and_random_gaps_are_told_apart_and_give_their_rates(k: float) -> None:
    alpha = 40.0**k
    (found,) = fit_categories(
        _grouped("soap", _pairs(3, 3_000, k=k, alpha=alpha)), settings=SETTINGS
    )
    assert found.reason is None
    assert found.regularity == k
    assert found.rates[k] == pytest.approx((1.5, alpha), rel=0.15)


def test_all_categories_at_once_are_fitted_as_scipy_fits_each() -> None:
    groups = {
        "a": _grouped("a", _pairs(4, 400, k=1.0, r=0.5, alpha=30.0)),
        "b": _grouped("b", _pairs(5, 200, k=1.0, r=4.0, alpha=300.0)),
        "c": _grouped("c", _pairs(6, 900, k=1.4, r=0.3, alpha=900.0)),
    }
    fits = fit_categories(pd.concat(groups.values()), settings=SETTINGS)
    assert [one.category for one in fits] == ["a", "b", "c"]
    for one in fits:
        rows = groups[one.category]
        rows = rows[rows["shape"] == one.regularity]
        n, y = rows["repeats"].to_numpy("float64"), rows["exposure"].to_numpy("float64")

        def loss(theta: np.ndarray, n: np.ndarray = n, y: np.ndarray = y) -> float:
            r, alpha = np.exp(theta)
            each = gammaln(r + n) - gammaln(r) + r * np.log(alpha) - (r + n) * np.log(alpha + y)
            return -float(each.sum())

        direct = minimize(loss, np.array([0.0, 5.0]), method="Nelder-Mead", tol=1e-10)
        assert one.regularity is not None
        assert one.rates[one.regularity] == pytest.approx(np.exp(direct.x), rel=1e-3)


def test_what_is_not_bought_again_has_its_reason() -> None:
    many = _pairs(7, 200, k=1.0)
    once: list[tuple[list[float], float, float]] = [([], 200.0, 200.0)] * 200
    frame = pd.concat(
        [
            _grouped("few", many[:49]),
            _grouped("once", once),
            _grouped("seldom", once + many[:30]),
            _grouped("young", [([10.0], 20.0, 30.0)] * 200),
            _grouped("bursts", _pairs(8, 800, k=0.5, r=1.0, alpha=3.0)),
            _grouped("two", many[:2]),
        ]
    )
    reasons = {one.category: one.reason for one in fit_categories(frame, settings=SETTINGS)}
    assert reasons == {
        "bursts": "bought in bursts: gap shape 0.5, 0.6 is needed",
        "few": "49 buyers, 50 are needed",
        "once": "0% of 200 buyers bought again, 20% are needed",
        "seldom": "9% of 230 buyers bought again, 20% are needed",
        "two": "2 buyers, 50 are needed",
        "young": "first bought 30 days before, 90 are needed",
    }


def test_without_purchases_there_is_no_category_and_a_note() -> None:
    categories = fit_categories(_grouped("none", []), settings=SETTINGS)
    assert categories == ()
    counts = pd.DataFrame(
        {
            name: []
            for name in (
                "horizon_days",
                "gap_shape",
                "is_calibration",
                "log_odds",
                "pairs",
                "bought",
            )
        }
    )
    chosen = calibrate(counts, horizons=(7, 14), settings=SETTINGS)
    assert chosen.gap_shape == 1.0
    assert chosen.calibrations[7] == Calibration(
        reason="0 bought and 0 did not, 100 of each are needed"
    )
    assert notes(categories, chosen) == [
        "nobody is reminded: there is no purchase of a product with a category"
    ]
    day = date(2026, 6, 1)
    assert calibration_rows(chosen.judgements, as_of=day, fitted_before=day) == []
    assert category_rows(categories, gap_shape=1.0, as_of=day, fitted_before=day) == []
    assert rate_rows(categories) == []


def test_notes_name_the_largest_category_that_is_not_repeated() -> None:
    categories = [
        CategoryGaps("soap", 90, 60, 1.4, {k: (k, 20.0) for k in GAP_SHAPES}),
        CategoryGaps("sofas", 70, 1, reason="1% of 70 buyers bought again"),
        CategoryGaps("rings", 3, 1, reason="3 buyers"),
    ]
    assert notes(categories, Calibrated(1.0, {}, {})) == [
        "1 of 3 categories are repeated; not sofas: 1% of 70 buyers bought again"
    ]
    rows = category_rows(
        categories, gap_shape=0.75, as_of=date(2026, 6, 1), fitted_before=date(2026, 5, 18)
    )
    assert [row[1:-1] for row in rows] == [
        ("soap", 90, 60 / 90, True, None, 1.4, 0.75, 0.75, 20.0),
        ("sofas", 70, 1 / 70, False, "1% of 70 buyers bought again", None, 0.75, None, None),
        ("rings", 3, 1 / 3, False, "3 buyers", None, 0.75, None, None),
    ]
    assert rate_rows(categories)[1] == ("soap", 0.75, 0.75, 20.0)


def test_the_shape_that_predicts_best_is_taken() -> None:
    true = _outcomes(4, intercept=0.0, slope=1.0)
    # The same customers, their predictions in disorder.
    blurred = true.assign(log_odds=true["log_odds"].sample(frac=1, random_state=1).to_numpy())
    counts = pd.concat(
        [
            frame.assign(gap_shape=shape, horizon_days=days, is_calibration=half)
            for shape, frame in ((0.75, blurred), (1.4, true))
            for days in (7, 14)
            for half in (True, False)
        ]
    )
    chosen = calibrate(counts, horizons=(7, 14), settings=SETTINGS)
    assert chosen.gap_shape == 1.4
    assert chosen.judgements[14].pairs == true["pairs"].sum()
    assert chosen.judgements[14].auc == pytest.approx(judge(true, Calibration()).auc)


def _outcomes(seed: int, *, intercept: float, slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    log_odds = np.round(rng.normal(-1.5, 1.0, 20_000) / 0.05) * 0.05
    bought = rng.random(20_000) < expit(intercept + slope * log_odds)
    frame = pd.DataFrame({"log_odds": log_odds, "pairs": 1, "bought": bought.astype(int)})
    return frame.groupby("log_odds", as_index=False).sum()


def test_a_calibration_equals_a_logistic_regression_on_the_log_odds() -> None:
    counts = _outcomes(3, intercept=-0.4, slope=0.8)
    found = fit_calibration(counts, min_outcomes=100)
    x = np.concatenate([counts["log_odds"], counts["log_odds"]])[:, None]
    y = np.repeat([1, 0], len(counts))
    weight = np.concatenate([counts["bought"], counts["pairs"] - counts["bought"]])
    direct = LogisticRegression(C=np.inf, tol=1e-8).fit(x, y, sample_weight=weight)
    assert (found.intercept, found.slope) == pytest.approx(
        (float(direct.intercept_[0]), float(direct.coef_[0, 0])), abs=1e-3
    )
    assert (found.intercept, found.slope) == pytest.approx((-0.4, 0.8), abs=0.1)


def test_few_purchases_correct_nothing() -> None:
    counts = pd.DataFrame({"log_odds": [-1.0, 0.0], "pairs": [50, 60], "bought": [9, 20]})
    assert fit_calibration(counts, min_outcomes=100) == Calibration(
        reason="29 bought and 81 did not, 100 of each are needed"
    )


def test_predictions_are_judged_by_tenths_and_ties_count_half() -> None:
    counts = pd.DataFrame(
        {"log_odds": [1.0, -2.0, 0.0], "pairs": [10, 60, 30], "bought": [8, 6, 12]}
    )
    judged = judge(counts, Calibration())
    score = np.repeat(counts["log_odds"], counts["pairs"])
    true = np.concatenate([[1] * 8 + [0] * 2, [1] * 6 + [0] * 54, [1] * 12 + [0] * 18])
    assert judged.auc == pytest.approx(roc_auc_score(true, score))
    assert (judged.pairs, judged.bought) == (100, 26)
    assert judged.top_lift == pytest.approx(0.8 / 0.26)
    assert judged.deciles["pairs"].tolist() == pytest.approx([10.0] * 10)
    assert judged.deciles["bought_share"].tolist() == pytest.approx([0.1] * 6 + [0.4] * 3 + [0.8])
    assert judged.deciles["predicted"].iloc[0] == pytest.approx(expit(-2.0))
    assert judge(counts.assign(bought=0), Calibration()).auc is None


def test_a_border_within_a_step_divides_it() -> None:
    counts = pd.DataFrame({"log_odds": [-1.0, 1.0], "pairs": [5, 10], "bought": [1, 5]})
    judged = judge(counts, Calibration())
    assert judged.deciles["pairs"].tolist() == pytest.approx([1.5] * 10)
    mixed = judged.deciles["bought_share"].iloc[3]
    assert mixed == pytest.approx((0.5 * 0.2 + 1.0 * 0.5) / 1.5)
