"""Quality, calibration and the gate of predictions, by hand and against scikit-learn."""

from datetime import date

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable
from clarion.prediction.outcomes import gate, quality
from clarion.prediction.outcomes.calibration import fit_calibration
from clarion.prediction.outcomes.cuts import Cuts, choose_cuts
from clarion.prediction.outcomes.fitting import best_model
from clarion.prediction.outcomes.gate import SuspectedLeakError
from clarion.prediction.outcomes.models import find_models, models_of
from clarion.prediction.outcomes.reasons import linear_weights
from clarion.prediction.outcomes.settings import Kind

Array = npt.NDArray[np.float64]
RNG = np.random.default_rng(5)
X = RNG.normal(size=2000)
TRUE = 1 / (1 + np.exp(-(1.2 * X - 0.8)))
Y = (RNG.uniform(size=2000) < TRUE).astype(float)


def test_figures_of_an_event_equal_scikit_learn() -> None:
    found = quality.event_quality(Y, TRUE, threshold=0.5)
    assert found.auc is not None
    assert found.auc.value == pytest.approx(roc_auc_score(Y, TRUE), abs=1e-12)
    assert found.pr_auc == pytest.approx(average_precision_score(Y, TRUE), abs=1e-12)
    assert found.loss == pytest.approx(brier_score_loss(Y, TRUE), abs=1e-12)
    assert found.base_loss == pytest.approx(Y.mean() * (1 - Y.mean()), abs=1e-12)
    warned = TRUE >= 0.5
    assert found.accuracy is not None
    assert found.precision is not None
    assert found.recall is not None
    assert found.accuracy.value == pytest.approx((warned == Y).mean())
    assert found.precision.value == pytest.approx(Y[warned].mean())
    assert found.recall.value == pytest.approx(warned[Y == 1].mean())
    assert sum(item.customers for item in found.calibration) == 2000
    top = np.argsort(-TRUE)[:200]
    assert found.lift == pytest.approx(Y[top].mean() / Y.mean())


def test_delongs_interval_holds_the_true_auc_in_95_of_100_samples() -> None:
    draws = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        outcome = np.repeat([0.0, 1.0], 60)
        score = draws.normal(size=120) + outcome  # the true AUC is P(z > -1/sqrt 2) = .7602
        found = quality.auc_interval(outcome, score)
        assert found is not None
        inside += found.low <= 0.7602 <= found.high
    assert 0.91 <= inside / 400 <= 0.98


def test_a_difference_of_two_scores_of_the_same_customers_is_narrower_than_of_others() -> None:
    blurred = TRUE + RNG.normal(scale=0.02, size=2000)
    own, other = quality.auc_interval(Y, TRUE), quality.auc_interval(Y, blurred)
    gap = quality.auc_difference(Y, TRUE, blurred)
    assert own is not None
    assert other is not None
    assert gap is not None
    assert gap.value == pytest.approx(own.value - other.value)
    assert gap.high - gap.low < (own.high - own.low) / 4
    assert quality.auc_difference(Y, TRUE, TRUE) == Interval(0.0, 0.0, 0.0)


def test_shuffled_outcomes_give_no_better_than_chance() -> None:
    shuffled = np.random.default_rng(2).permutation(Y)
    found = quality.auc_interval(shuffled, TRUE)
    assert found is not None
    assert found.value == pytest.approx(0.5, abs=0.03)
    calibrated = fit_calibration("event", shuffled, X).predictions(X)
    assert calibrated == pytest.approx(np.full(2000, Y.mean()), abs=0.06)


def test_a_lopsided_label_has_no_accuracy() -> None:
    rare = np.zeros(1000)
    rare[:10] = 1
    found = quality.event_quality(rare, np.linspace(0.05, 0.0, 1000), threshold=0.5)
    assert found.is_lopsided
    assert found.accuracy is None
    assert found.pr_auc == pytest.approx(1.0)
    assert found.lift == pytest.approx(10.0)
    assert found.precision is None, "nobody was warned of"
    one_class = quality.event_quality(np.zeros(50), np.full(50, 0.1), threshold=0.5)
    assert (one_class.auc, one_class.pr_auc, one_class.lift) == (None, None, None)


def test_figures_of_an_amount() -> None:
    amount = np.array([0.0, 0.0, 10.0, 30.0])
    found = quality.amount_quality(amount, np.array([1.0, 2.0, 8.0, 25.0]))
    assert (found.loss, found.base_loss) == (2.5, 10.0)
    assert found.base_rate == 10.0
    assert found.accuracy is None
    assert found.auc is not None
    assert found.auc.value == pytest.approx(0.9486833)
    assert found.lift == pytest.approx(3.0)


def test_platt_equals_an_unpenalised_regression_and_runs_with_the_outcome_only() -> None:
    found = fit_calibration("event", Y, X)
    by_hand = LogisticRegression(C=1e9, tol=1e-10).fit(X.reshape(-1, 1), Y)
    assert found.slope == pytest.approx(by_hand.coef_[0, 0], abs=1e-2)
    assert found.predictions(X).mean() == pytest.approx(Y.mean(), abs=1e-3)
    reversed_score = fit_calibration("event", Y, -X)
    assert reversed_score.slope == 0.0
    assert reversed_score.predictions(X)[0] == pytest.approx(Y.mean())
    alike = fit_calibration("event", np.ones(10), X[:10])
    assert alike.predictions(X)[0] == pytest.approx(0.95), "ten of ten are not certain"


def test_amounts_are_calibrated_on_a_line_and_never_below_zero() -> None:
    score = np.array([0.0, 1.0, 2.0, 3.0])
    found = fit_calibration("amount", 2 * score - 1, score)
    assert found.slope == pytest.approx(2.0)
    assert found.intercept == pytest.approx(-1.0)
    assert found.predictions(score).tolist() == pytest.approx([0.0, 1.0, 3.0, 5.0])


