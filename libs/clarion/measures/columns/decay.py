"""Interest that decays with age."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def decay_weight(age: Column, *, half_life: float) -> Column:
    """2^(-age / half-life): 1 for what is new, one half after each half-life.

    Args:
        age: how long ago something happened.
        half_life: in the same unit.

    Example:
        0.25 for an event of 60 days ago:

            events.withColumn("weight", decay_weight(F.col("age_days"), half_life=30.0))
    """
    return F.pow(F.lit(2.0), -age / F.lit(half_life))
