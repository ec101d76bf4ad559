"""The most similar products, against NumPy, whichever way they are computed."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.measures.columns.frames import local_frame
from clarion.products.similarity.neighbours import (
    EarlierDay,
    NearestProducts,
    nearest_products,
)
from clarion.products.similarity.settings import ProductSettings

AS_OF = date(2026, 6, 1)
VECTOR = (
    "product_id string, title string, category string, indices array<int>, weights array<double>"
)
Matrix = dict[str, "np.ndarray[Any, np.dtype[np.float64]]"]


@pytest.fixture(scope="module")
def settings(config: Config) -> ProductSettings:
    return replace(config.section(ProductSettings), neighbours=5)


@pytest.fixture
def table(spark: SparkSession) -> Callable[[Matrix], DataFrame]:
    def of(rows: Matrix) -> DataFrame:
        cells = [
            (
                name,
                name,
                "x",
                np.flatnonzero(row).tolist(),
                row[np.flatnonzero(row)].round(12).tolist(),
            )
            for name, row in rows.items()
        ]
        return local_frame(spark, cells, VECTOR)

    return of


def _matrix(n: int, *, seed: int, features: int = 30, each: int = 6) -> Matrix:
    rng = np.random.default_rng(seed)
    rows = {}
    for number in range(n):
        row = np.zeros(features)
        row[rng.choice(features, each, replace=False)] = rng.integers(1, 6, each)
        rows[f"p{number:05d}"] = row / np.linalg.norm(row)
    return rows


def _by_hand(rows: Matrix, k: int) -> pd.DataFrame:
    names = sorted(name for name, row in rows.items() if row.any())
    dense = np.array([rows[name].round(12) for name in names])
    cosines = (dense @ dense.T).round(9)
    neighbours = []
    for index, name in enumerate(names):
        order = sorted(
            (other for other in range(len(names)) if other != index and cosines[index, other] > 0),
            key=lambda other: (-cosines[index, other], other),
        )
        neighbours += [
            (name, rank + 1, names[other], min(cosines[index, other], 1.0))
            for rank, other in enumerate(order[:k])
        ]
    return pd.DataFrame(neighbours, columns=["product_id", "rank", "neighbour_id", "cosine"])


def _sorted(nearest: NearestProducts) -> pd.DataFrame:
    frame = (
        nearest.neighbours.select("product_id", "rank", "neighbour_id", "cosine")
        .toPandas()
        .sort_values(["product_id", "rank"], ignore_index=True)
    )
    return frame.assign(cosine=frame["cosine"].round(9))


def _assert_equal_cosines(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal measures at every rank; names may differ where products tie."""
    keys = ["product_id", "rank"]
    assert actual[keys].equals(expected[keys].astype(actual[keys].dtypes))
    assert np.allclose(actual["cosine"], expected["cosine"], atol=1e-8)


@pytest.mark.covers("M3")
@pytest.mark.parametrize("block_rows", [7, 1000])
def test_neighbours_equal_an_exact_computation(
    table: Callable[[Matrix], DataFrame], settings: ProductSettings, block_rows: int
) -> None:
    rows = _matrix(60, seed=1)
    rows |= {"same1": rows["p00003"], "same2": rows["p00003"], "mute": np.zeros(30)}
    nearest = nearest_products(
        table(rows), None, as_of=AS_OF, settings=replace(settings, block_rows=block_rows)
    )
    _assert_equal_cosines(_sorted(nearest), _by_hand(rows, 5))
    assert nearest.recall is None
    assert nearest.compared == 62
    duplicates = {
        (row["product_id"], row["neighbour_id"])
        for row in nearest.neighbours.where("near_duplicate").collect()
    }
    assert duplicates == set(permutations(("p00003", "same1", "same2"), 2))


