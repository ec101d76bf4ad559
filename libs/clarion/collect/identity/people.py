"""People and what belongs to them: one surrogate that stays, their devices and cards, and what changed since the day before."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def persons(members: DataFrame, first_seen: DataFrame, before: DataFrame) -> DataFrame:
    """Accounts that stand for someone else, with the surrogate of the person.

    The person keeps the surrogate by which they were joined before, if there is one; otherwise that of the account
    seen first. So an account that comes later never renames anyone.

    Args:
        members: customer_id, component.
        first_seen: customer_id, first_seen_at; one row per account.
        before: customer_id, person: how accounts were joined on an earlier day.

    Returns:
        customer_id, person; accounts that are their own person are left out.
    """
    stood = (
        before.select(F.col("person").alias("customer_id"))
        .distinct()
        .withColumn("stood", F.lit(True))
    )
    known = members.join(first_seen, "customer_id", "left").join(stood, "customer_id", "left")
    order = F.struct(
        F.coalesce("stood", F.lit(False)).cast("int").alias("stood"),
        -F.unix_micros("first_seen_at"),
    )
    oldest = (
        known.withColumn("order", order).groupBy("component").agg(F.max("order").alias("order"))
    )
    # Of several that come first the smallest surrogate: equal for equal data.
    named = (
        known.withColumn("order", order)
        .join(oldest, ["component", "order"])
        .groupBy("component")
        .agg(F.min("customer_id").alias("person"))
    )
    return (
        members.join(named, "component")
        .where("customer_id != person")
        .select("customer_id", "person")
    )


def owners(seen: DataFrame, *, least_share: float, least_times: int) -> DataFrame:
    """Whose a device or a card is: the person under whom it was seen, if that was often enough and hardly ever another.

    Args:
        seen: kind, namespace, ref, customer_id (of the person), times (facts that name both).
        least_share: share of the facts that must be the owner's; what several use belongs to none of them.
        least_times: facts that are needed.

    Returns:
        kind, namespace, ref, customer_id.
    """
    by_person = seen.groupBy("kind", "namespace", "ref", "customer_id").agg(
        F.sum("times").alias("n")
    )
    most = F.max_by("customer_id", F.struct("n", "customer_id")).alias("customer_id")
    total = by_person.groupBy("kind", "namespace", "ref").agg(
        most, F.max("n").alias("n"), F.sum("n").alias("all")
    )
    return total.where(
        (F.col("n") / F.col("all") >= least_share) & (F.col("n") >= least_times)
    ).select("kind", "namespace", "ref", "customer_id")


def since(now: DataFrame, before: DataFrame, *, as_of: date) -> DataFrame:
    """This day's names, each with the day from which it was given to that person.

    Args:
        now: kind, namespace, ref, customer_id.
        before: the same of an earlier day, with since.
        as_of: this day.
    """
    known = now.join(before, ["kind", "namespace", "ref", "customer_id"], "left")
    return known.select(*now.columns, F.coalesce("since", F.lit(as_of)).alias("since"))


def changes(before: DataFrame, now: DataFrame) -> DataFrame:
    """The history of merges and splits: names whose facts went to someone else from one day to another.

    Args:
        before: kind, namespace, ref, customer_id of an earlier day.
        now: the same of a later day.

    Returns:
        kind, namespace, ref, change (linked, unlinked or moved), customer_before, customer_now.
    """
    key = ["kind", "namespace", "ref"]
    old = before.select(*key, F.col("customer_id").alias("customer_before"))
    both = old.join(now.select(*key, F.col("customer_id").alias("customer_now")), key, "full")
    change = (
        F.when(F.col("customer_before").isNull(), "linked")
        .when(F.col("customer_now").isNull(), "unlinked")
        .otherwise("moved")
    )
    return both.where("NOT customer_before <=> customer_now").select(
        *key, change.alias("change"), "customer_before", "customer_now"
    )
