"""How likely it is that two accounts are one person: Fellegi and Sunter's weights for three classes, estimated without labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.pairs import AGREES, BLOCKS, DIFFERS, FIELDS, agreeing_at_all

SHARED = ("phone", "address", "device")  # what people of one household have in common
# What is believed before the data speaks, worth ten pairs: of a person's accounts nine in ten agree, of a household's half.
_MATCH_AGREES, _HOUSEHOLD_AGREES, _BELIEF = 9.0, 5.0, 10.0
_LEAST = 1e-9
_ROUNDS = 200
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """The accounts that are compared.

    Args:
        accounts: how many there are.
        stated: of each field, how many state it.
        agreeing: of each field, pairs among all accounts that agree in it.
    """

    accounts: int
    stated: Mapping[str, int]
    agreeing: Mapping[str, float]

    @property
    def pairs(self) -> float:
        return self.accounts * (self.accounts - 1) / 2

    def comparable(self, field: str) -> float:
        """Pairs of which both state the field; a device is known of every account."""
        n = self.accounts if field == "device" else self.stated.get(field, 0)
        return n * (n - 1) / 2


@dataclass(frozen=True, slots=True)
class Weights:
    """Parameters of the three classes of pairs: one person, one household, strangers.

    Args:
        accounts: how many accounts they were estimated from.
        prior: chance that two accounts drawn at random are one person.
        prior_household: chance that they are two people of one household.
        m: of each field, chance that it agrees between accounts of one person.
        h: the same between two people of one household; where they share nothing it is u.
        u: the same between strangers.
    """

    accounts: int
    prior: float
    prior_household: float
    m: Mapping[str, float]
    h: Mapping[str, float]
    u: Mapping[str, float]


def estimate(patterns: Sequence[tuple[tuple[str, ...], int]], population: Population) -> Weights:
    """Weights by expectation and maximisation over the compared pairs, grouped by pattern.

    A mixture of three classes; within each the fields are independent. With two classes alone, telephone and address that
    agree in a household would pass for two pieces of evidence. Of field f, m and h are learned only from pairs that a
    block without f has found, since a block's own fields always agree; u from all pairs of accounts that agree in f, less
    those of the other classes. A belief worth ten pairs stands in where a shop has few of them.

    Args:
        patterns: outcome of each of FIELDS, and the number of pairs that have it.
        population: the accounts.

    Reference:
        Fellegi and Sunter (1969), A Theory for Record Linkage; Winkler (1988) for its estimation by EM.
    """
    outcomes = np.array([pattern for pattern, _ in patterns]).reshape(len(patterns), len(FIELDS))
    counts = np.array([count for _, count in patterns], dtype=float)
    agrees, differs = outcomes == AGREES, outcomes == DIFFERS
    learned = _found_without_itself(agrees)
    shared = np.array([field in SHARED for field in FIELDS])
    comparable = np.array([max(population.comparable(field), 1.0) for field in FIELDS])
    agreeing = np.array([population.agreeing.get(field, 0.0) for field in FIELDS])
    least = np.maximum(_LEAST, 0.5 / comparable)
    u = np.clip(agreeing / comparable / 2, least, 0.999)
    m = np.full(len(FIELDS), _MATCH_AGREES / _BELIEF)
    h = np.where(shared, _HOUSEHOLD_AGREES / _BELIEF, u)
    prior = prior_household = _chance(max(counts.sum() / 3, 0.5), population)
    for _ in range(_ROUNDS):
        for_match = np.log(prior) + _log_ratio(m, u, agrees, differs)
        for_household = np.log(prior_household) + _log_ratio(h, u, agrees, differs)
        total = np.logaddexp(
            np.logaddexp(for_match, for_household), np.log(1 - prior - prior_household)
        )
        match, household = (
            counts * np.exp(for_match - total),
            counts * np.exp(for_household - total),
        )
        before, m = m, _share(match, agrees & learned, differs & learned, belief=_MATCH_AGREES)
        u = np.clip(
            (agreeing - ((match + household)[:, None] * agrees).sum(axis=0)) / comparable,
            least,
            0.999,
        )
        h = np.where(
            shared,
            _share(household, agrees & learned, differs & learned, belief=_HOUSEHOLD_AGREES),
            u,
        )
        prior, prior_household = (
            _chance(float(part.sum()), population) for part in (match, household)
        )
        if np.abs(m - before).max() < 1e-6:
            break
    named = [dict(zip(FIELDS, values.tolist(), strict=True)) for values in (m, h, u)]
    return Weights(population.accounts, prior, prior_household, *named)


def _chance(pairs: float, population: Population) -> float:
    """The share of all pairs that are of a class; at most three in ten, so that strangers are possible in the smallest shop."""
    return min(max(pairs / max(population.pairs, 1.0), 1e-15), 0.3)


def _found_without_itself(agrees: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of each pattern and field, whether a block that does not hold the field finds the pair."""
    found: NDArray[np.bool_] = np.zeros(agrees.shape, dtype=np.bool_)
    for place, field in enumerate(FIELDS):
        for block in BLOCKS:
            if field not in block:
                found[:, place] |= agrees[:, [FIELDS.index(name) for name in block]].all(axis=1)
    return found


