"""Stock and prices of products as of a time."""

from datetime import UTC, date, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import arrived_before, start_of


def stock_and_prices(
    stock: DataFrame, *, as_of: date, time_zone: str, at: datetime | None = None
) -> DataFrame:
    """What was on hand of each product in each store at a time, and at which price.

    The newest row at or before the time counts. Of rows of the same time the one that arrived later
    counts; then file and record number decide. A row that states only the price leaves the stock as
    it was, and the other way round.

    Args:
        stock: STOCK.
        as_of: first day that does not count, neither by the time of a row nor by its arrival.
        time_zone: the shop's zone.
        at: the time (UTC where it has no zone); None for the end of the day before `as_of`.

    Returns:
        One row per product and store: product_id, store_ref (null for the warehouse), at (of the
        newest row), stock, price.
    """
    order = F.struct("at", "arrived_at", "_file", "_row")

    def newest(name: str) -> Column:
        is_stated = F.col(name).isNotNull()
        return F.max_by(name, F.when(is_stated, order)).alias(name)

    known = stock.where(arrived_before(as_of, time_zone)).where(
        F.col("at") < start_of(as_of, time_zone)
    )
    if at is not None:
        # Spark would read a time without a zone in that of this machine.
        instant = at if at.tzinfo else at.replace(tzinfo=UTC)
        known = known.where(F.col("at") <= F.lit(instant))
    return known.groupBy("product_id", "store_ref").agg(
        F.max("at").alias("at"), newest("stock"), newest("price")
    )
