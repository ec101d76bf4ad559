"""Products that the same people buy (Jaccard) or rate alike (Pearson): exact, block by block."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from clarion.products.similarity.ranking import Names, in_blocks, ranked

_SCHEMA = "product_id string, rank int, neighbour_id string, similarity double, common bigint"


@dataclass(frozen=True, slots=True)
class Opinions:
    """Who has to do with which product, as a sparse matrix.

    Args:
        names: products, ascending, shape (p,).
        values: a row a product, a column a person, shape (p, c): 1 for a buyer, or the rating.
        known: the same with 1 wherever there is a value, a rating of 0 included.
    """

    names: Names
    values: csr_matrix
    known: csr_matrix


def opinions(pairs: pd.DataFrame) -> Opinions:
    """The matrix of customer_id, product_id and value, each pair once."""
    names, rows = np.unique(
        pairs["product_id"].to_numpy(dtype=object).astype(str), return_inverse=True
    )
    people, columns = np.unique(
        pairs["customer_id"].to_numpy(dtype=object).astype(str), return_inverse=True
    )
    shape = (len(names), len(people))
    values = pairs["value"].to_numpy(dtype=np.float64)
    return Opinions(
        names.astype(object),
        csr_matrix((values, (rows, columns)), shape),
        csr_matrix((np.ones(len(values)), (rows, columns)), shape),
    )


def by_buyers(
    bought: DataFrame, *, as_of: date, k: int, min_common: int, block_rows: int
) -> DataFrame:
    """The k products with the largest share of buyers in common: |A and B| / |A or B|; ties by product id.

    Args:
        bought: customer_id, product_id; repeats count once.
        as_of: the day.
        k: neighbours a product.
        min_common: buyers in common below which two products are not compared.
        block_rows: products compared at a time.

    Returns:
        as_of, measure ('jaccard'), product_id, rank, neighbour_id, similarity, common (buyers).
    """
    pairs = (
        bought.where("customer_id IS NOT NULL")
        .select("customer_id", "product_id")
        .distinct()
        .withColumn("value", F.lit(1.0))
    )
    return _nearest(
        _often(pairs, min_common),
        partial(jaccard, min_common=min_common, k=k),
        measure="jaccard",
        as_of=as_of,
        block_rows=block_rows,
    )


def by_ratings(
    rated: DataFrame, *, as_of: date, k: int, min_common: int, block_rows: int
) -> DataFrame:
    """The k products whose ratings go together most: Pearson's correlation over the people who rated both; ties by product id.

    Args:
        rated: customer_id, product_id, value; the mean of a person's ratings of a product counts.
        as_of: the day.
        k: neighbours a product.
        min_common: people in common below which a correlation says nothing.
        block_rows: products compared at a time.

    Returns:
        as_of, measure ('pearson'), product_id, rank, neighbour_id, similarity, common (people).
    """
    known = rated.where("customer_id IS NOT NULL AND value IS NOT NULL")
    pairs = known.groupBy("customer_id", "product_id").agg(
        F.avg(F.col("value").cast("double")).alias("value")
    )
    return _nearest(
        _often(pairs, min_common),
        partial(pearson, min_common=min_common, k=k),
        measure="pearson",
        as_of=as_of,
        block_rows=block_rows,
    )


def _often(pairs: DataFrame, people: int) -> DataFrame:
    """The pairs of products that so many people have to do with; others cannot have as many in common."""
    enough = (
        pairs.groupBy("product_id")
        .agg(F.count("*").alias("people"))
        .where(F.col("people") >= people)
    )
    return pairs.join(enough.select("product_id"), "product_id")


def _nearest(
    pairs: DataFrame,
    block: Callable[..., pd.DataFrame],
    *,
    measure: str,
    as_of: date,
    block_rows: int,
) -> DataFrame:
    rows = pairs.toPandas()  # one row a customer and product: sparse, and sent whole to each task
    spark = pairs.sparkSession
    if rows.empty:
        found = spark.createDataFrame([], _SCHEMA)
    else:
        of = opinions(rows)
        found = in_blocks(
            spark, len(of.names), partial(block, of), block_rows=block_rows, schema=_SCHEMA
        )
    return found.select(
        F.lit(as_of).alias("as_of"),
        F.lit(measure).alias("measure"),
        "product_id",
        "rank",
        "neighbour_id",
        "similarity",
        "common",
    )


def jaccard(of: Opinions, start: int, stop: int, *, min_common: int, k: int) -> pd.DataFrame:
    """The k nearest by buyers in common, of the products from `start` to `stop`."""
    sizes = np.asarray(of.known.sum(1)).ravel()
    common = (of.known[start:stop] @ of.known.T).tocoo()
    keep = common.data >= min_common
    rows, columns, both = common.row[keep] + start, common.col[keep], common.data[keep]
    return _ranked(of, rows, columns, both / (sizes[rows] + sizes[columns] - both), both, k=k)


def pearson(of: Opinions, start: int, stop: int, *, min_common: int, k: int) -> pd.DataFrame:
    """The k nearest by correlation over the people who rated both, of the products from `start` to `stop`.

    Every sum runs over the people in common, so that each is a product of sparse matrices. Where one of the two was
    rated alike by all of them there is no correlation.
    """
    left, left_known = of.values[start:stop], of.known[start:stop]
    common = (left_known @ of.known.T).tocsr()
    cells = common.tocoo()
    keep = cells.data >= min_common
    row, column, n = cells.row[keep], cells.col[keep], cells.data[keep]

    def over(one: csr_matrix, other: csr_matrix) -> npt.NDArray[np.float64]:
        return np.asarray((one @ other.T).tocsr()[row, column]).ravel()

    x, y = over(left, of.known), over(left_known, of.values)
    xx, yy, xy = (
        over(left.multiply(left).tocsr(), of.known),
        over(left_known, of.values.multiply(of.values).tocsr()),
        over(left, of.values),
    )
    spread = np.maximum(n * xx - x * x, 0.0) * np.maximum(n * yy - y * y, 0.0)
    varies = spread > 1e-9
    found = (n * xy - x * y)[varies] / np.sqrt(spread[varies])
    return _ranked(of, row[varies] + start, column[varies], found, n[varies], k=k)


def _ranked(
    of: Opinions,
    rows: npt.NDArray[np.int_],
    columns: npt.NDArray[np.int_],
    similarity: npt.NDArray[np.float64],
    common: npt.NDArray[np.float64],
    *,
    k: int,
) -> pd.DataFrame:
    pairs = pd.DataFrame(
        {
            "row": rows,
            "column": columns,
            "similarity": similarity.round(12),
            "common": common.astype(np.int64),
        }
    )
    return ranked(of.names, pairs, by="similarity", k=k)