def _log_ratio(
    a: Floats, u: Floats, agrees: NDArray[np.bool_], differs: NDArray[np.bool_]
) -> Floats:
    """Log likelihood of each pattern in a class against strangers; a field that is unknown says nothing."""
    found: Floats = agrees.astype(float) @ np.log(a / u) + differs.astype(float) @ np.log(
        (1 - a) / (1 - u)
    )
    return found


def _share(
    pairs: Floats, agrees: NDArray[np.bool_], differs: NDArray[np.bool_], *, belief: float
) -> Floats:
    """Of each field, the share of a class's pairs that agree."""
    agreeing = (pairs[:, None] * agrees).sum(axis=0)
    found: Floats = np.clip(
        (belief + agreeing) / (_BELIEF + agreeing + (pairs[:, None] * differs).sum(axis=0)),
        1e-3,
        1 - 1e-3,
    )
    return found


def fitted(people: DataFrame, pairs: DataFrame) -> Weights:
    """Weights of a shop's accounts; what comes to the driver is one row a pattern, at most 3 to the number of fields.

    Args:
        people: rows of `known`.
        pairs: rows of `candidates`.
    """
    totals = {row["field"]: row for row in agreeing_at_all(people).collect()}
    population = Population(
        people.count(),
        {field: int(row["stated"]) for field, row in totals.items()},
        {field: float(row["agreeing"]) for field, row in totals.items()},
    )
    rows = pairs.groupBy(*FIELDS).count().collect()
    return estimate(
        [(tuple(row[field] for field in FIELDS), row["count"]) for row in rows], population
    )


def scored(pairs: DataFrame, weights: Weights) -> DataFrame:
    """The pairs with `weight` (bits for one person against strangers, prior included) and `probability` (of one person).

    A rare name that agrees says more than a common one: its u is the share of accounts that bear it.

    Args:
        pairs: rows of `candidates`.
        weights: of the shop.
    """
    strangers = 1 - weights.prior - weights.prior_household

    def bits(chances: Mapping[str, float], prior: float) -> Column:
        total: Column = F.lit(math.log2(prior / strangers))
        for field in FIELDS:
            a, u = chances[field], weights.u[field]
            agrees: Column = F.lit(math.log2(a / u))
            if field == "name" and a != u:
                agrees = F.log2(
                    F.lit(a) * weights.accounts / F.greatest(F.col("name_count"), F.lit(1))
                )
            total = total + F.when(F.col(field) == AGREES, agrees).when(
                F.col(field) == DIFFERS, math.log2((1 - a) / (1 - u))
            ).otherwise(0.0)
        return total

    person, household = F.col("weight"), bits(weights.h, weights.prior_household)
    others = F.pow(F.lit(2.0), household - person) + F.pow(F.lit(2.0), -person)
    return pairs.withColumn("weight", F.round(bits(weights.m, weights.prior), 6)).withColumn(
        "probability", F.round(1 / (1 + others), 9)
    )
