"""Interests of customers in products and categories."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.customers.profiles.days import day_columns
from clarion.customers.profiles.settings import ProfileSettings
from clarion.measures.columns.days import days_before, is_known_by
from clarion.measures.columns.decay import decay_weight


def product_interests(
    order_lines: DataFrame,
    events: DataFrame,
    products: DataFrame,
    *,
    as_of: date,
    time_zone: str,
    settings: ProfileSettings,
) -> DataFrame:
    """Each customer's time-decayed interest in each product.

    interest = sum of weight x 2^(-age / half-life). A view weighs 1, a cart add or favourite
    `cart_interest`, a purchase `purchase_interest`.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        products: current products.
        as_of: first day that does not count.
        time_zone: the shop's zone.
        settings: weights and half-life.

    Returns:
        One row per customer and product: customer_id, product_id, category, orders, interest,
        recent_interest (of the last `recent_interest_days`).
    """
    key = ("customer_id", "product_id", "day")
    columns = ("customer_id", "product_id", "happened_at", "arrived_at")
    in_window = F.col("day") >= F.date_sub(F.lit(as_of), settings.window_days)

    def facts_in_window(facts: DataFrame) -> DataFrame:
        dated = facts.where("customer_id IS NOT NULL").withColumns(day_columns(time_zone))
        return dated.where(is_known_by(as_of) & in_window)

    # An order is one purchase of a product, however many of its lines have it.
    purchases = (
        facts_in_window(order_lines.where("kind = 'sale'").select(*columns, "order_id"))
        .groupBy("customer_id", "product_id", "order_id")
        .agg(F.max("day").alias("day"))
        .select(
            *key,
            F.lit(settings.purchase_interest).alias("weight"),
            F.lit(1).alias("orders"),
        )
    )
    actions = facts_in_window(
        events.where("product_id IS NOT NULL").select(*columns, "type")
    ).select(*key, _event_weight(settings).alias("weight"), F.lit(0).alias("orders"))
    age = days_before(as_of, "day")
    interest = F.col("weight") * decay_weight(age, half_life=settings.interest_half_life_days)
    is_recent = age <= settings.recent_interest_days
    return (
        purchases.unionByName(actions.where("weight IS NOT NULL"))
        .groupBy("customer_id", "product_id")
        .agg(
            F.sum("orders").cast("bigint").alias("orders"),
            F.sum(interest).alias("interest"),
            F.sum(F.when(is_recent, interest).otherwise(0.0)).alias("recent_interest"),
        )
        .join(products.select("product_id", "category"), "product_id", "left")
        .select("customer_id", "product_id", "category", "orders", "interest", "recent_interest")
    )


def _event_weight(settings: ProfileSettings) -> Column:
    """The interest that an event shows; null for an event that shows none."""
    weights = {
        "view": 1.0,
        "favourite": settings.cart_interest,
        "cart_add": settings.cart_interest,
    }
    return F.coalesce(
        *(F.when(F.col("type") == name, F.lit(weight)) for name, weight in weights.items())
    )


def top_interests(interests: DataFrame, *, as_of: date, keep: int) -> DataFrame:
    """The products of most interest to each customer; ties by product id.

    Args:
        interests: one row per customer and product.
        as_of: first day that does not count.
        keep: products per customer.

    Returns:
        INTERACTIONS.
    """
    # Rounded, so that the order of summation cannot decide a tie.
    by_interest = Window.partitionBy("customer_id").orderBy(
        F.round("interest", 9).desc(), "product_id"
    )
    return (
        interests.withColumn("rank", F.row_number().over(by_interest))
        .where(F.col("rank") <= keep)
        .select(
            F.lit(as_of).alias("as_of"),
            "customer_id",
            "product_id",
            "category",
            "orders",
            F.round("interest", 9).alias("interest"),
            F.round("recent_interest", 9).alias("recent_interest"),
            "rank",
        )
        .where("interest > 0")
    )


def category_interests(interests: DataFrame) -> DataFrame:
    """Each customer's five categories of most interest, as shares of all interest; ties by name.

    Args:
        interests: one row per customer and product.

    Returns:
        customer_id, interests (array of category and share).
    """
    by_category = (
        interests.where("category IS NOT NULL")
        .groupBy("customer_id", "category")
        .agg(F.sum("interest").alias("interest"))
    )
    total = F.sum("interest").over(Window.partitionBy("customer_id"))
    # The share is negated, so that an ascending sort gives the largest first and ties by name.
    pair = F.struct((-F.round(F.col("interest") / total, 6)).alias("minus_share"), "category")
    top_pairs = F.slice(F.sort_array(F.collect_list("pair")), 1, 5)
    top_categories = F.transform(
        top_pairs,
        lambda item: F.struct(
            item["category"].alias("category"), (-item["minus_share"]).alias("share")
        ),
    )
    return (
        by_category.withColumn("pair", pair)
        .groupBy("customer_id")
        .agg(top_categories.alias("interests"))
    )
