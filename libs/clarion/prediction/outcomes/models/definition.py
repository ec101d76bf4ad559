"""What a model is to the rest: an estimator of Spark ML, and SQL of its score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clarion.prediction.outcomes.settings import Kind

FEATURES, LABEL, WEIGHT, RAW, LINK = "features", "label", "weight", "raw", "link"
# Of a share p: its log odds; a leaf that holds one outcome only is not certain.
LOG_ODDS = f"ln(least(greatest({RAW}, 0.001), 0.999) / (1 - least(greatest({RAW}, 0.001), 0.999)))"


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of model.

    Args:
        name: as in the settings.
        kinds: what it can predict.
        complexity: place among the models: a higher one acts only where it is surely better.
        estimator: an estimator of Spark ML for a seed. It takes the columns
            FEATURES, LABEL and WEIGHT, and gives RAW (a share for an event, or an amount).
        score: SQL of the score of an event, in log odds. Amounts are scored by RAW.

    An event is fitted by regression on 0 and 1: the squared error is then its Brier score, and the
    fitted models carry no summary with the session in it (ADR 5).
    """

    name: str
    kinds: tuple[Kind, ...]
    complexity: int
    estimator: Callable[[int], Any]
    score: str = LOG_ODDS
