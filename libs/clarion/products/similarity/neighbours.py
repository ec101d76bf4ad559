"""The products most like each product by cosine: exact, only for what changed, or approximate where there are too many."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

from clarion.products.similarity.ranking import Names, in_blocks, ranked
from clarion.products.similarity.settings import ProductSettings

_SCHEMA = "product_id string, rank int, neighbour_id string, cosine double"
_DIGITS = 12
_THREADS = 2  # of a task; two need two thirds of the processor time of one: 20,000 of 50,000 rows took 3.3 s by two, 9.8 s by one
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """Neighbours of a day, and how they were found.

    Args:
        near: PRODUCT_NEIGHBOURS.
        compared: rows that were held against all others; the rest of the rows is carried on from the day before.
        recall: of the approximate neighbours, the share that is among the exact ones, on a sample; None where all are exact.
    """

    near: DataFrame
    compared: int
    recall: float | None


@dataclass(frozen=True, slots=True)
class Rows:
    """The matrix on one machine.

    Args:
        names: products, ascending, shape (n,).
        hashes: of each row, shape (n,): equal rows have equal hashes.
        cells: rows of length one, shape (n, d).
    """

    names: Names
    hashes: Positions
    cells: "csr_matrix"


def purity(near: DataFrame, vectors: DataFrame) -> tuple[float, float] | None:
    """How often a neighbour is of the product's own category, and how often a product drawn at random would be.

    Args:
        near: PRODUCT_NEIGHBOURS of a day.
        vectors: PRODUCT_VECTORS of the day.

    Returns:
        Share and chance, both in [0, 1]; None where no neighbour has a category.
    """
    known = vectors.where("category IS NOT NULL AND size(indices) > 0").select(
        "product_id", "category"
    )
    theirs = known.select(
        F.col("product_id").alias("neighbour_id"), F.col("category").alias("its_category")
    )
    share = (
        near.join(known, "product_id")
        .join(theirs, "neighbour_id")
        .agg(F.avg((F.col("category") == F.col("its_category")).cast("double")))
    )
    sizes = known.groupBy("category").agg(F.count("*").alias("n"))
    pairs = F.sum("n") * (F.sum("n") - 1)
    chance = sizes.agg(F.try_divide(F.sum(F.col("n") * (F.col("n") - 1)), pairs).cast("double"))
    found, by_chance = share.first(), chance.first()
    if found is None or by_chance is None or found[0] is None or by_chance[0] is None:
        return None
    return float(found[0]), float(by_chance[0])


def nearest(
    vectors: DataFrame,
    before: tuple[DataFrame, DataFrame] | None,
    *,
    as_of: date,
    settings: ProductSettings,
) -> Found:
    """The k products of largest cosine for each product, itself left out; ties by product id.

    Rows that are equal are compared once. Where a model's rows of an earlier day are given, only what is new or changed is
    compared with all. Up to `exact_up_to` different rows the neighbours are exact; beyond, only products are compared that
    share a feature which is not common.

    Args:
        vectors: PRODUCT_VECTORS of the day.
        before: PRODUCT_VECTORS and PRODUCT_NEIGHBOURS of an earlier day under the same model, or None.
        as_of: the day.
        settings: k, limits.
    """
    rows, spark = _gathered(vectors), vectors.sparkSession
    if not len(rows.names):
        return Found(_as_table(spark.createDataFrame([], _SCHEMA), as_of, settings), 0, None)
    classes = _classes(rows)
    if len(classes.first) > settings.exact_up_to:
        return _approximate(spark, rows, classes, as_of=as_of, settings=settings)
    if before is not None:
        updated = _updated(spark, rows, classes, *before, settings=settings)
        if updated is not None:
            near, compared = updated
            return Found(_as_table(near, as_of, settings), compared, None)
    found = in_blocks(
        spark,
        len(classes.first),
        partial(_of_classes, rows, classes, k=settings.neighbours),
        block_rows=settings.block_rows,
        schema=_SCHEMA,
    )
    return Found(_as_table(found, as_of, settings), len(rows.names), None)


def _as_table(found: DataFrame, as_of: date, settings: ProductSettings) -> DataFrame:
    cosine, twice = (
        F.least("cosine", F.lit(1.0)).alias("cosine"),
        (F.col("cosine") >= settings.duplicate_cosine - 1e-9).alias("near_duplicate"),
    )
    return found.select(
        F.lit(as_of).alias("as_of"), "product_id", "rank", "neighbour_id", cosine, twice
    )


def _gathered(vectors: DataFrame) -> Rows:
    rows = vectors.where("size(indices) > 0").select(
        "product_id", "indices", "weights", F.xxhash64("indices", "weights").alias("hash")
    )
    everything = rows.toPandas().sort_values(
        "product_id", ignore_index=True
    )  # the whole matrix, sparse: a few hundred bytes a product
    return Rows(
        everything["product_id"].to_numpy(dtype=object),
        everything["hash"].to_numpy(dtype=np.int64),
        matrix(everything),
    )


def matrix(rows: pd.DataFrame) -> "csr_matrix":
    """Sparse matrix (n, d) of rows with indices and weights."""
    if rows.empty:
        return csr_matrix((0, 0))
    lengths = rows["indices"].map(len).to_numpy()
    indices = np.concatenate([np.asarray(item, dtype=np.int32) for item in rows["indices"]])
    values = np.concatenate([np.asarray(item, dtype=np.float64) for item in rows["weights"]])
    return csr_matrix(
        (values, indices, np.concatenate([[0], np.cumsum(lengths)])),
        shape=(len(rows), int(indices.max()) + 1),
    )


@dataclass(frozen=True, slots=True)
class _Classes:
    """Products with equal rows.

    Args:
        first: position of the first product of each class, ascending.
        members: positions of all products, class by class, ascending within one.
        starts: where each class begins among the members, and behind the last one the end.
        cells: one row a class.
    """

    first: Positions
    members: Positions
    starts: Positions
    cells: "csr_matrix"


def _classes(rows: Rows) -> _Classes:
    _, first, of = np.unique(rows.hashes, return_index=True, return_inverse=True)
    order = np.argsort(
        first
    )  # classes in order of their first product, so that ties among classes go by product
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    of_product = place[of]
    members = np.argsort(of_product, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(of_product, minlength=len(first)))])
    return _Classes(first[order], members, starts, rows.cells[first[order]])


def _of_classes(rows: Rows, classes: _Classes, start: int, stop: int, *, k: int) -> pd.DataFrame:
    """The k nearest of all products of the classes from `start` to `stop`."""
    return _spread(rows, classes, _among_all(classes, np.arange(start, stop), k=k), k=k)


def _among_all(classes: _Classes, left: Positions, *, k: int) -> pd.DataFrame:
    """The nearest classes of some, with room for the class itself and to break ties at the edge by name."""
    return _top(classes.cells, left, classes.cells, None, n=k + 3)


def _top(
    of_left: "csr_matrix",
    left: Positions,
    of_right: "csr_matrix",
    right: Positions | None,
    *,
    n: int,
) -> pd.DataFrame:
    """The n nearest of some rows among some others, or all: row, column, cosine."""
    if not len(left) or (right is not None and not len(right)):
        return pd.DataFrame(
            {
                "row": np.zeros(0, dtype=np.int64),
                "column": np.zeros(0, dtype=np.int64),
                "cosine": np.zeros(0),
            }
        )
    others = of_right if right is None else of_right[right]
    product = sp_matmul_topn(
        of_left[left],
        others.T.tocsr(),
        top_n=min(n, others.shape[0]),
        sort=True,
        n_threads=_THREADS,
    )
    row = left[np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))]
    column = product.indices.astype(np.int64) if right is None else right[product.indices]
    return pd.DataFrame({"row": row, "column": column, "cosine": product.data.round(_DIGITS)})


def _spread(rows: Rows, classes: _Classes, pairs: pd.DataFrame, *, k: int) -> pd.DataFrame:
    """From pairs of classes to the k nearest of every product of the classes on their left; of a class of several each is the others' nearest."""
    left = pairs["row"].unique()
    itself = pd.DataFrame({"row": left, "column": left, "cosine": 1.0})
    members = _each(
        pd.concat([pairs[pairs["row"] != pairs["column"]], itself]),
        classes,
        by="column",
        limit=k + 1,
    )
    best = (
        members.sort_values(["row", "cosine", "column"], ascending=[True, False, True])
        .groupby("row")
        .head(k + 1)
    )
    return ranked(rows.names, _each(best, classes, by="row"), by="cosine", k=k)


