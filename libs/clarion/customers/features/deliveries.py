"""The view of deliveries: how long each took, and whether it was late."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import days_before, local_day

USUAL_SHARE = 0.9  # of the deliveries of a channel take at most the usual days
_WINDOW_DAYS = 365  # days before the as-of day whose deliveries say what is usual
_ENOUGH = 20  # deliveries of a channel: fewer say nothing of what is usual
_SECONDS = 86400


def deliveries(order_lines: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per delivery: lines of an order that reached the customer at the same time.

    A delivery is late if it came after the time that was promised. Where none was promised, or one
    before the order, it is late if it took longer than nine tenths of the deliveries of its channel
    did in the last 365 days. A time at midnight is a day without a time of day: then days are
    compared, and what comes on the promised day is in time. A delivery before its order is none.

    Args:
        order_lines: ORDER_LINES.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        customer_id, order_id, channel (empty where none is stated), age (days since the delivery),
        delivery_days (since the order), usual_days (null with fewer than 20 deliveries of the
        channel), is_promised, is_late (null where nothing was promised and the usual days are
        unknown).
    """
    parcels = _parcels(order_lines, as_of=as_of, time_zone=time_zone)
    usual_days = (
        parcels.where(F.col("age") <= _WINDOW_DAYS)
        .groupBy("channel")
        .agg(
            F.percentile("delivery_days", USUAL_SHARE).alias("usual_days"),
            F.count("*").alias("_deliveries"),
        )
        .where(F.col("_deliveries") >= _ENOUGH)
        .drop("_deliveries")
    )
    return parcels.join(F.broadcast(usual_days), "channel", "left").select(
        "customer_id",
        "order_id",
        "channel",
        "age",
        "delivery_days",
        "usual_days",
        F.col("_is_after_promise").isNotNull().alias("is_promised"),
        F.coalesce("_is_after_promise", F.col("delivery_days") > F.col("usual_days")).alias(
            "is_late"
        ),
    )


def _parcels(order_lines: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """Deliveries that were known before the as-of day, without what is usual."""
    first_known = F.greatest(
        *(local_day(name, time_zone) for name in ("happened_at", "arrived_at", "delivered_at"))
    )
    # What was delivered and came back was delivered all the same, whatever the order's state says.
    delivered_lines = order_lines.where("customer_id IS NOT NULL AND delivered_at IS NOT NULL")
    parcels = (
        delivered_lines.where("kind <> 'return'")
        .where(first_known < F.lit(as_of))
        .groupBy("customer_id", "order_id", "delivered_at")
        .agg(
            F.min("happened_at").alias("ordered_at"),
            F.min("promised_at").alias("promised_at"),
            F.coalesce(F.min("channel"), F.lit("")).alias("channel"),
        )
    )
    ordered, promised, delivered = (
        F.from_utc_timestamp(name, time_zone)
        for name in ("ordered_at", "promised_at", "delivered_at")
    )
    seconds = F.unix_timestamp("delivered_at") - F.unix_timestamp("ordered_at")
    delivery_days = F.when(
        _is_day(ordered) | _is_day(delivered), F.datediff(delivered, ordered).cast("double")
    ).otherwise(seconds / _SECONDS)
    # A delivery at midnight needs no case of its own: it is after the promise if its day is.
    is_after_promise = F.when(
        _is_day(promised), F.to_date(delivered) > F.to_date(promised)
    ).otherwise(F.col("delivered_at") > F.col("promised_at"))
    is_promise = F.to_date(promised) >= F.to_date(ordered)
    return parcels.select(
        "customer_id",
        "order_id",
        "channel",
        days_before(as_of, F.to_date(delivered)).alias("age"),
        delivery_days.alias("delivery_days"),
        F.when(is_promise, is_after_promise).alias("_is_after_promise"),
    ).where("delivery_days >= 0")


def _is_day(local_time: Column) -> Column:
    """Whether a time states a day without a time of day: it is midnight."""
    return local_time == F.date_trunc("day", local_time)
