"""From where to where customers went between two days."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

NOWHERE = "(none)"


def moves(before: DataFrame, now: DataFrame, *, place: str, names: tuple[str, str]) -> DataFrame:
    """Where each customer was and is; NOWHERE for one who was not known then, or is no longer described.

    Args:
        before: customer_id and `place` on an earlier day.
        now: the same today.
        place: column that names where a customer is.
        names: what then and now are called.

    Returns:
        customer_id and the two names; one row per customer of either day.
    """
    was, is_ = names
    both = before.select("customer_id", F.col(place).alias(was)).join(
        now.select("customer_id", F.col(place).alias(is_)), "customer_id", "full"
    )
    return both.select(
        "customer_id", *(F.coalesce(name, F.lit(NOWHERE)).alias(name) for name in names)
    )


def flows(moved: DataFrame, *, names: tuple[str, str], as_of: date, from_as_of: date) -> DataFrame:
    """How many went from where to where.

    Args:
        moved: the two names of each customer.
        names: what then and now are called.
        as_of: today.
        from_as_of: the earlier day.

    Returns:
        as_of, from_as_of, the two names, customers, share_of_from.
    """
    counted = moved.groupBy(*names).agg(F.count("*").alias("customers"))
    start = counted.groupBy(names[0]).agg(F.sum("customers").alias("started"))
    days = (F.lit(as_of).alias("as_of"), F.lit(from_as_of).alias("from_as_of"))
    return counted.join(F.broadcast(start), names[0]).select(
        *days, *names, "customers", (F.col("customers") / F.col("started")).alias("share_of_from")
    )
