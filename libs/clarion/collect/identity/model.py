"""How likely it is that two accounts are one person.

Fellegi and Sunter's weights for three classes of pairs, estimated without labels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.pairs import AGREES, BLOCKS, DIFFERS, FIELDS, field_agreement

SHARED = ("phone", "address", "device")  # what people of one household have in common
# The prior belief, worth ten pairs: of a person's accounts nine in ten agree, of a household's
# half.
_BELIEF_PAIRS = 10.0
_PERSON_AGREES = 9.0
_HOUSEHOLD_AGREES = 5.0
_MIN_CHANCE = 1e-9
_MAX_ROUNDS = 200
_TOLERANCE = 1e-6
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# The outcome of each of FIELDS, and the number of pairs that have these outcomes.
PatternCounts = Sequence[tuple[tuple[str, ...], int]]


@dataclass(frozen=True, slots=True)
class Population:
    """The accounts that are compared.

    Args:
        accounts: number of accounts.
        stated: of each field, number of accounts that state it.
        agreeing: of each field, pairs among all accounts that agree in it.
    """

    accounts: int
    stated: Mapping[str, int]
    agreeing: Mapping[str, float]

    @property
    def pairs(self) -> float:
        """Pairs of accounts."""
        return self.accounts * (self.accounts - 1) / 2

    def comparable(self, field: str) -> float:
        """Pairs of which both state the field; a device is known of every account."""
        n = self.accounts if field == "device" else self.stated.get(field, 0)
        return n * (n - 1) / 2


@dataclass(frozen=True, slots=True)
class Weights:
    """Parameters of the three classes of pairs: one person, one household, strangers.

    Args:
        accounts: number of accounts they were estimated from.
        prior: chance that two accounts drawn at random are one person.
        prior_household: chance that they are two people of one household.
        m: of each field, chance that it agrees between accounts of one person.
        h: the same between two people of one household; u for fields that households do not share.
        u: the same between strangers.
    """

    accounts: int
    prior: float
    prior_household: float
    m: Mapping[str, float]
    h: Mapping[str, float]
    u: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The compared pairs, grouped by their pattern of agreement; arrays of (pattern, field).

    Args:
        counts: pairs with each pattern.
        agrees: whether the field agrees.
        differs: whether the field differs.
        informative: whether a block without the field has found the pair.
    """

    counts: Floats
    agrees: Flags
    differs: Flags
    informative: Flags


def estimate_weights(patterns: PatternCounts, population: Population) -> Weights:
    """Weights by expectation and maximisation over the compared pairs, grouped by pattern.

    A mixture of three classes; within each the fields are independent. With two classes alone,
    telephone and address that agree in a household would count as two pieces of evidence.

    - m and h of a field are estimated only from pairs that a block without the field has found,
      since a block's own fields always agree.
    - u is estimated from all pairs of accounts that agree in the field, less those of the other
      classes.
    - A belief worth ten pairs helps where a shop has few of them.

    Args:
        patterns: the outcomes of pairs, and how many have each.
        population: the accounts.

    Reference:
        Fellegi and Sunter (1969), A Theory for Record Linkage; Winkler (1988) for its estimation
        by EM.
    """
    pairs = _patterns(patterns)
    is_shared = np.array([field in SHARED for field in FIELDS])
    comparable = np.array([max(population.comparable(field), 1.0) for field in FIELDS])
    agreeing = np.array([population.agreeing.get(field, 0.0) for field in FIELDS])
    min_u = np.maximum(_MIN_CHANCE, 0.5 / comparable)

    u = np.clip(agreeing / comparable / 2, min_u, 0.999)
    m = np.full(len(FIELDS), _PERSON_AGREES / _BELIEF_PAIRS)
    h = np.where(is_shared, _HOUSEHOLD_AGREES / _BELIEF_PAIRS, u)
    prior = prior_household = _share_of_pairs(max(pairs.counts.sum() / 3, 0.5), population)
    for _ in range(_MAX_ROUNDS):
        # Expectation: the pairs of each pattern that are of one person, and of one household.
        log_person = np.log(prior) + _log_ratio(pairs, m, u)
        log_household = np.log(prior_household) + _log_ratio(pairs, h, u)
        log_stranger = np.log(1 - prior - prior_household)
        log_total = np.logaddexp(np.logaddexp(log_person, log_household), log_stranger)
        persons = pairs.counts * np.exp(log_person - log_total)
        households = pairs.counts * np.exp(log_household - log_total)
        # Maximisation.
        previous_m = m
        m = _agreeing_share(pairs, persons, belief=_PERSON_AGREES)
        known_pairs = ((persons + households)[:, None] * pairs.agrees).sum(axis=0)
        u = np.clip((agreeing - known_pairs) / comparable, min_u, 0.999)
        h = np.where(is_shared, _agreeing_share(pairs, households, belief=_HOUSEHOLD_AGREES), u)
        prior = _share_of_pairs(float(persons.sum()), population)
        prior_household = _share_of_pairs(float(households.sum()), population)
        if np.abs(m - previous_m).max() < _TOLERANCE:
            break
    by_field = [dict(zip(FIELDS, values.tolist(), strict=True)) for values in (m, h, u)]
    return Weights(population.accounts, prior, prior_household, *by_field)


