"""How well neighbours agree with the categories of a catalogue."""

from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


class Purity(NamedTuple):
    """Agreement of neighbours with categories; both are shares in [0, 1].

    Attributes:
        share: share of neighbours that are of the product's own category.
        chance: the same for a product drawn at random.
    """

    share: float
    chance: float


def category_purity(neighbours: DataFrame, vectors: DataFrame) -> Purity | None:
    """How often a neighbour is of the product's own category.

    Args:
        neighbours: PRODUCT_NEIGHBOURS of a day.
        vectors: PRODUCT_VECTORS of the day.

    Returns:
        The shares; None where no neighbour has a category.
    """
    categories = vectors.where("category IS NOT NULL AND size(indices) > 0").select(
        "product_id", "category"
    )
    neighbour_categories = categories.select(
        F.col("product_id").alias("neighbour_id"), F.col("category").alias("neighbour_category")
    )
    is_own = (F.col("category") == F.col("neighbour_category")).cast("double")
    share = (
        neighbours.join(categories, "product_id")
        .join(neighbour_categories, "neighbour_id")
        .agg(F.avg(is_own))
        .first()
    )
    sizes = categories.groupBy("category").agg(F.count("*").alias("n"))
    pairs = F.sum("n") * (F.sum("n") - 1)
    own_pairs = F.sum(F.col("n") * (F.col("n") - 1))
    chance = sizes.agg(F.try_divide(own_pairs, pairs).cast("double")).first()
    if share is None or chance is None or share[0] is None or chance[0] is None:
        return None
    return Purity(float(share[0]), float(chance[0]))
