"""Which model acts: leaks stop the run, and a challenger has to be better than what it replaces."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clarion.kernel.errors import ClarionError
from clarion.measures.statistics.intervals import Interval
from clarion.prediction.outcomes.quality import auc_interval, loss_difference
from clarion.prediction.outcomes.settings import Kind

Array = npt.NDArray[np.float64]


class SuspectedLeakError(ClarionError):
    """A model is better than the past alone allows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger acts, and why.

    Args:
        acts: whether it does.
        reason: in words, with the figures.
        difference: its mean loss less that of what it would replace; below zero is better.
    """

    acts: bool
    reason: str
    difference: Interval


def losses(kind: Kind, outcome: Array, predicted: Array) -> Array:
    """The loss of each prediction: squared error of a probability, absolute error of an amount."""
    return (predicted - outcome) ** 2 if kind == "event" else np.abs(predicted - outcome)


def judge_challenger(
    kind: Kind,
    outcome: Array,
    challenger: Array,
    champion: Array | None,
    *,
    base_rate: float,
) -> Verdict:
    """Whether a challenger acts, by customers that none of the models has seen.

    It acts if it is better than the champion; the first one, if it is better than the base rate
    for everybody. What is not better does not act: a change without a gain is a risk.

    Args:
        kind: event or amount.
        outcome: of each customer, shape (n,).
        challenger: its predictions.
        champion: those of the model in force; None without one.
        base_rate: share (mean amount) that was known before, for the first model.
    """
    name = "mean absolute error" if kind == "amount" else "Brier score"
    other = np.full(len(outcome), base_rate) if champion is None else champion
    against = "the base rate for everybody" if champion is None else "the model in force"
    own, others = losses(kind, outcome, challenger), losses(kind, outcome, other)
    gap = loss_difference(own, others)
    acts = gap.value < 0.0
    text = (
        f"{name} {own.mean():.4g}, {against} {others.mean():.4g} "
        f"(difference {gap.value:+.3g}, {gap.low:+.3g} to {gap.high:+.3g})"
    )
    return Verdict(acts, f"{'better' if acts else 'not better'}: {text}", gap)


def refuse_leak(
    label: str, outcome: Array, predicted: Array, inputs: Mapping[str, Array], *, limit: float
) -> None:
    """Stop when a model is too good to be true, and name the input that tells most by itself.

    Args:
        label: name of the label.
        outcome: 0 or 1 of each customer, shape (n,).
        predicted: probabilities, shape (n,).
        inputs: values by input, shape (n,) each.
        limit: largest AUC that the past alone allows.

    Raises:
        SuspectedLeakError: the AUC is above the limit.
    """
    auc = auc_interval(outcome, predicted)
    if auc is None or auc.value <= limit:
        return
    alone = {name: auc_interval(outcome, values) for name, values in inputs.items()}
    strength = {name: abs(found.value - 0.5) for name, found in alone.items() if found}
    suspect = max(strength, key=lambda name: strength[name])
    raise SuspectedLeakError(
        f"the model of {label} is too good to be true",
        found=f"AUC {auc.value:.3f}, above {limit}; '{suspect}' alone has "
        f"{0.5 + strength[suspect]:.3f}",
        fix=f"look whether '{suspect}' has seen the label's window, or take it out of "
        "predict.features",
    )
