"""People, their devices and cards: one surrogate that stays, and since which day."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_NAME = ("kind", "namespace", "ref")


def choose_persons(members: DataFrame, first_seen: DataFrame, earlier: DataFrame) -> DataFrame:
    """The person of each account that belongs to the person of another account.

    The person keeps the surrogate of an earlier day, if there is one, otherwise that of the
    account seen first. So an account that comes later never renames anyone.

    Args:
        members: customer_id, component.
        first_seen: customer_id, first_seen_at; one row per account.
        earlier: customer_id, person: how accounts were linked on an earlier day.

    Returns:
        customer_id, person; accounts that are their own person are left out.
    """
    earlier_persons = (
        earlier.select(F.col("person").alias("customer_id"))
        .distinct()
        .withColumn("_was_person", F.lit(True))
    )
    was_person = F.coalesce("_was_person", F.lit(False)).cast("int")
    rank = F.struct(was_person.alias("was_person"), -F.unix_micros("first_seen_at"))
    ranked = (
        members.join(first_seen, "customer_id", "left")
        .join(earlier_persons, "customer_id", "left")
        .withColumn("rank", rank)
    )
    first = ranked.groupBy("component").agg(F.max("rank").alias("rank"))
    # Of several that come first, the smallest surrogate: equal for equal data.
    persons = (
        ranked.join(first, ["component", "rank"])
        .groupBy("component")
        .agg(F.min("customer_id").alias("person"))
    )
    return (
        members.join(persons, "component")
        .where("customer_id != person")
        .select("customer_id", "person")
    )


def device_owners(uses: DataFrame, *, min_share: float, min_times: int) -> DataFrame:
    """The owner of each device and card.

    It is the person under whom it was seen, if that was often enough and hardly ever another one.

    Args:
        uses: kind, namespace, ref, customer_id (of the person), times (facts that name both).
        min_share: share of the facts that must be the owner's; what several people use has no
            owner.
        min_times: facts that are needed.

    Returns:
        kind, namespace, ref, customer_id.
    """
    by_person = uses.groupBy(*_NAME, "customer_id").agg(F.sum("times").alias("n"))
    by_device = by_person.groupBy(*_NAME).agg(
        F.max_by("customer_id", F.struct("n", "customer_id")).alias("customer_id"),
        F.max("n").alias("n"),
        F.sum("n").alias("all"),
    )
    is_owned = (F.col("n") / F.col("all") >= min_share) & (F.col("n") >= min_times)
    return by_device.where(is_owned).select(*_NAME, "customer_id")


def add_since(now: DataFrame, earlier: DataFrame, *, as_of: date) -> DataFrame:
    """This day's names, each with the day since which it belongs to that person.

    Args:
        now: kind, namespace, ref, customer_id.
        earlier: the same of an earlier day, with since.
        as_of: this day.
    """
    joined = now.join(earlier, [*_NAME, "customer_id"], "left")
    return joined.select(*now.columns, F.coalesce("since", F.lit(as_of)).alias("since"))
