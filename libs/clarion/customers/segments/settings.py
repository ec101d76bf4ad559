"""Settings of the groups."""

from dataclasses import dataclass
from typing import Literal

from clarion.config import settings

Algorithm = Literal["kmeans", "bisecting", "mixture"]
Scaling = Literal["standard", "robust", "zero_to_one", "minus_one_to_one"]


@dataclass(frozen=True, slots=True)
class ComparedFeature:
    """One input by which customers are compared.

    Args:
        value: SQL over the declared features.
        high: English and Chinese word for a group with much of it.
        low: the same for a group with little of it.
    """

    value: str
    high: tuple[str, str]
    low: tuple[str, str]


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