def test_a_challenger_acts_only_if_it_is_better() -> None:
    better = gate.judge_challenger("event", Y, TRUE, np.full(2000, Y.mean()), base_rate=0.3)
    assert better.acts
    assert "the model in force" in better.reason
    assert better.difference.high < 0
    worse = gate.judge_challenger("event", Y, 1 - TRUE, TRUE, base_rate=0.3)
    assert not worse.acts
    assert worse.reason.startswith("not better")
    same = gate.judge_challenger("event", Y, TRUE, TRUE, base_rate=0.3)
    assert not same.acts, "a change without a gain is a risk"
    first = gate.judge_challenger("event", Y, np.full(2000, 0.9), None, base_rate=Y.mean())
    assert not first.acts
    assert "the base rate for everybody" in first.reason


def test_a_leak_is_named() -> None:
    inputs = {"recency": X, "canary": Y + RNG.normal(scale=0.1, size=2000)}
    with pytest.raises(SuspectedLeakError, match="'canary' alone has 1.000"):
        gate.refuse_leak("churn", Y, Y, inputs, limit=0.95)
    against = {"recency": X, "canary": -inputs["canary"]}
    with pytest.raises(SuspectedLeakError, match="'canary' alone has 1.000"):
        gate.refuse_leak("churn", Y, Y, against, limit=0.95)
    gate.refuse_leak("churn", Y, TRUE, inputs, limit=0.95)


def test_cuts_lie_a_horizon_apart_and_need_their_history() -> None:
    def cuts(first: date | None, most: int = 4) -> Cuts | NotComputable:
        return choose_cuts(
            first, as_of=date(2026, 7, 1), stride_days=30, most=most, min_history_days=90
        )

    found = cuts(date(2026, 1, 1))
    assert isinstance(found, Cuts)
    assert [str(day) for day in found.days] == ["2026-04-02", "2026-05-02", "2026-06-01"]
    assert (found.train, str(found.judge)) == ((date(2026, 4, 2),), "2026-06-01")
    assert found.history_days == 91
    long_ago = cuts(date(2020, 1, 1))
    assert isinstance(long_ago, Cuts)
    assert len(long_ago.days) == 4
    assert len(long_ago.train) == 2
    two = cuts(date(2026, 2, 1))
    assert isinstance(two, Cuts)
    assert (len(two.days), two.train, two.history_days) == (2, two.days[:1], 90)
    assert isinstance(cuts(date(2026, 2, 2)), NotComputable), "89 days are too few"
    refused = cuts(date(2026, 3, 1))
    assert refused == NotComputable(
        "the history of 122 days is too short: a model is fitted 60 days back, and needs 90 days "
        "before that"
    )
    assert cuts(None) == NotComputable("there is no history")


def test_models_are_found_by_their_files_and_a_wrong_name_is_refused() -> None:
    assert next(iter(find_models())) == "bg_nbd", "the simplest first: it rests on purchases alone"
    assert {"tree", "forest", "boosting"} < set(find_models())
    chosen = models_of(("boosting", "logistic"), "event", where="predict.models.event")
    assert [model.name for model in chosen] == ["logistic", "boosting"]
    for names in (("logistic",), ("nothing",), ()):
        with pytest.raises(ConfigError, match=r"predict\.models\.amount names no model"):
            models_of(names, "amount", where="predict.models.amount")


def test_the_linear_part_of_a_curved_score_is_said_to_be_a_part() -> None:
    scaled = RNG.normal(size=(5000, 2))
    weights, explained = linear_weights(scaled, scaled[:, 0] + 0.5 * scaled[:, 1] ** 2)
    assert weights == pytest.approx([1.0, 0.0], abs=0.05)
    assert explained == pytest.approx(1 / 1.5, abs=0.05)
    weights, explained = linear_weights(scaled, np.full(5000, 0.3))
    assert (weights.tolist(), explained) == ([0.0, 0.0], 1.0)


def test_a_larger_model_wins_only_if_it_is_surely_better() -> None:
    draws = np.random.default_rng(8)
    outcome = np.repeat([0.0, 1.0], 400)
    logistic = outcome + draws.normal(scale=2.0, size=800)
    by_chance = logistic + draws.normal(scale=1.5, size=800) + 0.3 * outcome
    better = outcome + draws.normal(scale=0.7, size=800)

    def winner(score: Array, label: Array = outcome, kind: Kind = "event") -> str:
        return best_model(kind, label, {"logistic": logistic, "forest": score})

    own, other = quality.auc_interval(outcome, by_chance), quality.auc_interval(outcome, logistic)
    assert own is not None
    assert other is not None
    assert own.value > other.value, "a higher AUC alone is not enough"
    assert winner(by_chance) == "logistic"
    assert winner(better) == "forest"
    amounts = logistic + draws.normal(size=800)
    assert winner(amounts + 0.1, amounts, "amount") == "forest"
    assert winner(logistic, amounts, "amount") == "logistic"
    lucky = logistic + 0.2 * (amounts - logistic) * draws.choice([-1, 1], size=800, p=[0.46, 0.54])
    gap = quality.loss_difference(np.abs(lucky - amounts), np.abs(logistic - amounts))
    assert gap.value < 0 < gap.high, "lower, and not surely so"
    assert winner(lucky, amounts, "amount") == "logistic"
    broken = np.where(np.arange(800) == 7, np.nan, better)
    assert winner(broken) == "logistic", "a prediction that is not a number"
    assert best_model("event", outcome, {"forest": broken, "logistic": by_chance}) == "logistic"
