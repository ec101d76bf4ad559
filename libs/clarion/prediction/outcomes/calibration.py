"""Calibrated predictions from the scores of a model."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clarion.measures.statistics.platt import platt_line
from clarion.prediction.outcomes.settings import Kind

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A line through scores: of log odds for an event (Platt), of the amount otherwise.

    Args:
        kind: event or amount.
        slope: of the line; never below zero.
        intercept: of the line.
    """

    kind: Kind
    slope: float
    intercept: float

    def predictions(self, score: Array) -> Array:
        """Probabilities, or amounts of zero or more."""
        line: Array = self.intercept + self.slope * score
        if self.kind == "amount":
            return np.maximum(line, 0.0)
        return 1.0 / (1.0 + np.exp(-line))

    def sql(self, score: str) -> str:
        """SQL of `predictions`."""
        line = f"({self.intercept!r}D + {self.slope!r}D * {score})"
        return f"greatest({line}, 0D)" if self.kind == "amount" else f"(1D / (1D + exp(-{line})))"


def fit_calibration(kind: Kind, outcome: Array, score: Array) -> Calibration:
    """The calibration that fits some customers best.

    Args:
        kind: event or amount.
        outcome: 0 or 1, or the amount; of each customer, shape (n,).
        score: of the model, shape (n,).

    A score that does not vary, or that runs against the outcome, becomes the base rate of these
    customers for everybody.
    """
    if np.ptp(score) > 0.0 and np.ptp(outcome) > 0.0:
        if kind == "amount":
            slope, intercept = np.polyfit(score, outcome, 1)
        else:
            intercept, slope = platt_line(score, np.ones_like(score), outcome)
        if slope > 0.0:
            return Calibration(kind, float(slope), float(intercept))
    mean = float(outcome.mean())
    if kind == "amount":
        return Calibration(kind, 0.0, mean)
    rate = min(max(mean, 0.5 / len(outcome)), 1 - 0.5 / len(outcome))
    return Calibration(kind, 0.0, float(np.log(rate / (1 - rate))))
