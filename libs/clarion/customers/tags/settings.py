"""Settings of tags."""

from clarion.config import settings


@settings("tags")
class TagSettings:
    """Trees with their sample, and the limits of association rules."""

    depth: int
    min_leaf_share: float
    held_out_share: float
    max_fit_rows: int
    min_category_share: float
    min_support: float
    min_confidence: float
    min_lift: float
    max_antecedent: int
    rules_kept: int
    basket_days: int
