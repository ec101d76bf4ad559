"""Where payments stop, and whether the step is to be made simpler."""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import PROBLEMS
from clarion.streaming.minutes import SEPARATOR

COUNTED = timedelta(hours=24)


def payment_problems(minutes: DataFrame, *, until: datetime, least: int, share: float) -> DataFrame:
    """Steps and methods of payment at which customers failed in the last 24 hours.

    Args:
        minutes: KPI_MINUTES.
        until: end of the 24 hours, an instant with its zone.
        least: payments given up, below which they are chance.
        share: of payments given up and checkouts, from which the step is to be made simpler.

    Returns:
        PROBLEMS.
    """
    is_counted = (F.col("minute") >= F.lit(until - COUNTED)) & (F.col("minute") < F.lit(until))
    day = minutes.where(is_counted)
    checkouts = day.where("dimension = 'all'").agg(
        F.coalesce(F.sum("checkouts"), F.lit(0)).alias("checkouts")
    )
    steps = (
        day.where("dimension = 'payment'")
        .groupBy("value")
        .agg(
            F.sum("payment_failures").alias("failures"),
            F.sum("payments_given_up").alias("given_up"),
        )
        .crossJoin(F.broadcast(checkouts))
    )
    given_up_share = F.coalesce(
        F.try_divide(F.col("given_up").cast("double"), F.col("given_up") + F.col("checkouts")),
        F.lit(0.0),
    )
    return (
        steps.withColumns(
            {
                "given_up_share": given_up_share,
                "method": F.substring_index("value", SEPARATOR, -1),
            }
        )
        .withColumns(
            {
                "step": F.expr("left(value, length(value) - length(method) - 3)"),
                "payment_method": F.col("method"),
                "simplify": (F.col("given_up") >= least) & (F.col("given_up_share") >= share),
                "counted_until": F.lit(until),
            }
        )
        .select(*PROBLEMS.column_names)
    )
