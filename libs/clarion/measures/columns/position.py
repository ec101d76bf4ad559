"""Position of a price among those of its kind."""

from pyspark.sql import Column, Window
from pyspark.sql import functions as F


def price_position(price: str, *, of: str) -> Column:
    """Rank of a price in its kind: 0 for the cheapest, 1 for the most expensive.

    Null without a price, and where no other product of the kind has one.

    Args:
        price: column with the price.
        of: column with the kind.

    Example:
        0.5 for the second of three prices:

            products.withColumn("price_position", price_position("list_price", of="category"))
    """
    kind = Window.partitionBy(of)
    has_others = F.count(price).over(kind) > 1
    priced = Window.partitionBy(of, F.col(price).isNotNull()).orderBy(price)
    return F.when(F.col(price).isNotNull() & has_others, F.percent_rank().over(priced))
