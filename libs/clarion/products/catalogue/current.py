"""The product list as it was on a day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import arrived_before


def current_products(products: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """The last known state of each product before a day; a tie in time goes to the later record.

    Args:
        products: PRODUCTS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        One row per product: product_id, title, description, brand, category_path, category (its
        narrowest part), attributes, list_price, cost, language.
    """
    kept = (
        "title",
        "description",
        "brand",
        "category_path",
        "attributes",
        "list_price",
        "cost",
        "language",
    )
    last = F.max_by(F.struct(*kept), F.struct("at", "arrived_at", "_file", "_row"))
    narrowest = F.element_at(F.split("category_path", " > "), -1)
    return (
        products.where(arrived_before(as_of, time_zone))
        .groupBy("product_id")
        .agg(last.alias("state"))
        .select("product_id", "state.*")
        .withColumn("category", F.nullif(narrowest, F.lit("")))
    )
