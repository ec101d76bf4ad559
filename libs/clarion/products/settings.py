"""Settings of the product matrix."""

from typing import Literal

from clarion.config import settings


@settings("product_matrix")
class ProductSettings:
    """Weights of the blocks, limits, neighbours."""

    text_weight: float
    category_weight: float
    brand_weight: float
    price_weight: float
    min_products: int
    neighbours: int
    block_rows: int
    duplicate_cosine: float
    chinese: Literal["bigrams", "jieba"]

    @property
    def weights(self) -> dict[str, float]:
        return {"text": self.text_weight, "category": self.category_weight, "brand": self.brand_weight, "price": self.price_weight}


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
    likest: int
    block_rows: int
