"""Positions of customers that look random and never change."""

from pyspark.sql import Column
from pyspark.sql import functions as F

MILLION = 1_000_000


def bucket(salt: str, *columns: str) -> Column:
    """A position from 0 to 999,999, uniform over ids and independent between salts."""
    return F.pmod(F.xxhash64(F.lit(salt), *columns), F.lit(MILLION)).cast("int")


def uniform(salt: str, *columns: str) -> Column:
    """A number in (0, 1), uniform over ids and independent between salts."""
    return (F.pmod(F.xxhash64(F.lit(salt), *columns), F.lit(2**53)).cast("double") + 0.5) / float(
        2**53
    )
