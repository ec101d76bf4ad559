"""Portraits of groups, and the membership of customers over time."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.sources import MONEY

_INTERESTS = "array<struct<category:string,share:double>>"


def portraits(profiles: DataFrame, members: DataFrame, *, as_of: date) -> DataFrame:
    """What each group looks like.

    Args:
        profiles: CUSTOMER_PROFILES of the day.
        members: SEGMENT_MEMBERS of the day.
        as_of: the day.

    Returns:
        One row per group: the columns of SEGMENTS that follow from its members.
    """
    member_profiles = members.select("customer_id", "segment_id").join(profiles, "customer_id")
    sums = member_profiles.groupBy("segment_id").agg(
        F.count("*").alias("customers"),
        F.sum("monetary").cast(MONEY).alias("revenue"),
        F.percentile("recency_days", 0.5).alias("recency_days"),
        F.avg("orders").alias("orders"),
        F.avg("monetary").cast(MONEY).alias("monetary"),
        F.avg("average_order").cast(MONEY).alias("average_order"),
        F.avg("views").alias("views"),
        # Rounded: the order of summation may decide the last digit.
        F.round(F.avg("discount_share"), 9).alias("discount_share"),
    )
    totals = member_profiles.agg(
        F.count("*").alias("all_customers"), F.sum("monetary").alias("all_revenue")
    )
    return (
        sums.join(_life_cycles(member_profiles), "segment_id")
        .join(_interests(member_profiles), "segment_id", "left")
        .crossJoin(F.broadcast(totals))
        .select(
            F.lit(as_of).alias("as_of"),
            "segment_id",
            "customers",
            (F.col("customers") / F.col("all_customers")).alias("customer_share"),
            "revenue",
            _revenue_share().alias("revenue_share"),
            "recency_days",
            "orders",
            "monetary",
            "average_order",
            "views",
            "discount_share",
            "life_cycles",
            F.coalesce("interests", F.array().cast(_INTERESTS)).alias("interests"),
        )
    )


def basics(customer_features: DataFrame, members: DataFrame) -> DataFrame:
    """The commonest value of every text feature in each group; ties by value.

    Args:
        customer_features: CUSTOMER_FEATURES of the day.
        members: SEGMENT_MEMBERS of the day.

    Returns:
        segment_id, basics (array of feature, value and its share of the members who have one).
    """
    labels = customer_features.select("customer_id", F.explode("labels").alias("feature", "value"))
    counts = (
        members.select("customer_id", "segment_id")
        .join(labels, "customer_id")
        .groupBy("segment_id", "feature", "value")
        .agg(F.count("*").alias("n"))
    )
    # The count is negated, so that the smallest pair has the largest count, and ties go by value.
    first_pair = F.min(F.struct((-F.col("n")).alias("minus"), "value"))
    commonest = counts.groupBy("segment_id", "feature").agg(
        F.sum("n").alias("all"), first_pair.alias("first")
    )
    item = F.struct("feature", "first.value", (-F.col("first.minus") / F.col("all")).alias("share"))
    return commonest.groupBy("segment_id").agg(F.array_sort(F.collect_list(item)).alias("basics"))


def history(members: DataFrame) -> DataFrame:
    """Membership as a slowly changing dimension: one row per stay of a customer in a group.

    Args:
        members: SEGMENT_MEMBERS of any days.

    Returns:
        customer_id, segment_id, valid_from (first as-of day of the stay), valid_to (as-of day on
        which the customer is in another group; null while the stay lasts).
    """
    by_day = Window.partitionBy("customer_id").orderBy("as_of")
    stays = members.withColumn("previous", F.lag("segment_id").over(by_day)).where(
        "previous IS NULL OR previous <> segment_id"
    )
    return stays.select(
        "customer_id",
        "segment_id",
        F.col("as_of").alias("valid_from"),
        F.lead("as_of").over(by_day).alias("valid_to"),
    )


def _revenue_share() -> Column:
    share = F.try_divide(F.col("revenue").cast("double"), F.col("all_revenue").cast("double"))
    return F.coalesce(share, F.lit(0.0))


def _life_cycles(member_profiles: DataFrame) -> DataFrame:
    """Share of each stage of the life cycle in each group."""
    counts = member_profiles.groupBy("segment_id", "life_cycle").count()
    total = F.sum("count").over(Window.partitionBy("segment_id"))
    pair = F.struct(F.col("life_cycle"), F.round(F.col("count") / total, 6).alias("share"))
    return (
        counts.withColumn("pair", pair)
        .groupBy("segment_id")
        .agg(F.map_from_entries(F.sort_array(F.collect_list("pair"))).alias("life_cycles"))
    )


def _interests(member_profiles: DataFrame) -> DataFrame:
    """Categories by the mean share of their members' interest; five at most, ties by name."""
    member_interests = member_profiles.select("segment_id", F.inline("interests"))
    sizes = member_profiles.groupBy("segment_id").agg(F.count("*").alias("members"))
    minus_share = -F.round(F.col("total") / F.col("members"), 6)
    shares = (
        member_interests.groupBy("segment_id", "category")
        .agg(F.sum("share").alias("total"))
        .join(sizes, "segment_id")
        .select("segment_id", F.struct(minus_share.alias("minus"), "category").alias("pair"))
    )
    top_pairs = F.slice(F.sort_array(F.collect_list("pair")), 1, 5)
    top_categories = F.transform(
        top_pairs,
        lambda item: F.struct(item["category"].alias("category"), (-item["minus"]).alias("share")),
    )
    return shares.groupBy("segment_id").agg(top_categories.alias("interests"))
