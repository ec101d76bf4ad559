"""Random numbers as Spark columns; they depend on purpose and subject, not on rows' order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.measures.columns.buckets import uniform


@dataclass(frozen=True, slots=True)
class ColumnDraws:
    """The random draws of one simulated shop.

    Equal names and ids give equal numbers, whatever the partitioning.

    Args:
        seed: names the shop's world.
    """

    seed: int

    def uniform(self, name: str, *ids: str) -> Column:
        """A number in (0, 1)."""
        return uniform(f"sim/{self.seed}/{name}", *ids)

    def index(self, name: str, size: Column | int, *ids: str) -> Column:
        """A whole number from 0 to `size` - 1, each as likely as any other."""
        return F.floor(self.uniform(name, *ids) * size).cast("int")

    def normal(self, name: str, *ids: str) -> Column:
        """A standard normal number (Box and Muller)."""
        radius = F.sqrt(-2.0 * F.log(self.uniform(f"{name}/radius", *ids)))
        return radius * F.cos(2.0 * math.pi * self.uniform(f"{name}/angle", *ids))

    def geometric(self, name: str, mean: Column, *ids: str) -> Column:
        """A whole number of 1 or more with the given mean."""
        stay = F.lit(1.0) - F.lit(1.0) / F.greatest(mean, F.lit(1.0000001))
        return (F.floor(F.log(self.uniform(name, *ids)) / F.log(stay)) + 1).cast("int")

    def choice(self, name: str, shares: Sequence[float], *ids: str) -> Column:
        """An index into the shares, drawn in proportion to them."""
        total = sum(shares)
        upper_bounds = []
        cumulative = 0.0
        for share in shares[:-1]:
            cumulative += share / total
            upper_bounds.append(cumulative)
        drawn = self.uniform(name, *ids)
        chosen = F.lit(len(shares) - 1)
        for index in reversed(range(len(upper_bounds))):
            chosen = F.when(drawn < upper_bounds[index], index).otherwise(chosen)
        return chosen


def lookup(values: Sequence[float | str], index: Column | str) -> Column:
    """The value at an index."""
    literals = F.array(*(F.lit(value) for value in values))
    return F.get(literals, F.col(index) if isinstance(index, str) else index)
