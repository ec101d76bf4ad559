"""Moves of customers between two days, and how many made each move."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

NOWHERE = "(none)"


def moves(before: DataFrame, now: DataFrame, *, column: str, names: tuple[str, str]) -> DataFrame:
    """Each customer's state then and now.

    NOWHERE stands for a customer who was not known then, or has no state now.

    Args:
        before: customer_id and the column, of an earlier day.
        now: the same of today.
        column: the state, for example the segment.
        names: names of the state then and now.

    Returns:
        customer_id and the two names; one row per customer of either day.

    Example:
        Who changed their segment:

            changed = moves(before, now, column="segment_id", names=("was", "is"))
            changed.where("was != is")
    """
    name_before, name_now = names
    states = before.select("customer_id", F.col(column).alias(name_before)).join(
        now.select("customer_id", F.col(column).alias(name_now)), "customer_id", "full"
    )
    return states.select(
        "customer_id", *(F.coalesce(name, F.lit(NOWHERE)).alias(name) for name in names)
    )


def flows(
    customer_moves: DataFrame, *, names: tuple[str, str], as_of: date, from_as_of: date
) -> DataFrame:
    """The number of customers per pair of states.

    Args:
        customer_moves: what `moves` returns.
        names: names of the state then and now.
        as_of: today.
        from_as_of: the earlier day.

    Returns:
        as_of, from_as_of, the two names, customers, share_of_from.

    Example:
        How many went from each segment to each other one:

            flows(changed, names=("was", "is"), as_of=today, from_as_of=yesterday)
    """
    counts = customer_moves.groupBy(*names).agg(F.count("*").alias("customers"))
    totals = counts.groupBy(names[0]).agg(F.sum("customers").alias("total"))
    days = (F.lit(as_of).alias("as_of"), F.lit(from_as_of).alias("from_as_of"))
    return counts.join(F.broadcast(totals), names[0]).select(
        *days, *names, "customers", (F.col("customers") / F.col("total")).alias("share_of_from")
    )
