"""The products most like each product: exact cosine, block by block."""

from datetime import date
from functools import partial

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

from clarion.products.ranking import Names, in_blocks, ranked

_SCHEMA = "product_id string, rank int, neighbour_id string, cosine double"


def purity(near: DataFrame, vectors: DataFrame) -> tuple[float, float] | None:
    """How often a neighbour is of the product's own category, and how often a product drawn at random would be.

    Args:
        near: PRODUCT_NEIGHBOURS of a day.
        vectors: PRODUCT_VECTORS of the day.

    Returns:
        Share and chance, both in [0, 1]; None where no neighbour has a category.
    """
    known = vectors.where("category IS NOT NULL AND size(indices) > 0").select("product_id", "category")
    theirs = known.select(F.col("product_id").alias("neighbour_id"), F.col("category").alias("its_category"))
    share = near.join(known, "product_id").join(theirs, "neighbour_id").agg(F.avg((F.col("category") == F.col("its_category")).cast("double")))
    sizes = known.groupBy("category").agg(F.count("*").alias("n"))
    pairs = F.sum("n") * (F.sum("n") - 1)
    chance = sizes.agg(F.try_divide(F.sum(F.col("n") * (F.col("n") - 1)), pairs).cast("double"))
    found, by_chance = share.first(), chance.first()
    if found is None or by_chance is None or found[0] is None or by_chance[0] is None:
        return None
    return float(found[0]), float(by_chance[0])


def nearest(vectors: DataFrame, *, as_of: date, k: int, block_rows: int, duplicate_cosine: float = 1.0) -> DataFrame:
    """The k products of largest cosine for each product, itself left out; ties by product id.

    Up to `block_rows` products are compared where the job runs; beyond, the right side travels to each task whole: exact up to
    some 100,000 products.

    Args:
        vectors: PRODUCT_VECTORS of the day.
        as_of: the day.
        k: neighbours a product.
        block_rows: rows compared at a time.
        duplicate_cosine: from which two products may be one that is listed twice.

    Returns:
        PRODUCT_NEIGHBOURS.
    """
    rows = vectors.where("size(indices) > 0").select("product_id", "indices", "weights")
    everything = rows.orderBy("product_id").toPandas()  # the whole matrix, sparse: its size is stated above
    spark, names = vectors.sparkSession, everything["product_id"].to_numpy(dtype=object)
    if everything.empty:
        found = spark.createDataFrame([], _SCHEMA)
    else:
        found = in_blocks(spark, len(names), partial(top, matrix(everything), names, k=k), block_rows=block_rows, schema=_SCHEMA)
    cosine, twice = F.least("cosine", F.lit(1.0)).alias("cosine"), (F.col("cosine") >= duplicate_cosine - 1e-9).alias("near_duplicate")
    return found.select(F.lit(as_of).alias("as_of"), "product_id", "rank", "neighbour_id", cosine, twice)


def matrix(rows: pd.DataFrame) -> "csr_matrix":
    """Sparse matrix (n, d) of rows with indices and weights."""
    lengths = rows["indices"].map(len).to_numpy()
    indices = np.concatenate([np.asarray(item, dtype=np.int32) for item in rows["indices"]])
    values = np.concatenate([np.asarray(item, dtype=np.float64) for item in rows["weights"]])
    return csr_matrix((values, indices, np.concatenate([[0], np.cumsum(lengths)])), shape=(len(rows), int(indices.max()) + 1))


def top(right: "csr_matrix", names: Names, start: int, stop: int, *, k: int) -> pd.DataFrame:
    """The k nearest of the rows from `start` to `stop`, among all."""
    # Three more than asked for: the product itself, and room to break ties at the edge by name.
    product = sp_matmul_topn(right[start:stop], right.T.tocsr(), top_n=min(k + 3, right.shape[0]), sort=True)
    rows = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr)) + start
    return ranked(names, pd.DataFrame({"row": rows, "column": product.indices, "cosine": product.data.round(12)}), by="cosine", k=k)
