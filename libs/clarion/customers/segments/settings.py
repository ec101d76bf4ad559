"""Settings of the groups."""

from dataclasses import dataclass
from typing import Literal

from clarion.config import settings
from clarion.customers.segments.gate import Limits
from clarion.kernel import sql

Algorithm = Literal["kmeans", "bisecting", "mixture"]
Scaling = Literal["standard", "robust", "zero_to_one", "minus_one_to_one"]


@dataclass(frozen=True, slots=True)
class ComparedFeature:
    """One input by which customers are compared.

    Args:
        value: SQL over the declared features.
        high: English and Chinese word for a group with much of it.
        low: the same for a group with little of it.
        rests_on: declared features without which it says nothing, of the shop where they do not
            vary, of a customer where they are unknown: the value before it is smoothed, and what
            the words speak of. Empty for all features that the value names.
    """

    value: str
    high: tuple[str, str]
    low: tuple[str, str]
    rests_on: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """SQL of the value; null for a customer of whom a feature that it rests on is unknown."""
        if not self.rests_on:
            return self.value
        unknown = " OR ".join(f"{sql.name(name)} IS NULL" for name in self.rests_on)
        return f"IF({unknown}, NULL, {self.value})"


@settings("segment")
class SegmentSettings:
    """What is compared and how, range of k, starts, limits, and when a model is replaced."""

    features: dict[str, ComparedFeature]
    algorithm: Algorithm
    scaling: Scaling
    pca_variance: float | None
    k_min: int
    k_max: int
    k: int | None
    seeds: int
    further_starts: int
    spark_starts: int
    min_share: float
    min_stability: float
    silhouette_slack: float
    max_fit_rows: int
    max_iter: int
    retrain_days: int
    retry_days: int
    drift_limit: float
    match_within: float

    @property
    def fewest_groups(self) -> int:
        """The smallest number of groups that is asked for."""
        return self.k or self.k_min

    @property
    def limits(self) -> Limits:
        """What a challenger has to reach."""
        return Limits(
            min_stability=self.min_stability,
            min_share=self.min_share,
            silhouette_slack=self.silhouette_slack,
        )