def _each(
    pairs: pd.DataFrame, classes: _Classes, *, by: str, limit: int | None = None
) -> pd.DataFrame:
    """A row for each of the first members of the class that a column names, which then names the member."""
    of, sizes = pairs[by].to_numpy(), np.diff(classes.starts)
    times = sizes[of] if limit is None else np.minimum(sizes[of], limit)
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    repeated = pairs.iloc[np.repeat(np.arange(len(pairs)), times)]
    return repeated.assign(
        **{by: classes.members[classes.starts[repeated[by].to_numpy()] + within]}
    )


def _updated(
    spark: SparkSession,
    rows: Rows,
    classes: _Classes,
    vectors: DataFrame,
    near: DataFrame,
    *,
    settings: ProductSettings,
) -> tuple[DataFrame, int] | None:
    """Neighbours from those of an earlier day: exact, and only new and changed products are compared with all; None where too many are.

    A product that did not change keeps its neighbours that did not, and gets new and changed ones that are nearer. Where one of its
    neighbours changed or went, others could have stood behind the edge of its list: if what stands there now does not lie above
    that edge, it is compared anew.
    """
    k, n = settings.neighbours, len(rows.names)
    lists = near.select(
        "product_id", "neighbour_id", "rank", "cosine"
    ).toPandas()  # k rows a product
    same = _unchanged(rows, vectors, lists)
    if n - same.sum() > settings.full_refresh_share * n:
        return None
    class_of = np.empty(n, dtype=np.int64)
    class_of[classes.members] = np.repeat(np.arange(len(classes.first)), np.diff(classes.starts))
    fresh = np.unique(class_of[~same])
    rest = np.setdiff1d(np.arange(len(classes.first)), fresh)
    closer = _each(
        _each(
            _top(classes.cells, rest, classes.cells, fresh, n=k + 3),
            classes,
            by="column",
            limit=k + 1,
        ),
        classes,
        by="row",
    )
    lists = _of_unchanged(lists, rows.names, same)
    stayed = lists.loc[lists["stays"], ["row", "column", "cosine"]].astype({"column": np.int64})
    # Of a class with new members the others are new to each other, too: they come by way of `fresh`.
    merged = pd.concat([stayed[~np.isin(class_of[stayed["column"]], fresh)], closer])
    anew = np.union1d(fresh, class_of[_uncertain(lists, merged, k)])
    carried = merged[~np.isin(class_of[merged["row"].to_numpy(dtype=np.int64)], anew)]
    found = pd.concat(
        [
            ranked(rows.names, carried, by="cosine", k=k),
            _spread(rows, classes, _among_all(classes, anew, k=k), k=k),
        ]
    )
    return spark.createDataFrame(found, _SCHEMA), int(np.diff(classes.starts)[anew].sum())


