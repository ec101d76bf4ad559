"""From where to where customers went between two days."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

NOWHERE = "(none)"


def moves(before: DataFrame, now: DataFrame, *, place: str) -> DataFrame:
    """Where each customer was and is; NOWHERE for one who was not known then, or is no longer described.

    Args:
        before: customer_id and `place` on an earlier day.
        now: the same today.
        place: column that names where a customer is.

    Returns:
        customer_id, from_place, to_place; one row per customer of either day.
    """
    was, is_ = before.select("customer_id", F.col(place).alias("from_place")), now.select("customer_id", F.col(place).alias("to_place"))
    both = was.join(is_, "customer_id", "full")
    return both.select("customer_id", *(F.coalesce(name, F.lit(NOWHERE)).alias(name) for name in ("from_place", "to_place")))


def flows(moved: DataFrame, *, as_of: date, from_as_of: date) -> DataFrame:
    """How many went from where to where.

    Args:
        moved: from_place, to_place of each customer.
        as_of: today.
        from_as_of: the earlier day.

    Returns:
        as_of, from_as_of, from_place, to_place, customers, share_of_from.
    """
    counted = moved.groupBy("from_place", "to_place").agg(F.count("*").alias("customers"))
    start = counted.groupBy("from_place").agg(F.sum("customers").alias("started"))
    return counted.join(F.broadcast(start), "from_place").select(
        F.lit(as_of).alias("as_of"),
        F.lit(from_as_of).alias("from_as_of"),
        "from_place",
        "to_place",
        "customers",
        (F.col("customers") / F.col("started")).alias("share_of_from"),
    )
