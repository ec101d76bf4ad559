"""Portraits of groups."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

MONEY = "decimal(18,4)"


def portraits(profiles: DataFrame, members: DataFrame, *, as_of: date) -> DataFrame:
    """What each group looks like.

    Args:
        profiles: CUSTOMER_PROFILES of the day.
        members: SEGMENT_MEMBERS of the day.
        as_of: the day.

    Returns:
        One row per group: the columns of SEGMENTS that follow from its members.
    """
    joined = members.select("customer_id", "segment_id").join(profiles, "customer_id")
    sums = joined.groupBy("segment_id").agg(
        F.count("*").alias("customers"),
        F.sum("monetary").cast(MONEY).alias("revenue"),
        F.percentile("recency_days", 0.5).alias("recency_days"),
        F.avg("orders").alias("orders"),
        F.avg("monetary").cast(MONEY).alias("monetary"),
        F.avg("average_order").cast(MONEY).alias("average_order"),
        F.avg("views").alias("views"),
        F.round(F.avg("discount_share"), 9).alias(
            "discount_share"
        ),  # the order of summation may decide the last digit
    )
    everyone = joined.agg(
        F.count("*").alias("all_customers"), F.sum("monetary").alias("all_revenue")
    )
    return (
        sums.join(_life_cycles(joined), "segment_id")
        .join(_interests(joined), "segment_id", "left")
        .crossJoin(F.broadcast(everyone))
        .select(
            F.lit(as_of).alias("as_of"),
            "segment_id",
            "customers",
            (F.col("customers") / F.col("all_customers")).alias("customer_share"),
            "revenue",
            F.coalesce(
                F.try_divide(F.col("revenue").cast("double"), F.col("all_revenue").cast("double")),
                F.lit(0.0),
            ).alias("revenue_share"),
            "recency_days",
            "orders",
            "monetary",
            "average_order",
            "views",
            "discount_share",
            "life_cycles",
            F.coalesce(
                "interests", F.array().cast("array<struct<category:string,share:double>>")
            ).alias("interests"),
        )
    )


def basics(described: DataFrame, members: DataFrame) -> DataFrame:
    """Of every feature in words the commonest value in each group; ties by value.

    Args:
        described: CUSTOMER_FEATURES of the day.
        members: SEGMENT_MEMBERS of the day.

    Returns:
        segment_id, basics (array of feature, value and its share of the members who have one).
    """
    each = members.select("customer_id", "segment_id").join(
        described.select("customer_id", F.explode("labels").alias("feature", "value")),
        "customer_id",
    )
    counted = each.groupBy("segment_id", "feature", "value").agg(F.count("*").alias("n"))
    commonest = counted.groupBy("segment_id", "feature").agg(
        F.sum("n").alias("all"),
        F.min(F.struct((-F.col("n")).alias("minus"), "value")).alias("first"),
    )
    item = F.struct("feature", "first.value", (-F.col("first.minus") / F.col("all")).alias("share"))
    return commonest.groupBy("segment_id").agg(F.array_sort(F.collect_list(item)).alias("basics"))


def history(members: DataFrame) -> DataFrame:
    """Membership as a slowly changing dimension: one row per stay of a customer in a group.

    Args:
        members: SEGMENT_MEMBERS of any days.

    Returns:
        customer_id, segment_id, valid_from (first as-of day of the stay), valid_to (as-of day on which another group is
        entered; null while the stay lasts).
    """
    by_day = Window.partitionBy("customer_id").orderBy("as_of")
    entered = members.withColumn("before", F.lag("segment_id").over(by_day)).where(
        "before IS NULL OR before <> segment_id"
    )
    return entered.select(
        "customer_id",
        "segment_id",
        F.col("as_of").alias("valid_from"),
        F.lead("as_of").over(by_day).alias("valid_to"),
    )


def _life_cycles(joined: DataFrame) -> DataFrame:
    stages = joined.groupBy("segment_id", "life_cycle").count()
    share = F.round(F.col("count") / F.sum("count").over(Window.partitionBy("segment_id")), 6)
    pair = F.struct(F.col("life_cycle"), share.alias("share"))
    return (
        stages.withColumn("pair", pair)
        .groupBy("segment_id")
        .agg(F.map_from_entries(F.sort_array(F.collect_list("pair"))).alias("life_cycles"))
    )


def _interests(joined: DataFrame) -> DataFrame:
    """Categories by the mean share of their members' interest; five at most, ties by name."""
    each = joined.select("segment_id", F.inline("interests"))
    sizes = joined.groupBy("segment_id").agg(F.count("*").alias("members"))
    shares = (
        each.groupBy("segment_id", "category")
        .agg(F.sum("share").alias("total"))
        .join(sizes, "segment_id")
        .select(
            "segment_id",
            F.struct(
                (-F.round(F.col("total") / F.col("members"), 6)).alias("minus"), "category"
            ).alias("pair"),
        )
    )
    top = F.slice(F.sort_array(F.collect_list("pair")), 1, 5)
    turned = F.transform(
        top,
        lambda item: F.struct(item["category"].alias("category"), (-item["minus"]).alias("share")),
    )
    return shares.groupBy("segment_id").agg(turned.alias("interests"))