def test_ten_thousand_identical_titles_are_each_others_neighbours(
    table: Callable[[Matrix], DataFrame], settings: ProductSettings
) -> None:
    one = _matrix(1, seed=2)["p00000"]
    rows = {f"p{number:05d}": one for number in range(10_000)}
    frame = table(rows)
    started = time.monotonic()
    found = _sorted(nearest_products(frame, None, as_of=AS_OF, settings=settings))
    assert time.monotonic() - started < 60, "comparing each with each would take minutes"
    assert len(found) == 50_000
    assert (found["cosine"] == 1.0).all()
    assert found.loc[found["product_id"] == "p00002", "neighbour_id"].tolist() == [
        "p00000",
        "p00001",
        "p00003",
        "p00004",
        "p00005",
    ]


def _next_day(rows: Matrix, *, seed: int) -> Matrix:
    """Changed, removed and new products; one new one equals an old one, two equal each other."""
    rng = np.random.default_rng(seed)
    later = dict(rows)
    features = len(next(iter(rows.values())))
    other = _matrix(len(rows), seed=seed + 1, features=features)
    names = sorted(rows)
    for name in rng.choice(names, 8, replace=False):
        later[name] = other[name]
    for name in rng.choice(names, 6, replace=False):
        later.pop(name, None)
    new = list(_matrix(4, seed=seed + 2, features=features).values())
    later |= {
        "a_new": new[0],
        "m_new": new[1],
        "z_new": new[1],
        "zz_new": next(iter(rows.values())),
    }
    return later


@pytest.mark.parametrize("seed", range(6))
def test_comparing_what_changed_gives_what_comparing_all_gives(
    table: Callable[[Matrix], DataFrame], settings: ProductSettings, seed: int
) -> None:
    rows = _matrix(120, seed=10 * seed, features=200 if seed % 2 else 30)
    later = _next_day(rows, seed=10 * seed + 1)
    first = table(rows)
    before = nearest_products(first, None, as_of=AS_OF, settings=settings)
    earlier = EarlierDay(first, before.neighbours)
    second = table(later)
    updated = nearest_products(second, earlier, as_of=AS_OF, settings=settings)
    assert updated.compared < len(later), "not all are compared again"
    everything = nearest_products(second, None, as_of=AS_OF, settings=settings)
    pd.testing.assert_frame_equal(_sorted(updated), _sorted(everything))
    _assert_equal_cosines(_sorted(updated), _by_hand(later, 5))


def test_where_most_changed_all_are_compared(
    table: Callable[[Matrix], DataFrame], settings: ProductSettings
) -> None:
    first = table(_matrix(40, seed=1))
    before = nearest_products(first, None, as_of=AS_OF, settings=settings)
    earlier = EarlierDay(first, before.neighbours)
    second = table(_matrix(40, seed=2))
    assert nearest_products(second, earlier, as_of=AS_OF, settings=settings).compared == 40


@pytest.mark.deep  # 600 products, exactly and approximately
def test_approximate_neighbours_say_how_many_they_find(
    table: Callable[[Matrix], DataFrame], settings: ProductSettings
) -> None:
    rows = _matrix(600, seed=5, features=400)
    # A feature that all products share is common, and so is left out in the search for candidates.
    for row in rows.values():
        row[0] = 0.5
    rows = {name: row / np.linalg.norm(row) for name, row in rows.items()}
    few = replace(settings, exact_up_to=100, common_feature=100, candidates=40, recall_sample=200)
    nearest = nearest_products(table(rows), None, as_of=AS_OF, settings=few)
    found = _sorted(nearest)
    edges = _by_hand(rows, 5).groupby("product_id")["cosine"].min()
    edges_of_found = edges.reindex(found["product_id"]).to_numpy()
    hits = (found["cosine"].to_numpy() >= edges_of_found - 1e-8).mean()
    assert nearest.recall is not None
    assert nearest.recall == pytest.approx(hits, abs=0.05)
    assert nearest.recall >= 0.95
    fewer = replace(few, candidates=7)
    worse = nearest_products(table(rows), None, as_of=AS_OF, settings=fewer)
    assert worse.recall is not None
    assert worse.recall < nearest.recall, "fewer candidates find less, and the figure says so"
