"""Weights of identity links against the parameters that drew the pairs."""

import numpy as np
import pytest

from clarion.collect.identity.model import Population, estimate_weights
from clarion.collect.identity.pairs import AGREES, BLOCKS, DIFFERS, FIELDS

M = {
    "phone": 0.8,
    "mail": 0.85,
    "id_number": 0.95,
    "name": 0.9,
    "birth_date": 0.92,
    "address": 0.75,
    "sex": 0.98,
    "device": 0.5,
}
H = {"phone": 0.5, "address": 0.95, "device": 0.3}
U = {
    "phone": 1e-6,
    "mail": 1e-6,
    "id_number": 1e-6,
    "name": 1e-3,
    "birth_date": 5e-5,
    "address": 2e-6,
    "sex": 0.5,
    "device": 1e-6,
}
ACCOUNTS, MATCHES, HOUSEHOLDS = 10_000, 4_000, 2_000


def _drawn(rng: np.random.Generator, chances: dict[str, float], pairs: int) -> np.ndarray:
    return np.column_stack([rng.random(pairs) < chances[field] for field in FIELDS])


def _population() -> tuple[list[tuple[tuple[str, ...], int]], Population]:
    """All pairs of which some block agrees; of the strangers' 50 million, those are drawn that agree in birth date and name."""
    rng = np.random.default_rng(5)
    everyone = ACCOUNTS * (ACCOUNTS - 1) / 2
    strangers = _drawn(
        rng,
        {**U, "name": 1.0, "birth_date": 1.0},
        rng.poisson(everyone * U["name"] * U["birth_date"]),
    )
    pairs = np.vstack([_drawn(rng, M, MATCHES), _drawn(rng, {**U, **H}, HOUSEHOLDS), strangers])
    in_block = np.zeros(len(pairs), dtype=bool)
    for block in BLOCKS:
        in_block |= pairs[:, [FIELDS.index(field) for field in block]].all(axis=1)
    agreeing = {
        field: float(pairs[:, index].sum() + everyone * U[field])
        for index, field in enumerate(FIELDS)
    }
    outcomes, counts = np.unique(
        np.where(pairs[in_block], AGREES, DIFFERS), axis=0, return_counts=True
    )
    patterns = [
        (tuple(str(part) for part in row), int(count))
        for row, count in zip(outcomes, counts, strict=True)
    ]
    return patterns, Population(ACCOUNTS, dict.fromkeys(FIELDS, ACCOUNTS), agreeing)


@pytest.mark.covers("C5")
def test_the_weights_come_near_those_that_drew_the_pairs() -> None:
    patterns, population = _population()
    weights = estimate_weights(patterns, population)
    for field in ("phone", "mail", "name", "birth_date", "address", "sex"):
        assert weights.m[field] == pytest.approx(M[field], abs=0.04), field
    for field in ("name", "birth_date", "sex"):
        assert weights.u[field] == pytest.approx(U[field], rel=0.1), field
    assert weights.prior * population.pairs == pytest.approx(MATCHES, rel=0.05)
    found_share = 1 - (1 - H["phone"]) * (
        1 - H["device"]
    )  # of the households' pairs, those that a block finds
    assert weights.prior_household * population.pairs == pytest.approx(
        HOUSEHOLDS * found_share, rel=0.1
    )
    assert weights.h["phone"] == pytest.approx(H["phone"], abs=0.1)


def test_a_shop_with_hardly_any_pairs_keeps_to_what_is_believed_before() -> None:
    one = tuple(AGREES if field in ("phone", "name") else DIFFERS for field in FIELDS)
    weights = estimate_weights(
        [(one, 1)], Population(100, dict.fromkeys(FIELDS, 100), {"phone": 1.0, "name": 1.0})
    )
    assert 0.8 < weights.m["mail"] < 1
    assert 0 < weights.prior < 0.01


def test_two_accounts_are_a_shop_too() -> None:
    one = tuple(AGREES if field in ("address", "device") else DIFFERS for field in FIELDS)
    weights = estimate_weights(
        [(one, 1)], Population(2, dict.fromkeys(FIELDS, 2), {"address": 1.0, "device": 1.0})
    )
    assert 0 < weights.prior < 0.31
    assert all(
        0 < chance < 1
        for chances in (weights.m, weights.h, weights.u)
        for chance in chances.values()
    )
