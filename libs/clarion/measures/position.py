"""Where a price stands among others."""

from pyspark.sql import Column, Window
from pyspark.sql import functions as F


def price_position(price: str, *, of: str) -> Column:
    """Place of a price in those of its kind: 0 for the cheapest, 1 for the dearest; null without a price or a second one.

    Args:
        price: column with the price.
        of: column with the kind.
    """
    kind = Window.partitionBy(of)
    several = F.count(price).over(kind) > 1
    known = Window.partitionBy(of, F.col(price).isNotNull()).orderBy(price)
    return F.when(F.col(price).isNotNull() & several, F.percent_rank().over(known))
