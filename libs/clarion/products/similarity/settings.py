"""Settings of the product matrix and of product pairs."""

from typing import Literal

from clarion.config import settings


@settings("product_matrix")
class ProductSettings:
    """Weights of the blocks, limits, and how neighbours are computed."""

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
    """Limits of orders, pairs and similarities."""

    window_days: int
    max_basket: int
    min_pair_count: int
    min_lift: float
    accessory_price: float
    substitute_cosine: float
    partners: int
    min_common: int
    top_k: int
    block_rows: int
