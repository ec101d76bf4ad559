"""Settings of the product matrix."""

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

    @property
    def weights(self) -> dict[str, float]:
        return {"text": self.text_weight, "category": self.category_weight, "brand": self.brand_weight, "price": self.price_weight}
