"""The value model: expected purchases times the expected value of one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.value.purchases import (
    Array,
    PurchaseCounts,
    PurchaseModel,
    fit_purchase_model,
)
from clarion.prediction.value.spend import SpendModel, fit_spend_model

STATISTICS = ("purchases", "last", "age", "weight", "mean_value")


@dataclass(frozen=True, slots=True)
class ValueModel:
    """Both models, and how many customers they rest on.

    Args:
        purchases: how often customers buy, and whether they leave.
        spend: what a purchase is worth.
        customers: customers that the purchase model was fitted on.
        repeaters: those who bought on a second day.
        without_value: repeaters whose mean value is not above 0: the spend model leaves them out.
    """

    purchases: PurchaseModel
    spend: SpendModel
    customers: int
    repeaters: int
    without_value: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the model falls back to, and why; empty where it does not."""
        return tuple(
            f"{fallback}: {reason}"
            for fallback, reason in (
                ("nobody is expected to leave", self.purchases.no_dropout_because),
                ("a customer's own mean value counts", self.spend.own_mean_because),
            )
            if reason
        )

    def expected_purchases(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, *, horizon: ArrayLike
    ) -> Array:
        """Purchase days to expect within `horizon` days, shape (n,)."""
        return self.purchases.expected_purchases(frequency, recency, age, horizon=horizon)

    def expected_value(self, frequency: ArrayLike, mean_value: ArrayLike) -> Array:
        """What a purchase day is expected to be worth, shape (n,)."""
        return self.spend.expected_value(frequency, mean_value)

    def expected_revenue(
        self,
        frequency: ArrayLike,
        recency: ArrayLike,
        age: ArrayLike,
        mean_value: ArrayLike,
        horizon: ArrayLike,
    ) -> Array:
        """Revenue to expect of each customer: expected purchases times their expected value.

        Args:
            frequency: purchase days after the first, shape (n,).
            recency: days from the first to the last of them, shape (n,).
            age: days from the first purchase to the cut, shape (n,).
            mean_value: mean value of the purchase days after the first, shape (n,).
            horizon: days after the cut, one for all or shape (n,).

        Returns:
            Revenue within the horizon, in the currency of `mean_value`, shape (n,).
        """
        purchases = self.expected_purchases(frequency, recency, age, horizon=horizon)
        return np.asarray(purchases * self.expected_value(frequency, mean_value))


def fit_value_model(
    statistics: pd.DataFrame, *, min_repeaters: int = 50
) -> ValueModel | NotComputable:
    """Fit BG/NBD and Gamma–Gamma on grouped customers.

    A row may give times, a mean value, or both: the purchase model takes the rows with an age, the
    spend model those with a mean value. So customers can be grouped twice
    (`columns.grouped_statistics`), and the number of rows does not grow with the customers.

    Args:
        statistics: purchases (days after the first), last (days from the first to the last),
            age (days from the first to the cut), weight (customers), mean_value (of the purchase
            days after the first).
        min_repeaters: fewer customers with a second purchase day teach nothing.

    Returns:
        The model, or why there is none. What it falls back to is in its `notes`.
    """
    missing = [name for name in STATISTICS if name not in statistics]
    if missing:
        return NotComputable(f"the statistics have no column {', '.join(missing)}")
    rows = statistics.loc[:, list(STATISTICS)].astype("float64")
    rows = rows[rows["weight"] > 0]
    with_times = rows[rows["age"].notna()]
    reason = _why_not(with_times, min_repeaters=min_repeaters)
    if reason:
        return NotComputable(reason)
    sums = with_times.groupby(["purchases", "last", "age"], as_index=False)["weight"].sum()
    columns = (sums[name].to_numpy("float64") for name in ("purchases", "last", "age", "weight"))
    purchases = fit_purchase_model(PurchaseCounts(*columns))
    if isinstance(purchases, NotComputable):
        return purchases
    bought_again = rows[(rows["purchases"] > 0) & rows["mean_value"].notna()]
    valued = bought_again[bought_again["mean_value"] > 0]
    if valued.empty:
        return NotComputable("no repeat purchase has a value above 0")
    spend = fit_spend_model(
        *(valued[name].to_numpy("float64") for name in ("purchases", "mean_value", "weight"))
    )
    repeaters = with_times.loc[with_times["purchases"] > 0, "weight"].sum()
    return ValueModel(
        purchases,
        spend,
        customers=int(with_times["weight"].sum()),
        repeaters=int(repeaters),
        without_value=int(bought_again["weight"].sum() - valued["weight"].sum()),
    )


def _why_not(rows: pd.DataFrame, *, min_repeaters: int) -> str | None:
    """Why no purchase model can be fitted; none where one can."""
    if rows.empty:
        return "there is no customer with a purchase"
    if rows[["purchases", "last"]].isna().any(axis=None):
        return "a customer has an age but no number or time of purchases"
    late = rows.loc[(rows["last"] > rows["age"]) | (rows["age"] < 0), "weight"].sum()
    if late:
        return f"{late:.0f} customers have a purchase after the cut"
    repeats = rows[rows["purchases"] > 0]
    if repeats.empty:
        return "no customer bought on a second day"
    same_day = repeats.loc[repeats["last"] <= 0, "weight"].sum()
    if same_day:
        return f"{same_day:.0f} customers bought again on the day of their first purchase only"
    repeaters = repeats["weight"].sum()
    if repeaters < min_repeaters:
        return f"{repeaters:.0f} customers bought on a second day, {min_repeaters} are needed"
    return None
