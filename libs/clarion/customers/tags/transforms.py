"""Assign tags to customers, and prepare the item sets of association rules."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.kernel import sql
from clarion.kernel.safe_sql import null_on_error

_TAGS = "array<struct<tag:string,since:date>>"
_DIGITS = 9  # a sum differs beyond them when Spark adds in another order
_NOTHING = 1e-6


def assign_tags(features: DataFrame, conditions: Mapping[str, str]) -> DataFrame:
    """The tags of every customer.

    Args:
        features: customer_id and one column per declared feature.
        conditions: SQL over those, by tag; unknown is not true.

    Returns:
        One row per customer: customer_id, tags (names, sorted; empty for none).
    """
    names = ", ".join(
        f"IF({null_on_error(when)}, {sql.text(name)}, NULL)"
        for name, when in sorted(conditions.items())
    )
    return features.selectExpr(
        "customer_id", f"array_compact(CAST(array({names}) AS array<string>)) AS tags"
    )


def add_since(tags: DataFrame, earlier_tags: DataFrame) -> DataFrame:
    """Each tag with the day since which the customer has had it without a break.

    Args:
        tags: as_of, customer_id, tags (names).
        earlier_tags: customer_id, tags (as in CUSTOMER_TAGS) of the previous day; empty for none.

    Returns:
        CUSTOMER_TAGS.
    """
    earlier_days = earlier_tags.select("customer_id", F.map_from_entries("tags").alias("since"))
    dated_tags = F.transform(
        "tags",
        lambda tag: F.struct(
            tag.alias("tag"),
            F.coalesce(F.try_element_at("since", tag), F.col("as_of")).alias("since"),
        ),
    )
    no_tags = F.expr(f"CAST(array() AS {_TAGS})")
    return tags.join(earlier_days, "customer_id", "left").select(
        "as_of", "customer_id", F.coalesce(dated_tags, no_tags).cast(_TAGS).alias("tags")
    )


def count_tags(tags: DataFrame) -> DataFrame:
    """How many customers have each tag.

    Args:
        tags: customer_id, tags (names).

    Returns:
        One row per tag of anybody: tag, customers, share.
    """
    everyone = tags.agg(F.count("*").alias("everyone"))
    counts = (
        tags.select(F.explode("tags").alias("tag"))
        .groupBy("tag")
        .agg(F.count("*").alias("customers"))
    )
    return counts.crossJoin(F.broadcast(everyone)).select(
        "tag", "customers", (F.col("customers") / F.col("everyone")).alias("share")
    )


def category_shares(interactions: DataFrame) -> DataFrame:
    """The interest of customers by category: of the last days, and from before.

    The two rest on different days, so that one can explain the other.

    Args:
        interactions: INTERACTIONS of the day.

    Returns:
        One row per customer with a product of a known category: customer_id, recent_interest and
        earlier_interest (sums), recent and earlier (share of each category in them; a share is
        missing where it is zero).
    """
    earlier = F.col("interest") - F.col("recent_interest")
    by_category = (
        interactions.where("category IS NOT NULL")
        .groupBy("customer_id", "category")
        .agg(
            F.sum("recent_interest").alias("recent_interest"),
            # Both are rounded: what is left of nothing is less than this.
            F.sum(F.when(earlier > _NOTHING, earlier).otherwise(0.0)).alias("earlier_interest"),
        )
    )

    def share_of(name: str) -> Column:
        total = F.sum(name).over(Window.partitionBy("customer_id"))
        return F.when(F.col(name) > 0, F.round(F.col(name) / total, _DIGITS))

    def as_map(name: str) -> Column:
        pairs = F.collect_list(F.when(F.col(name).isNotNull(), F.struct("category", name)))
        return F.map_from_entries(pairs).alias(name)

    shares = by_category.withColumns(
        {"recent": share_of("recent_interest"), "earlier": share_of("earlier_interest")}
    )
    return shares.groupBy("customer_id").agg(
        F.round(F.sum("recent_interest"), _DIGITS).alias("recent_interest"),
        F.round(F.sum("earlier_interest"), _DIGITS).alias("earlier_interest"),
        as_map("recent"),
        as_map("earlier"),
    )


def baskets(order_lines: DataFrame, products: DataFrame) -> DataFrame:
    """The categories of each order, as item sets.

    Args:
        order_lines: ORDER_LINES of the days that count.
        products: current products.

    Returns:
        One row per order with a known category: items (categories, each once).
    """
    bought = (
        order_lines.where("kind = 'sale'")
        .join(products.select("product_id", "category"), "product_id")
        .where("category IS NOT NULL")
    )
    return (
        bought.groupBy("order_id")
        .agg(F.sort_array(F.collect_set("category")).alias("items"))
        .select("items")
    )


def customer_items(features: DataFrame, tags: DataFrame) -> DataFrame:
    """The tags, the stage of the life cycle and the favourite category of each customer, as items.

    Args:
        features: customer_id and the declared features.
        tags: customer_id, tags (names).

    Returns:
        One row per customer: items.
    """
    stage = F.concat(F.lit("life cycle: "), "life_cycle")
    favourite = F.concat(F.lit("likes: "), "favourite_category")
    items = F.array_distinct(F.array_compact(F.concat("tags", F.array(stage, favourite))))
    return tags.join(
        features.select("customer_id", "life_cycle", "favourite_category"), "customer_id"
    ).select(items.alias("items"))
