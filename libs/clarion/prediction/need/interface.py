"""What every model of next needs offers, and what it learns from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clarion.prediction.need.histories import Floats, Ints, Past, Trials
from clarion.prediction.need.inputs import ShopRates

PREDICTED = 3


class NeedModel(Protocol):
    """Predicts with which category the next purchase begins."""

    @property
    def name(self) -> str:
        """How tables and settings call it."""

    def probabilities(self, past: Past) -> Floats:
        """The chance of each category, given that the customer buys; rows sum to 1.

        Args:
            past: what is known of the customers.

        Returns:
            Shape (customers, categories).
        """


@dataclass(frozen=True, slots=True)
class Training:
    """What models learn from.

    Args:
        rates: what the shop's customers do on average, before the choosing cuts.
        trials: of each training cut.
        seed: of random choices.
    """

    rates: ShopRates
    trials: Sequence[Trials]
    seed: int

    @property
    def size(self) -> int:
        """Number of trials."""
        return sum(len(trials) for trials in self.trials)


def top_categories(probabilities: Floats) -> Ints:
    """The most likely categories of each row; ties by the order of the categories.

    Args:
        probabilities: shape (customers, categories).

    Returns:
        Shape (customers, PREDICTED).
    """
    return np.argsort(-np.round(probabilities, 12), axis=1, kind="stable")[:, :PREDICTED]
