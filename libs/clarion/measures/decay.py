"""Interest that halves with age."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def halved(age: Column, *, half_life: float) -> Column:
    """2^(-age / half-life): 1 for what is new, one half after each half-life; age and half-life in the same unit."""
    return F.pow(F.lit(2.0), -age / F.lit(half_life))
