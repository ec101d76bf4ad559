"""Which products are shown with an offer, and why."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import Offer
from clarion.measures.columns.days import start_of

PRODUCT_SOURCES = ("interests", "neighbours", "open_cart", "alerted")
SHOWN_PRODUCTS = "array<struct<product_id:string,reason:string>>"


def products_to_show(offer: Offer) -> Column:
    """The products of an offer: those it asks for; instead of missing neighbours, interests.

    A shop without product texts has no neighbours.
    """
    if offer.products == "none":
        return F.array().cast(SHOWN_PRODUCTS)
    if offer.products == "neighbours":
        has_neighbours = F.size("shown_neighbours") > 0
        return F.when(has_neighbours, F.col("shown_neighbours")).otherwise(F.col("shown_interests"))
    return F.col(f"shown_{offer.products}")


def products_of_interest(interactions: DataFrame, *, limit: int) -> DataFrame:
    """The products of most interest to each customer.

    Args:
        interactions: INTERACTIONS of the day.
        limit: most products per customer.

    Returns:
        customer_id, interests (array of product_id and reason).
    """
    reason = F.when(F.col("orders") > 0, "bought before").otherwise("looked at lately")
    scores = interactions.select(
        "customer_id", "product_id", F.col("interest").alias("score"), reason.alias("reason")
    )
    return _top_products(scores, limit=limit, name="interests")


def similar_products(interactions: DataFrame, neighbours: DataFrame, *, limit: int) -> DataFrame:
    """Products that resemble those of interest and that the customer has not bought.

    score = sum of interest x cosine

    Args:
        interactions: INTERACTIONS of the day.
        neighbours: PRODUCT_NEIGHBOURS of the day.
        limit: most products per customer.

    Returns:
        customer_id, neighbours (array of product_id and reason).
    """
    interests = interactions.select("customer_id", "product_id", "interest", "orders")
    purchases = interests.where("orders > 0").select("customer_id", "product_id")
    contribution = F.col("interest") * F.col("cosine")
    strongest = F.struct(F.round(contribution, 9), "product_id")
    scores = (
        interests.join(neighbours.select("product_id", "neighbour_id", "cosine"), "product_id")
        .groupBy("customer_id", "neighbour_id")
        .agg(
            F.sum(contribution).alias("score"),
            F.max_by("product_id", strongest).alias("because"),
        )
        .withColumnRenamed("neighbour_id", "product_id")
        .join(purchases, ["customer_id", "product_id"], "left_anti")
        .withColumn("reason", F.format_string("like %s", "because"))
        .select("customer_id", "product_id", "score", "reason")
    )
    return _top_products(scores, limit=limit, name="neighbours")


def products_with_price_cut(
    interactions: DataFrame,
    alerts: DataFrame,
    *,
    as_of: date,
    days: int,
    time_zone: str,
    limit: int,
) -> DataFrame:
    """Products of interest whose price a competitor has cut lately.

    Args:
        interactions: INTERACTIONS of the day.
        alerts: MARKET_ALERTS.
        as_of: first day that does not count.
        days: how long an alert matters.
        time_zone: the shop's zone.
        limit: most products per customer.

    Returns:
        customer_id, alerted (array of product_id and reason).
    """
    since = start_of(as_of - timedelta(days=days), time_zone)
    until = start_of(as_of, time_zone)
    is_recent = (F.col("observed_at") >= since) & (F.col("observed_at") < until)
    price_cuts = (
        alerts.where(is_recent & (F.col("kind") == "price_cut") & F.col("product_id").isNotNull())
        .groupBy("product_id")
        .agg(F.min_by("competitor", F.struct("change", "competitor")).alias("competitor"))
    )
    scores = interactions.join(price_cuts, "product_id").select(
        "customer_id",
        "product_id",
        F.col("interest").alias("score"),
        F.format_string("%s cut its price", "competitor").alias("reason"),
    )
    return _top_products(scores, limit=limit, name="alerted")


def products_in_cart(state: DataFrame) -> DataFrame:
    """The products that customers have left in their carts.

    Args:
        state: CUSTOMER_STATE as of the day, one row per customer.

    Returns:
        customer_id, open_cart (array of product_id and reason).
    """
    products: Column = F.transform(
        F.array_sort("open_cart"),
        lambda product: F.struct(product.alias("product_id"), F.lit("in the cart").alias("reason")),
    )
    return state.where("size(open_cart) > 0").select(
        "customer_id", products.cast(SHOWN_PRODUCTS).alias("open_cart")
    )


def _top_products(scores: DataFrame, *, limit: int, name: str) -> DataFrame:
    """Per customer the products with the highest scores, best first; ties by product."""
    order = Window.partitionBy("customer_id").orderBy(F.round("score", 9).desc(), "product_id")
    best = scores.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= limit)
    ranked = F.sort_array(F.collect_list(F.struct("rank", "product_id", "reason")))
    products = F.transform(
        ranked,
        lambda item: F.struct(
            item["product_id"].alias("product_id"), item["reason"].alias("reason")
        ),
    )
    return best.groupBy("customer_id").agg(products.alias(name))
