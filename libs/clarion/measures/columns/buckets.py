"""Hash positions of customers: they look random and never change."""

from pyspark.sql import Column
from pyspark.sql import functions as F

MILLION = 1_000_000


def bucket(salt: str, *columns: str) -> Column:
    """A position from 0 to 999,999, uniform over ids and independent between salts.

    Example:
        A holdout of a tenth of the customers that never changes:

            customers.withColumn("is_holdout", bucket("holdout", "customer_id") < MILLION // 10)
    """
    return F.pmod(F.xxhash64(F.lit(salt), *columns), F.lit(MILLION)).cast("int")


def uniform(salt: str, *columns: str) -> Column:
    """A number in (0, 1), uniform over ids and independent between salts.

    Example:
        One of three products for each customer, drawn the same on every run:

            customers.withColumn("choice", F.floor(uniform("2025-07-01", "customer_id") * 3))
    """
    draw = F.pmod(F.xxhash64(F.lit(salt), *columns), F.lit(2**53)).cast("double")
    return (draw + 0.5) / float(2**53)
