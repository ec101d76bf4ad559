"""The product list as it was on a day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import arrived_before

_STATE = (
    "title",
    "description",
    "brand",
    "category_path",
    "attributes",
    "list_price",
    "cost",
    "language",
)


def current_products(products: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """The latest state of each product that had arrived before a day.

    Of states with the same time the one that arrived later counts; then file and record number
    decide.

    Args:
        products: PRODUCTS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        One row per product: product_id, title, description, brand, category_path, attributes,
        list_price, cost, language, category (the narrowest part of category_path).
    """
    latest = F.max_by(F.struct(*_STATE), F.struct("at", "arrived_at", "_file", "_row"))
    narrowest = F.element_at(F.split("category_path", " > "), -1)
    return (
        products.where(arrived_before(as_of, time_zone))
        .groupBy("product_id")
        .agg(latest.alias("state"))
        .select("product_id", "state.*")
        .withColumn("category", F.nullif(narrowest, F.lit("")))
    )
