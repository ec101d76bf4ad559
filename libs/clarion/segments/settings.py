"""Settings of the segmentation."""

from clarion.config import settings


@settings("segment")
class SegmentSettings:
    """Range of k, starts, limits."""

    k_min: int
    k_max: int
    k: int | None
    seeds: int
    spark_starts: int
    min_share: float
    min_stability: float
    silhouette_slack: float
    fit_at_most: int
    max_iter: int
    retrain_days: int
