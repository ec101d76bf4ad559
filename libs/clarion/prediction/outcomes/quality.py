"""How good a model is on customers that it has not seen."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from clarion.measures.statistics.intervals import Interval, NotComputable, share

Array = npt.NDArray[np.float64]
BINS = 10
# Beyond, accuracy says nothing: who says "nobody" is right nearly always.
RARE, FREQUENT = 0.02, 0.98


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Customers of one tenth of the predictions.

    Args:
        predicted: mean prediction.
        observed: share with the outcome, or mean amount.
        customers: how many there are.
    """

    predicted: float
    observed: float
    customers: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of predictions of one label.

    Args:
        customers: judged.
        base_rate: share with the outcome; of an amount, its mean.
        loss: Brier score; of an amount, the mean absolute error.
        base_loss: the same of who predicts the base rate (the mean amount) for everybody.
        auc: area under the ROC curve, with its interval of 95 % (DeLong); of an amount, Spearman's
            rank correlation, likewise.
        pr_auc: average precision; None for an amount.
        lift: the outcome's share (mean) in the top decile of the predictions ÷ that of all.
        accuracy: share of right warnings and non-warnings; None where the base rate is beyond
            2 to 98 %, and for an amount.
        precision: share of right warnings; None without warnings.
        recall: share of outcomes that were warned of; None without outcomes.
        calibration: by tenths of the predictions.
    """

    customers: int
    base_rate: float
    loss: float
    base_loss: float
    auc: Interval | None
    pr_auc: float | None
    lift: float | None
    accuracy: Interval | None
    precision: Interval | None
    recall: Interval | None
    calibration: tuple[CalibrationBin, ...]

    @property
    def is_lopsided(self) -> bool:
        """Whether nearly everybody or nobody has the outcome."""
        return not RARE <= self.base_rate <= FREQUENT


def event_quality(outcome: Array, probability: Array, *, threshold: float) -> Quality:
    """The quality of probabilities of an event.

    Args:
        outcome: 0 or 1 of each customer, shape (n,).
        probability: predicted, shape (n,).
        threshold: from which a customer is warned of.
    """
    from sklearn.metrics import average_precision_score  # a second: only a new model pays

    n, rate = len(outcome), float(outcome.mean())
    warned = probability >= threshold
    right = outcome[warned].sum()
    return Quality(
        customers=n,
        base_rate=rate,
        loss=float(np.mean((probability - outcome) ** 2)),
        base_loss=rate * (1 - rate),
        auc=auc_interval(outcome, probability),
        pr_auc=float(average_precision_score(outcome, probability)) if rate > 0 else None,
        lift=_lift(outcome, probability),
        accuracy=_interval((warned == (outcome == 1)).sum(), n)
        if RARE <= rate <= FREQUENT
        else None,
        precision=_interval(right, warned.sum()),
        recall=_interval(right, outcome.sum()),
        calibration=calibration_bins(outcome, probability),
    )


def amount_quality(amount: Array, expected: Array) -> Quality:
    """The quality of expected amounts.

    Args:
        amount: of each customer, shape (n,).
        expected: predicted, shape (n,).
    """
    n, mean = len(amount), float(amount.mean())
    return Quality(
        customers=n,
        base_rate=mean,
        loss=float(np.abs(expected - amount).mean()),
        base_loss=float(np.abs(amount - mean).mean()),
        auc=_rank_correlation(amount, expected),
        pr_auc=None,
        lift=_lift(amount, expected),
        accuracy=None,
        precision=None,
        recall=None,
        calibration=calibration_bins(amount, expected),
    )


def auc_interval(outcome: Array, score: Array, *, level: float = 0.95) -> Interval | None:
    """Area under the ROC curve with DeLong's interval; None where all outcomes are alike.

    Example:
        >>> found = auc_interval(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        >>> round(found.value, 2)
        0.75
    """
    parts = _placements(outcome, score)
    if parts is None:
        return None
    of_positives, of_negatives = parts
    auc = float(of_positives.mean())
    return _around(auc, math.sqrt(_delong_variance(of_positives, of_negatives)), level)


def auc_difference(
    outcome: Array, score: Array, other: Array, *, level: float = 0.95
) -> Interval | None:
    """AUC of a score less that of another one on the same customers, with DeLong's interval."""
    parts, others = _placements(outcome, score), _placements(outcome, other)
    if parts is None or others is None:
        return None
    positives, negatives = parts[0] - others[0], parts[1] - others[1]
    gap = float(positives.mean())
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(_delong_variance(positives, negatives))
    return Interval(gap, gap - half, gap + half)


def loss_difference(losses: Array, others: Array, *, level: float = 0.95) -> Interval:
    """Mean loss less that of another prediction of the same customers, with its interval.

    Args:
        losses: of each customer, shape (n,).
        others: of the other prediction, shape (n,).
        level: coverage of the interval.
    """
    gaps = losses - others
    gap = float(gaps.mean())
    error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0
    half = float(ndtri(0.5 + level / 2)) * error
    return Interval(gap, gap - half, gap + half)


def calibration_bins(outcome: Array, predicted: Array) -> tuple[CalibrationBin, ...]:
    """Predicted and observed means by tenths of the predictions, the lowest first."""
    order = np.argsort(predicted, kind="stable")
    return tuple(
        CalibrationBin(float(predicted[part].mean()), float(outcome[part].mean()), len(part))
        for part in np.array_split(order, BINS)
        if len(part)
    )


def _placements(outcome: Array, score: Array) -> tuple[Array, Array] | None:
    """Share of the other class that each positive is above, and that each negative is below."""
    from scipy.stats import rankdata  # half a second: only a new model pays

    positive = outcome == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    ranks = rankdata(score)
    of_positives = (ranks[positive] - rankdata(score[positive])) / n_negative
    of_negatives = 1.0 - (ranks[~positive] - rankdata(score[~positive])) / n_positive
    return of_positives, of_negatives


def _delong_variance(of_positives: Array, of_negatives: Array) -> float:
    def variance_of_mean(values: Array) -> float:
        return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0

    return variance_of_mean(of_positives) + variance_of_mean(of_negatives)


def _around(value: float, error: float, level: float) -> Interval:
    half = float(ndtri(0.5 + level / 2)) * error
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def _rank_correlation(amount: Array, expected: Array) -> Interval | None:
    from scipy.stats import spearmanr

    if len(amount) < 4 or np.ptp(amount) == 0.0 or np.ptp(expected) == 0.0:
        return None
    value = float(spearmanr(amount, expected).statistic)
    # Fisher's transformation with the variance of Bonett and Wright.
    half = 1.96 * math.sqrt((1 + value**2 / 2) / (len(amount) - 3))
    centre = math.atanh(min(max(value, -0.999999), 0.999999))
    return Interval(value, math.tanh(centre - half), math.tanh(centre + half))


def _lift(outcome: Array, predicted: Array) -> float | None:
    mean = float(outcome.mean())
    if mean <= 0.0:
        return None
    top = np.argsort(-predicted, kind="stable")[: max(1, len(predicted) // BINS)]
    return float(outcome[top].mean()) / mean


def _interval(successes: float, trials: float) -> Interval | None:
    found = share(float(successes), float(trials))
    return None if isinstance(found, NotComputable) else found