def _patterns(patterns: PatternCounts) -> _Patterns:
    outcomes = np.array([pattern for pattern, _ in patterns]).reshape(len(patterns), len(FIELDS))
    agrees = outcomes == AGREES
    return _Patterns(
        counts=np.array([count for _, count in patterns], dtype=float),
        agrees=agrees,
        differs=outcomes == DIFFERS,
        informative=_informative(agrees),
    )


def _informative(agrees: Flags) -> Flags:
    """Of each pattern and field, whether a block that does not hold the field finds the pair."""
    informative: Flags = np.zeros(agrees.shape, dtype=np.bool_)
    for index, field in enumerate(FIELDS):
        for block in BLOCKS:
            if field not in block:
                columns = [FIELDS.index(name) for name in block]
                informative[:, index] |= agrees[:, columns].all(axis=1)
    return informative


def _share_of_pairs(pairs: float, population: Population) -> float:
    """The share of all pairs that are of a class.

    At most three in ten, so that strangers are possible in the smallest shop.
    """
    return min(max(pairs / max(population.pairs, 1.0), 1e-15), 0.3)


def _log_ratio(pairs: _Patterns, chances: Floats, u: Floats) -> Floats:
    """Log likelihood of each pattern in a class against strangers.

    A field that is unknown adds nothing.
    """
    agreeing = pairs.agrees.astype(float) @ np.log(chances / u)
    differing = pairs.differs.astype(float) @ np.log((1 - chances) / (1 - u))
    ratio: Floats = agreeing + differing
    return ratio


def _agreeing_share(pairs: _Patterns, class_pairs: Floats, *, belief: float) -> Floats:
    """Of each field, the share of a class's informative pairs that agree."""
    weights = class_pairs[:, None]
    agreeing = (weights * (pairs.agrees & pairs.informative)).sum(axis=0)
    differing = (weights * (pairs.differs & pairs.informative)).sum(axis=0)
    share: Floats = np.clip(
        (belief + agreeing) / (_BELIEF_PAIRS + agreeing + differing), 1e-3, 1 - 1e-3
    )
    return share


def agreement_patterns(pairs: DataFrame) -> PatternCounts:
    """The patterns of agreement of pairs, with the number of pairs that have each.

    One row per pattern comes to the driver, at most 3 to the number of fields.

    Args:
        pairs: rows of `candidate_pairs`.
    """
    rows = pairs.groupBy(*FIELDS).count().collect()
    return [(tuple(row[field] for field in FIELDS), row["count"]) for row in rows]


def fit_weights(accounts: DataFrame, patterns: PatternCounts) -> Weights:
    """Weights of a shop's accounts.

    Args:
        accounts: rows of `comparable_accounts`.
        patterns: `agreement_patterns` of its pairs.
    """
    agreement = {row["field"]: row for row in field_agreement(accounts).collect()}
    population = Population(
        accounts.count(),
        {field: int(row["stated"]) for field, row in agreement.items()},
        {field: float(row["agreeing"]) for field, row in agreement.items()},
    )
    return estimate_weights(patterns, population)


def score_pairs(pairs: DataFrame, weights: Weights) -> DataFrame:
    """The pairs with the weight and the probability that both are one person.

    A rare name that agrees says more than a common one: its u is the share of accounts with it.

    Args:
        pairs: rows of `candidate_pairs`.
        weights: of the shop.

    Returns:
        The pairs with `weight` (bits for one person against strangers, prior included) and
        `probability` (of one person).
    """
    person = F.col("weight")
    household = _bits(weights, weights.h, weights.prior_household)
    odds_against = F.pow(F.lit(2.0), household - person) + F.pow(F.lit(2.0), -person)
    weight = F.round(_bits(weights, weights.m, weights.prior), 6)
    return pairs.withColumn("weight", weight).withColumn(
        "probability", F.round(1 / (1 + odds_against), 9)
    )


def _bits(weights: Weights, chances: Mapping[str, float], prior: float) -> Column:
    """Bits of evidence for a class of pairs against strangers, prior included."""
    strangers = 1 - weights.prior - weights.prior_household
    total: Column = F.lit(math.log2(prior / strangers))
    for field in FIELDS:
        chance = chances[field]
        u = weights.u[field]
        agrees: Column = F.lit(math.log2(chance / u))
        if field == "name" and chance != u:
            accounts_with_name = F.greatest(F.col("name_count"), F.lit(1))
            agrees = F.log2(F.lit(chance) * weights.accounts / accounts_with_name)
        differs = math.log2((1 - chance) / (1 - u))
        bits = F.when(F.col(field) == AGREES, agrees).when(F.col(field) == DIFFERS, differs)
        total = total + bits.otherwise(0.0)
    return total
