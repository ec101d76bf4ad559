"""Tags of customers, and what they rest on."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.kernel import sql

_TAGS = "array<struct<tag:string,since:date>>"


def assign_tags(described: DataFrame, conditions: Mapping[str, str]) -> DataFrame:
    """Who bears which tag.

    Args:
        described: customer_id and a column for each declared feature.
        conditions: SQL over those, by tag; unknown is not true.

    Returns:
        customer_id, tags (names, in order); one row per customer, also of those who bear none.
    """
    marks = ", ".join(
        f"IF({when}, {sql.text(name)}, NULL)" for name, when in sorted(conditions.items())
    )
    return described.selectExpr(
        "customer_id", f"array_compact(CAST(array({marks}) AS array<string>)) AS tags"
    )


def add_since(tags: DataFrame, before: DataFrame) -> DataFrame:
    """Each tag with the day from which the customer has borne it without a break.

    Args:
        tags: as_of, customer_id, tags (names).
        before: customer_id, tags (CUSTOMER_TAGS) of the day tagged before; empty for none.

    Returns:
        CUSTOMER_TAGS.
    """
    earlier = before.select("customer_id", F.map_from_entries("tags").alias("since"))
    since = F.transform(
        "tags",
        lambda tag: F.struct(
            tag.alias("tag"),
            F.coalesce(F.try_element_at("since", tag), F.col("as_of")).alias("since"),
        ),
    )
    joined = tags.join(earlier, "customer_id", "left")
    return joined.select(
        "as_of",
        "customer_id",
        F.coalesce(since, F.expr(f"CAST(array() AS {_TAGS})")).cast(_TAGS).alias("tags"),
    )


def count_tags(tags: DataFrame) -> DataFrame:
    """How many bear each tag: tag, customers, share."""
    everyone = tags.agg(F.count("*").alias("everyone"))
    each = (
        tags.select(F.explode("tags").alias("tag"))
        .groupBy("tag")
        .agg(F.count("*").alias("customers"))
    )
    return each.crossJoin(F.broadcast(everyone)).select(
        "tag", "customers", (F.col("customers") / F.col("everyone")).alias("share")
    )


def baskets(order_lines: DataFrame, products: DataFrame) -> DataFrame:
    """What was bought together: items (categories of one order, each once), for orders of two categories or more.

    Args:
        order_lines: ORDER_LINES of the days that count.
        products: current products.
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


def customer_items(described: DataFrame, tags: DataFrame) -> DataFrame:
    """What a customer is: items (declared tags, stage of the life cycle, favourite category), for association rules.

    Args:
        described: customer_id and the declared features.
        tags: customer_id, tags (names).
    """
    stage = F.concat(F.lit("life cycle: "), "life_cycle")
    likes = F.concat(F.lit("likes: "), "favourite_category")
    items = F.array_distinct(F.array_compact(F.concat("tags", F.array(stage, likes))))
    return tags.join(
        described.select("customer_id", "life_cycle", "favourite_category"), "customer_id"
    ).select(items.alias("items"))
