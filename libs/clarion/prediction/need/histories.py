"""Histories of customers by category and day, as arrays, and what of them was known on a day."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS = ("bought", "began", "viewed", "carted")
BOUGHT, BEGAN, VIEWED, CARTED = range(len(KINDS))
OTHER = -1  # a category that is not predicted


@dataclass(frozen=True, slots=True)
class Past:
    """What was known of customers on the morning of a day; one entry per fact.

    Args:
        size: number of customers.
        categories: number of categories.
        customer: whose fact it is, from 0.
        category: its category; OTHER for one that is not predicted.
        kind: BOUGHT, BEGAN (the category with which a purchase began), VIEWED or CARTED.
        age: days from it to the day; 1 or more.
    """

    size: int
    categories: int
    customer: Ints
    category: Ints
    kind: Ints
    age: Ints

    def of_kind(self, kind: int) -> "Past":
        """The facts of a kind in predicted categories."""
        return self._where((self.kind == kind) & (self.category != OTHER))

    def of(self, customers: Ints) -> "Past":
        """The facts of some customers, who are numbered in their order from 0."""
        number = np.full(self.size, -1, np.int64)
        number[customers] = np.arange(len(customers))
        mine = self._where(number[self.customer] >= 0)
        return Past(
            len(customers),
            self.categories,
            number[mine.customer],
            mine.category,
            mine.kind,
            mine.age,
        )

    def sums(self, weights: Floats | None = None) -> Floats:
        """Number, or sum of weights, of the facts by customer and category."""
        cells = self.customer * self.categories + self.category
        counts = np.bincount(cells, weights, minlength=self.size * self.categories)
        return counts.reshape(self.size, self.categories).astype(np.float64)

    def last_age(self, *, never: float) -> Floats:
        """Days since the last fact by customer and category; `never` where there is none."""
        age = np.full(self.size * self.categories, never)
        np.minimum.at(age, self.customer * self.categories + self.category, self.age)
        return age.reshape(self.size, self.categories)

    def buyers(self) -> Ints:
        """The customers who bought something, in whatever category."""
        return np.unique(self.customer[self.kind == BEGAN])

    def _where(self, rows: Bools) -> "Past":
        return Past(
            self.size,
            self.categories,
            self.customer[rows],
            self.category[rows],
            self.kind[rows],
            self.age[rows],
        )


@dataclass(frozen=True, slots=True)
class Trials:
    """Customers who had bought before a day and buy within the horizon after it.

    Args:
        past: what was known of them on the day.
        customer: their numbers in the histories.
        label: the category with which the next purchase begins.
        population: number of customers who had bought before the day.
    """

    past: Past
    customer: Ints
    label: Ints
    population: int

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, slots=True)
class Histories:
    """Facts of customers, in the order of their ids; one entry per fact.

    Args:
        customers: ids, in ascending order.
        categories: the categories that are predicted.
        customer: whose fact it is: the place of its id.
        category: place of its category; OTHER for one that is not predicted.
        kind: place of its kind in KINDS.
        day: on which it happened, in days since 1970.
        known: on which the shop learned of it.
    """

    customers: Sequence[str]
    categories: Sequence[str]
    customer: Ints
    category: Ints
    kind: Ints
    day: Ints
    known: Ints

    def __len__(self) -> int:
        return len(self.day)

    @property
    def fingerprint(self) -> str:
        """A digest of all facts: equal for equal histories."""
        hashed = hashlib.sha256("\x1f".join([*self.customers, *self.categories]).encode())
        for values in (self.customer, self.category, self.kind, self.day, self.known):
            hashed.update(np.ascontiguousarray(values).tobytes())
        return hashed.hexdigest()

    def past(self, cut: int, *, window: int) -> Past:
        """What had happened in the days before a cut, and had arrived before it.

        Args:
            cut: first day that does not count.
            window: number of days before it.
        """
        rows = (self.day < cut) & (self.known < cut) & (self.day >= cut - window)
        return Past(
            len(self.customers),
            len(self.categories),
            self.customer[rows],
            self.category[rows],
            self.kind[rows],
            cut - self.day[rows],
        )

    def trials(self, cut: int, *, window: int, horizon: int) -> Trials:
        """Who had bought before a cut and buys after it, and what.

        Args:
            cut: first day of the horizon.
            window: days before it that are looked at.
            horizon: days from it in which a purchase counts.
        """
        past = self.past(cut, window=window)
        known = past.buyers()
        later = np.flatnonzero(
            (self.kind == BEGAN) & (self.day >= cut) & (self.day < cut + horizon)
        )
        later = later[np.isin(self.customer[later], known)]
        later = later[np.lexsort((self.day[later], self.customer[later]))]
        customer, first = np.unique(self.customer[later], return_index=True)
        return Trials(past.of(customer), customer, self.category[later[first]], len(known))


def read_histories(table: pa.Table, *, categories: Sequence[str] | None, limit: int) -> Histories:
    """Histories from rows of `customer_histories`.

    Args:
        table: customer_id, facts.
        categories: the categories that are predicted; None for those with the most purchases.
        limit: number of categories, where none are given; ties by name.
    """
    table = table.combine_chunks().sort_by("customer_id")
    lists = table.column("facts").combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    facts = lists.flatten()
    customer = np.repeat(np.arange(len(lists)), np.asarray(pc.list_value_length(lists)))
    kind = _numbers(facts.field("kind"))
    names = facts.field("category").dictionary_encode()
    codes, known_names = _numbers(names.indices), names.dictionary.to_pylist()
    if categories is None:
        purchases = np.bincount(codes[kind == BOUGHT], minlength=len(known_names))
        ranked = sorted(zip((-purchases).tolist(), known_names, strict=True))
        categories = [name for minus_count, name in ranked if minus_count < 0][:limit]
    place = {name: number for number, name in enumerate(categories)}
    category = np.array([place.get(name, OTHER) for name in known_names], np.int64)[codes]
    day, known = _numbers(facts.field("day")), _numbers(facts.field("known"))
    # The order of collected lists is any: sums of floating numbers shall not depend on it.
    order = np.lexsort((known, kind, category, day, customer))
    return Histories(
        table.column("customer_id").to_pylist(),
        tuple(categories),
        *(values[order] for values in (customer, category, kind, day, known)),
    )


def _numbers(values: pa.Array) -> Ints:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.int64)
