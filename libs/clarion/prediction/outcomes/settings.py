"""Settings of predictions."""

from dataclasses import dataclass
from typing import Literal

from clarion.config import settings

Kind = Literal["event", "amount"]
KINDS: tuple[Kind, ...] = ("event", "amount")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the models.

    Args:
        value: SQL over the declared features.
        high: English and Chinese words for a customer with much of it.
        low: the same for a customer with little of it.
    """

    value: str
    high: tuple[str, str]
    low: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Label:
    """What is predicted.

    Args:
        outcome: SQL over the declared features and what a customer did within the horizon: the sums
            of gold.customer_days, 0 where nothing was done, and the arrays `brands_bought` and
            `categories_bought`. A condition for an event, a number for an amount.
        en: English name.
        zh: Chinese name.
        kind: event (its probability is predicted) or amount (its mean is).
        population: condition over the declared features: whose outcome is predicted.
        horizon_days: length of the window after the as-of day; None for `predict.horizon_days`.
        threshold: probability from which a customer counts as warned of.
        balanced: whether both outcomes of an event weigh the same in the fit.
        about: feature whose value the prediction is about, such as a brand; None for none.
    """

    outcome: str
    en: str
    zh: str
    kind: Kind = "event"
    population: str = "true"
    horizon_days: int | None = None
    threshold: float = 0.5
    balanced: bool = False
    about: str | None = None


@settings("predict")
class PredictSettings:
    """Labels, inputs, models, cuts and limits."""

    labels: dict[str, Label]
    features: dict[str, str | Input]
    models: dict[Kind, tuple[str, ...]]
    horizon_days: int
    cuts: int
    min_history_days: int
    min_customers: int
    min_outcomes: int
    max_fit_rows: int
    leak_auc: float
    retrain_days: int
    versions: dict[str, str]

    @property
    def values(self) -> dict[str, str]:
        """SQL of each input by name."""
        return {
            name: item.value if isinstance(item, Input) else item
            for name, item in self.features.items()
        }

    @property
    def longest_horizon_days(self) -> int:
        """The longest horizon of any label, which is also the distance between two cuts."""
        return max(self.horizon_of(label) for label in self.labels.values())

    def horizon_of(self, label: Label) -> int:
        """Length of the window after the as-of day, in days."""
        return label.horizon_days or self.horizon_days

    def words(self, name: str, *, is_high: bool) -> tuple[str, str]:
        """English and Chinese words for much or little of an input."""
        item = self.features[name]
        if isinstance(item, Input):
            return item.high if is_high else item.low
        return (f"much {name}", f"{name}高") if is_high else (f"little {name}", f"{name}低")