def _unchanged(rows: Rows, vectors: DataFrame, lists: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which products have the row of the earlier day and a list of neighbours, shape (n,).

    Without a list nothing is known of a product; of one that is like no other the same has to be found again.
    """
    old = (
        vectors.where("size(indices) > 0")
        .select("product_id", F.xxhash64("indices", "weights").alias("hash"))
        .toPandas()
    )
    hashes = old.set_index("product_id")["hash"].reindex(rows.names, fill_value=0)
    return (
        hashes.eq(pd.Series(rows.hashes, index=rows.names)) & hashes.index.isin(lists["product_id"])
    ).to_numpy()


def _of_unchanged(lists: pd.DataFrame, names: Names, same: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """The lists of products that did not change: row, column, rank, cosine, and whether the neighbour did not change either; else it has no column."""
    place = pd.Series(np.flatnonzero(same), index=names[same])
    mine = lists[lists["product_id"].isin(place.index)]
    column = place.reindex(mine["neighbour_id"]).to_numpy()
    return mine.assign(
        row=place[mine["product_id"]].to_numpy(), column=column, stays=~np.isnan(column)
    )


def _uncertain(lists: pd.DataFrame, merged: pd.DataFrame, k: int) -> Positions:
    """Rows that lost a neighbour and whose list does not reach above its old edge any more."""
    lost = lists.loc[~lists["stays"], "row"].unique()
    edge = lists[(lists["rank"] == k) & lists["row"].isin(lost)].set_index("row")[
        "cosine"
    ]  # a shorter list had nobody behind its edge
    of_lost = merged[merged["row"].isin(edge.index)]
    above = (
        of_lost[of_lost["cosine"].to_numpy() > edge.reindex(of_lost["row"]).to_numpy()]
        .groupby("row")
        .size()
        .reindex(edge.index, fill_value=0)
    )
    return np.asarray(above.index[above < k], dtype=np.int64)


def _approximate(
    spark: SparkSession, rows: Rows, classes: _Classes, *, as_of: date, settings: ProductSettings
) -> Found:
    """Neighbours among products that share a feature which is not common: time grows with their number, not with its square."""
    rare = _rare(classes.cells, settings.common_feature)
    compare = partial(_candidates, rows, classes, rare, settings)
    found = in_blocks(
        spark, len(classes.first), compare, block_rows=settings.block_rows, schema=_SCHEMA
    )
    return Found(
        _as_table(found, as_of, settings),
        len(rows.names),
        _recall(rows, classes, compare, settings),
    )


def _rare(cells: "csr_matrix", common: int) -> "csr_matrix":
    """The matrix without the features that more rows than `common` have."""
    kept = np.asarray(cells.getnnz(axis=0)) <= common
    return csr_matrix(
        cells @ csr_matrix((kept.astype(np.float64), (np.arange(len(kept)), np.arange(len(kept)))))
    )


def _candidates(
    rows: Rows,
    classes: _Classes,
    rare: "csr_matrix",
    settings: ProductSettings,
    start: int,
    stop: int,
) -> pd.DataFrame:
    """The k nearest of the classes from `start` to `stop` among their candidates; of one with too few candidates, among all."""
    k = settings.neighbours
    near = _top(rare, np.arange(start, stop), rare, None, n=settings.candidates)
    near = near.assign(
        cosine=_cosines(classes.cells, near["row"].to_numpy(), near["column"].to_numpy())
    )
    few = np.flatnonzero(np.bincount(near["row"] - start, minlength=stop - start) <= k) + start
    return _spread(
        rows, classes, pd.concat([near[~near["row"].isin(few)], _among_all(classes, few, k=k)]), k=k
    )


def _cosines(
    cells: "csr_matrix", left: Positions, right: Positions, *, at_a_time: int = 200_000
) -> npt.NDArray[np.float64]:
    """Cosine of each pair of rows, shape (pairs,)."""
    parts: Iterable[slice] = (
        slice(first, first + at_a_time) for first in range(0, len(left), at_a_time)
    )
    found = [
        np.asarray(cells[left[part]].multiply(cells[right[part]]).sum(axis=1)).ravel()
        for part in parts
    ]
    return np.concatenate(found).round(_DIGITS) if found else np.zeros(0)


def _recall(
    rows: Rows, classes: _Classes, compare: "partial[pd.DataFrame]", settings: ProductSettings
) -> float:
    """Share of the exact neighbours of a sample that the approximate ones hold; one as near as the last exact one counts."""
    k, n = settings.neighbours, len(classes.first)
    sample = np.unique(np.linspace(0, n - 1, min(settings.recall_sample, n)).astype(np.int64))
    hits = exact = 0
    for place in sample:
        name = rows.names[classes.first[place]]
        whole = _of_classes(rows, classes, int(place), int(place) + 1, k=k)
        whole = whole[whole["product_id"] == name]
        found = compare(int(place), int(place) + 1)
        edge = whole["cosine"].min()
        hits += min(
            int((found.loc[found["product_id"] == name, "cosine"] >= edge).sum()), len(whole)
        )
        exact += len(whole)
    return hits / exact if exact else 1.0
