"""Random numbers that depend on what they are for and on whom they concern, never on the order of rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.measures.columns.buckets import uniform


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one shop: equal names and ids give equal numbers, whatever the partitioning.

    Args:
        seed: names the shop's world.
    """

    seed: int

    def uniform(self, name: str, *ids: str) -> Column:
        """A number in (0, 1)."""
        return uniform(f"sim/{self.seed}/{name}", *ids)

    def normal(self, name: str, *ids: str) -> Column:
        """A standard normal number (Box and Muller)."""
        radius = F.sqrt(-2.0 * F.log(self.uniform(f"{name}/radius", *ids)))
        return radius * F.cos(2.0 * math.pi * self.uniform(f"{name}/angle", *ids))

    def geometric(self, name: str, mean: Column, *ids: str) -> Column:
        """A whole number of 1 or more with the given mean."""
        stay = F.lit(1.0) - F.lit(1.0) / F.greatest(mean, F.lit(1.0000001))
        return (F.floor(F.log(self.uniform(name, *ids)) / F.log(stay)) + 1).cast("int")

    def choice(self, name: str, shares: Sequence[float], *ids: str) -> Column:
        """A position, with chances in proportion to the shares."""
        total, below = sum(shares), 0.0
        drawn = self.uniform(name, *ids)
        picked = F.lit(len(shares) - 1)
        bounds = []
        for share in shares[:-1]:
            below += share / total
            bounds.append(below)
        for place in reversed(range(len(bounds))):
            picked = F.when(drawn < bounds[place], place).otherwise(picked)
        return picked


def lookup(values: Sequence[float | str], place: Column | str) -> Column:
    """The value at a position."""
    return F.get(
        F.array(*(F.lit(value) for value in values)),
        F.col(place) if isinstance(place, str) else place,
    )
