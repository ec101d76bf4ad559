"""Random numbers in arrays that depend on their purpose and their subject, never on their place.

Equal seed, replicate, name and ids give equal numbers, whichever block of ids is drawn, in memory
or by Spark: the hash is that of Spark's `xxhash64` over columns of whole numbers.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
Ids = Ints | int

_P1, _P2, _P3 = (
    np.uint64(prime) for prime in (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
_P4, _P5 = np.uint64(0x85EBCA77C2B2AE63), np.uint64(0x27D4EB2F165667C5)
_SPARKS_SEED = np.uint64(42)


def xxhash64(hashes: Hashes, value: Ids) -> Hashes:
    """The hash of one more whole number, as Spark chains its columns.

    Args:
        hashes: the hashes of the numbers before; 42 for the first.
        value: 64-bit whole numbers.
    """
    with np.errstate(over="ignore"):
        word = np.asarray(value, dtype=np.int64).view(np.uint64)
        mixed = hashes + _P5 + np.uint64(8)
        mixed = mixed ^ (_rotate(word * _P2, 31) * _P1)
        mixed = _rotate(mixed, 27) * _P1 + _P4
        mixed = (mixed ^ (mixed >> np.uint64(33))) * _P2
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _P3
        return np.asarray(mixed ^ (mixed >> np.uint64(32)), dtype=np.uint64)


def _rotate(words: Hashes, bits: int) -> Hashes:
    rotated = (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
    return np.asarray(rotated, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Draws:
    """The random draws of one simulated shop.

    Args:
        seed: names the shop's world.
        replicate: another course of events in the same world. Who the customers are and what
            surrounds them is always drawn with replicate 0.
    """

    seed: int
    replicate: int = 0

    def salt(self, name: str) -> int:
        """The first number of a draw's hash: the first 8 bytes of SHA-256, as a signed number."""
        return number_of(f"{self.seed}/{self.replicate}/{name}")

    def begin(self, name: str, *ids: Ids) -> Hashes:
        """The hashes of a draw and its first ids; `uniform_after` goes on with the others."""
        hashes = xxhash64(np.asarray(_SPARKS_SEED), self.salt(name))
        for value in ids:
            hashes = xxhash64(hashes, value)
        return hashes

    def uniform(self, name: str, *ids: Ids) -> Floats:
        """Numbers in (0, 1), one for each combination of the ids, which are broadcast."""
        return as_uniform(self.begin(name, *ids))

    def index(self, name: str, size: Ints | int, *ids: Ids) -> Ints:
        """Whole numbers from 0 to `size` - 1, each as likely as any other."""
        return np.floor(self.uniform(name, *ids) * size).astype(np.int64)

    def normal(self, name: str, *ids: Ids) -> Floats:
        """Standard normal numbers (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log(self.uniform(f"{name}/radius", *ids)))
        return np.asarray(radius * np.cos(2.0 * math.pi * self.uniform(f"{name}/angle", *ids)))

    def geometric(self, name: str, mean: Floats | float, *ids: Ids) -> Ints:
        """Whole numbers of 1 or more with the given mean."""
        return as_geometric(self.uniform(name, *ids), mean)

    def choice(self, name: str, shares: Sequence[float], *ids: Ids) -> Ints:
        """Indexes into the shares, drawn in proportion to them."""
        bounds = np.cumsum(np.asarray(shares, dtype=np.float64))
        drawn = self.uniform(name, *ids) * bounds[-1]
        places = np.searchsorted(bounds, drawn, side="right")
        return np.asarray(np.minimum(places, len(bounds) - 1))


def number_of(name: str) -> int:
    """A whole number that stands for a name among the ids of a draw."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def uniform_after(hashes: Hashes, *ids: Ids) -> Floats:
    """Numbers in (0, 1) of hashes that `Draws.begin` began."""
    for value in ids:
        hashes = xxhash64(hashes, value)
    return as_uniform(hashes)


def as_geometric(chance: Floats, mean: Floats | float) -> Ints:
    """Whole numbers of 1 or more with the given mean, by numbers in (0, 1)."""
    stay = 1.0 - 1.0 / np.maximum(mean, 1.0000001)
    return np.floor(np.log(chance) / np.log(stay)).astype(np.int64) + 1


def numbered(count: Ints) -> tuple[Ints, Ints]:
    """As many entries as each count says: the place of its count, and its number from 0.

    Example:
        Of the counts 2 and 3 the places are 0, 0, 1, 1, 1 and the numbers 0, 1, 0, 1, 2.
    """
    place = np.repeat(np.arange(len(count), dtype=np.int64), count)
    return place, np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)


def as_uniform(hashes: Hashes) -> Floats:
    """Numbers in (0, 1) of hashes, by their upper 53 bits."""
    return np.asarray(((hashes >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def logistic(log_odds: Floats) -> Floats:
    """The chance that has these log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))
