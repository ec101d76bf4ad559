"""Days on the shop's calendar, and what was known when a day began."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def local_day(instant: str | Column, time_zone: str) -> Column:
    """The day on the shop's calendar on which an instant falls.

    Example:
        2025-07-01 22:30 UTC is 2025-07-02 in Shanghai:

            events.withColumn("day", local_day("happened_at", "Asia/Shanghai"))
    """
    return F.to_date(F.from_utc_timestamp(instant, time_zone))


def start_of(day: date | Column, time_zone: str) -> Column:
    """The instant at which a day begins in the shop; a column holds a day for each row.

    Example:
        Events of 1 July or later; in Shanghai it begins at 16:00 UTC of 30 June:

            events.where(F.col("happened_at") >= start_of(date(2025, 7, 1), "Asia/Shanghai"))
    """
    return F.to_utc_timestamp(F.lit(day).cast("timestamp"), time_zone)


def arrived_before(as_of: date, time_zone: str) -> Column:
    """Whether a fact had arrived before the as-of day began, so that a past day can be rebuilt.

    Args:
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Example:
        Order lines that were known on the evening before 1 July:

            order_lines.where(arrived_before(date(2025, 7, 1), "Asia/Shanghai"))
    """
    return F.col("arrived_at") < start_of(as_of, time_zone)


def is_known_by(as_of: date) -> Column:
    """Whether a daily sum is of a day before the as-of day and was known by then.

    The columns are day and known_on, both on the shop's calendar.

    Args:
        as_of: first day that does not count.

    Example:
        Sales of June that were known by the end of June:

            product_days.where(is_known_by(date(2025, 7, 1)) & (F.month("day") == 6))
    """
    return (F.col("day") < F.lit(as_of)) & (F.col("known_on") < F.lit(as_of))


def days_before(as_of: date, day: str | Column) -> Column:
    """The number of days from a day to the as-of day.

    Example:
        3.0 for an order of 28 June:

            customers.withColumn("recency_days", days_before(date(2025, 7, 1), "last_order_day"))
    """
    return F.datediff(F.lit(as_of), day).cast("double")


def known_sums(daily: DataFrame, *, of: str, as_of: date) -> DataFrame:
    """The sums of each day, as they were known before the as-of day.

    A day may have several rows: what became known of it later is added, or taken off. A condition
    on a sum, such as `orders > 0`, is asked of these rows.

    Args:
        daily: sums by `of`, day and known_on.
        of: whose sums they are.
        as_of: first day that does not count.

    Example:
        Days of June on which customers bought, less what was cancelled by its end:

            known_sums(customer_days, of="customer_id", as_of=date(2025, 7, 1)).where("orders > 0")
    """
    keys = (of, "day", "known_on")
    sums = [F.sum(name).alias(name) for name in daily.columns if name not in keys]
    # Partitioned by `of` first: sums over days then need no further exchange.
    return daily.where(is_known_by(as_of)).repartition(of).groupBy(of, "day").agg(*sums)
