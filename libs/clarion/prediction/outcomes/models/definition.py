"""What a model is to the rest: an estimator of Spark ML, and SQL of its score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clarion.kernel.errors import ClarionError
from clarion.prediction.outcomes.settings import Kind

FEATURES, LABEL, WEIGHT, RAW, LINK = "features", "label", "weight", "raw", "link"
# What a customer had bought by the cut: purchases, last, age and mean_value of `value_statistics`.
PURCHASES = "purchases_so_far"
# Of a share p: its log odds; a leaf that holds one outcome only is not certain.
LOG_ODDS = f"ln(least(greatest({RAW}, 0.001), 0.999) / (1 - least(greatest({RAW}, 0.001), 0.999)))"


class NotFittedError(ClarionError):
    """A model cannot be fitted to these customers."""


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of model.

    Args:
        name: as in the settings.
        kinds: what it can predict.
        complexity: place among the models: a higher one acts only where it is surely better.
        estimator: an estimator of Spark ML for a seed and a horizon in days. It takes the columns
            FEATURES, LABEL and WEIGHT, and gives RAW (a share for an event, or an amount); it
            raises NotFittedError where there is nothing that it could learn.
        score: SQL of the score of an event, in log odds. Amounts are scored by RAW.
        reads: further columns that its estimator, and what that fits, take.

    An event is fitted by regression on 0 and 1: the squared error is then its Brier score, and the
    fitted models carry no summary with the session in it (ADR 5).
    """

    name: str
    kinds: tuple[Kind, ...]
    complexity: int
    estimator: Callable[[int, int], Any]
    score: str = LOG_ODDS
    reads: tuple[str, ...] = ()
