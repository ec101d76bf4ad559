"""Products that the same people buy (Jaccard) or rate alike (Pearson): exact, block by block."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from clarion.measures.columns.frames import local_frame
from clarion.products.similarity.ranking import Names, compare_in_blocks, rank_neighbours
from clarion.products.similarity.settings import PairSettings

_SCHEMA = "product_id string, rank int, neighbour_id string, similarity double, common bigint"
Compare = Callable[["CustomerMatrix", int, int], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class CustomerMatrix:
    """Which customer bought or rated which product, as a sparse matrix.

    Args:
        names: product ids, ascending, shape (p,).
        values: a row per product, a column per customer, shape (p, c): 1 for a buyer, or the
            rating.
        mask: the same with 1 wherever there is a value, also where the rating is 0.
    """

    names: Names
    values: csr_matrix
    mask: csr_matrix


def customer_matrix(pairs: pd.DataFrame) -> CustomerMatrix:
    """The matrix of customer_id, product_id and value, each pair once."""
    product_ids = pairs["product_id"].to_numpy(dtype=object).astype(str)
    customer_ids = pairs["customer_id"].to_numpy(dtype=object).astype(str)
    names, rows = np.unique(product_ids, return_inverse=True)
    customers, columns = np.unique(customer_ids, return_inverse=True)
    shape = (len(names), len(customers))
    values = pairs["value"].to_numpy(dtype=np.float64)
    return CustomerMatrix(
        names.astype(object),
        csr_matrix((values, (rows, columns)), shape),
        csr_matrix((np.ones(len(values)), (rows, columns)), shape),
    )


def product_similarities(
    purchases: DataFrame, ratings: DataFrame | None, *, settings: PairSettings
) -> DataFrame:
    """The products with the most buyers in common, and those whose ratings correlate most.

    Jaccard's measure is |A and B| / |A or B| over buyers; Pearson's is the correlation over the
    customers who rated both. Ties are broken by product id.

    Args:
        purchases: customer_id, product_id; repeats count once.
        ratings: customer_id, product_id, rating; of a customer's ratings of a product the mean
            counts. None where the shop has none.
        settings: neighbours per product (top_k), customers in common below which two products
            are not compared (min_common), products compared at a time (block_rows).

    Returns:
        measure ('jaccard' or 'pearson'), product_id, rank, neighbour_id, similarity, common
        (customers).
    """
    pairs = {"jaccard": _buyer_pairs(purchases)}
    if ratings is not None:
        pairs["pearson"] = _rating_pairs(ratings)
    frequent_pairs = [
        _frequent_pairs(frame, settings.min_common).withColumn("measure", F.lit(number))
        for number, frame in enumerate(pairs.values())
    ]
    # Sparse, one row per customer and product; collected at once, since each collection waits.
    rows = reduce(DataFrame.unionByName, frequent_pairs).toPandas()
    similarities = [
        _similarities(
            purchases.sparkSession,
            rows[rows["measure"] == number],
            partial(_COMPARISONS[measure], min_common=settings.min_common, k=settings.top_k),
            block_rows=settings.block_rows,
        ).withColumn("measure", F.lit(measure))
        for number, measure in enumerate(pairs)
    ]
    return reduce(DataFrame.unionByName, similarities).select(
        "measure", "product_id", "rank", "neighbour_id", "similarity", "common"
    )


def _buyer_pairs(purchases: DataFrame) -> DataFrame:
    return (
        purchases.where("customer_id IS NOT NULL")
        .select("customer_id", "product_id")
        .distinct()
        .withColumn("value", F.lit(1.0))
    )


def _rating_pairs(ratings: DataFrame) -> DataFrame:
    mean_rating = F.avg(F.col("rating").cast("double"))
    return (
        ratings.where("customer_id IS NOT NULL AND rating IS NOT NULL")
        .groupBy("customer_id", "product_id")
        .agg(mean_rating.alias("value"))
    )


def _similarities(
    spark: SparkSession, rows: pd.DataFrame, compare: Compare, *, block_rows: int
) -> DataFrame:
    if rows.empty:
        return local_frame(spark, [], _SCHEMA)
    matrix = customer_matrix(rows)
    # The whole matrix is sent to each task.
    return compare_in_blocks(
        spark,
        partial(compare, matrix),
        rows=len(matrix.names),
        block_rows=block_rows,
        schema=_SCHEMA,
    )


def _frequent_pairs(pairs: DataFrame, min_customers: int) -> DataFrame:
    """Pairs of products with enough customers; others cannot have enough in common."""
    frequent = (
        pairs.groupBy("product_id")
        .agg(F.count("*").alias("customers"))
        .where(F.col("customers") >= min_customers)
    )
    return pairs.join(frequent.select("product_id"), "product_id")


def jaccard(
    matrix: CustomerMatrix, start: int, stop: int, *, min_common: int, k: int
) -> pd.DataFrame:
    """The k nearest by buyers in common, for the products from `start` to `stop`."""
    sizes = np.asarray(matrix.mask.sum(1)).ravel()
    cells = (matrix.mask[start:stop] @ matrix.mask.T).tocoo()
    is_common = cells.data >= min_common
    rows = cells.row[is_common] + start
    columns = cells.col[is_common]
    common = cells.data[is_common]
    union = sizes[rows] + sizes[columns] - common
    return _rank_pairs(matrix.names, _pair_frame(rows, columns, common / union, common), k=k)


def pearson(
    matrix: CustomerMatrix, start: int, stop: int, *, min_common: int, k: int
) -> pd.DataFrame:
    """The k nearest by correlation of ratings, for the products from `start` to `stop`.

    Every sum is over the customers in common, so each is a product of sparse matrices. There is
    no correlation where all of them gave one of the two products the same rating.
    """
    values = matrix.values[start:stop]
    mask = matrix.mask[start:stop]
    squares = values.multiply(values).tocsr()
    all_squares = matrix.values.multiply(matrix.values).tocsr()
    cells = (mask @ matrix.mask.T).tocsr().tocoo()
    is_common = cells.data >= min_common
    row = cells.row[is_common]
    column = cells.col[is_common]
    n = cells.data[is_common]

    def sum_over_common(left: csr_matrix, right: csr_matrix) -> npt.NDArray[np.float64]:
        return np.asarray((left @ right.T).tocsr()[row, column]).ravel()

    x = sum_over_common(values, matrix.mask)
    y = sum_over_common(mask, matrix.values)
    xx = sum_over_common(squares, matrix.mask)
    yy = sum_over_common(mask, all_squares)
    xy = sum_over_common(values, matrix.values)
    spread = np.maximum(n * xx - x * x, 0.0) * np.maximum(n * yy - y * y, 0.0)
    varies = spread > 1e-9
    correlation = (n * xy - x * y)[varies] / np.sqrt(spread[varies])
    pairs = _pair_frame(row[varies] + start, column[varies], correlation, n[varies])
    return _rank_pairs(matrix.names, pairs, k=k)


def _pair_frame(
    rows: npt.NDArray[np.int_],
    columns: npt.NDArray[np.int_],
    similarity: npt.NDArray[np.float64],
    common: npt.NDArray[np.float64],
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": rows,
            "column": columns,
            "similarity": similarity.round(12),
            "common": common.astype(np.int64),
        }
    )


def _rank_pairs(names: Names, pairs: pd.DataFrame, *, k: int) -> pd.DataFrame:
    return rank_neighbours(names, pairs, by="similarity", k=k)


_COMPARISONS = {"jaccard": jaccard, "pearson": pearson}
