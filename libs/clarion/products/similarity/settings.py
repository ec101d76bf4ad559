"""Settings of the product matrix."""

from typing import Literal

from clarion.config import settings


@settings("product_matrix")
class ProductSettings:
    """Weights of the blocks, limits, neighbours."""

    weights: dict[str, float]
    min_products: int
    vocabulary: int
    quantile_bins: int
    market_days: int
    chinese: Literal["bigrams", "jieba"]
    retrain_days: int
    neighbours: int
    block_rows: int
    duplicate_cosine: float
    exact_up_to: int
    common_feature: int
    candidates: int
    recall_sample: int
    full_refresh_share: float


@settings("product_pairs")
class PairSettings:
    """What goes with what: limits of orders, pairs and likeness."""

    window_days: int
    max_basket: int
    min_together: int
    min_lift: float
    accessory_price: float
    substitute_cosine: float
    partners: int
    min_common: int
    top_k: int
    block_rows: int
