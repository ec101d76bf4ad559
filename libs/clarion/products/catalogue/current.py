"""The product list as it was on a day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import arrived_before
from clarion.products.catalogue.stock import stock_and_prices

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


def current_products(
    products: DataFrame, *, as_of: date, time_zone: str, stock: DataFrame | None = None
) -> DataFrame:
    """The latest state of each product that had arrived before a day.

    Of states with the same time the one that arrived later counts; then file and record number
    decide. A price of the warehouse that is not older than the state is the list price.

    Args:
        products: PRODUCTS.
        as_of: first day that does not count.
        time_zone: the shop's zone.
        stock: STOCK, where the shop states prices there, too.

    Returns:
        One row per product: product_id, title, description, brand, category_path, attributes,
        list_price, cost, language, category (the narrowest part of category_path).
    """
    latest = F.max_by(F.struct("at", *_STATE), F.struct("at", "arrived_at", "_file", "_row"))
    narrowest = F.element_at(F.split("category_path", " > "), -1)
    states = (
        products.where(arrived_before(as_of, time_zone))
        .groupBy("product_id")
        .agg(latest.alias("state"))
        .select("product_id", "state.*")
        .withColumn("category", F.nullif(narrowest, F.lit("")))
    )
    if stock is None:
        return states.drop("at")
    # Only rows that state a price: a count of units does not say how old the price is.
    priced = stock.where("store_ref IS NULL AND price IS NOT NULL")
    prices = stock_and_prices(priced, as_of=as_of, time_zone=time_zone).select(
        "product_id", F.col("at").alias("priced_at"), "price"
    )
    newest_price = F.when(F.col("priced_at") >= F.col("at"), F.col("price"))
    return (
        states.join(prices, "product_id", "left")
        .withColumn("list_price", F.coalesce(newest_price, "list_price"))
        .drop("at", "priced_at", "price")
    )
