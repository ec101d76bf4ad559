"""The products most similar to each product by cosine.

They are exact; computed from changes only where that is possible; or approximate where there are
too many products.
"""

from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.frames import local_frame
from clarion.products.similarity.approximate import ApproximateSearch, rare_features
from clarion.products.similarity.distinct_rows import (
    DistinctRows,
    ProductMatrix,
    exact_neighbours,
    sparse_matrix,
)
from clarion.products.similarity.incremental import (
    EarlierNeighbours,
    UpdatedNeighbours,
    update_neighbours,
)
from clarion.products.similarity.ranking import compare_in_blocks
from clarion.products.similarity.settings import ProductSettings

_SCHEMA = "product_id string, rank int, neighbour_id string, cosine double"


@dataclass(frozen=True, slots=True)
class EarlierDay:
    """Tables of an earlier day under the same model.

    Args:
        vectors: PRODUCT_VECTORS.
        neighbours: PRODUCT_NEIGHBOURS.
    """

    vectors: DataFrame
    neighbours: DataFrame


@dataclass(frozen=True, slots=True)
class NearestProducts:
    """Neighbours of a day, and how they were computed.

    Args:
        neighbours: PRODUCT_NEIGHBOURS.
        compared: products that were compared with all others; the rest is from the earlier day.
        recall: share of the exact neighbours that approximate ones include, on a sample; None
            where all are exact.
    """

    neighbours: DataFrame
    compared: int
    recall: float | None = None


def nearest_products(
    vectors: DataFrame, earlier: EarlierDay | None, *, as_of: date, settings: ProductSettings
) -> NearestProducts:
    """The k products of largest cosine for each product, without itself; ties by product id.

    Equal rows are compared once. Given an earlier day under the same model, only new and changed
    products are compared with all. Up to `exact_up_to` distinct rows the neighbours are exact;
    beyond, only products that share a rare feature are compared.

    Args:
        vectors: PRODUCT_VECTORS of the day.
        earlier: tables of an earlier day under the same model, or None.
        as_of: the day.
        settings: k and limits.
    """
    spark = vectors.sparkSession
    matrix = _collect_matrix(vectors)
    distinct = matrix.distinct_rows()
    table = partial(_neighbours_table, as_of=as_of, settings=settings)
    if not len(distinct):
        return NearestProducts(table(local_frame(spark, [], _SCHEMA)), 0)
    if len(distinct) > settings.exact_up_to:
        search = _approximate_search(matrix, distinct, settings)
        compare = search.neighbours
        recall = search.recall(settings.recall_sample)
    else:
        updated = _update(matrix, distinct, earlier, settings)
        if updated is not None:
            neighbours = spark.createDataFrame(updated.neighbours, _SCHEMA)
            return NearestProducts(table(neighbours), updated.compared)
        compare = partial(exact_neighbours, matrix, distinct, k=settings.neighbours)
        recall = None
    neighbours = compare_in_blocks(
        spark, compare, rows=len(distinct), block_rows=settings.block_rows, schema=_SCHEMA
    )
    return NearestProducts(table(neighbours), len(matrix.names), recall)


def _collect_matrix(vectors: DataFrame) -> ProductMatrix:
    """The whole matrix; sparse, it takes a few hundred bytes per product."""
    rows = _hashed_rows(vectors, "indices", "weights").toPandas()
    rows = rows.sort_values("product_id", ignore_index=True)
    return ProductMatrix(
        rows["product_id"].to_numpy(dtype=object),
        rows["hash"].to_numpy(dtype=np.int64),
        sparse_matrix(rows),
    )


def _hashed_rows(vectors: DataFrame, *columns: str) -> DataFrame:
    """product_id, hash of the row, and further columns, of products with text."""
    row_hash = F.xxhash64("indices", "weights").alias("hash")
    return vectors.where("size(indices) > 0").select("product_id", row_hash, *columns)


def _approximate_search(
    matrix: ProductMatrix, distinct: DistinctRows, settings: ProductSettings
) -> ApproximateSearch:
    return ApproximateSearch(
        matrix,
        distinct,
        rare_features(distinct.cells, common=settings.common_feature),
        k=settings.neighbours,
        candidates=settings.candidates,
    )


def _update(
    matrix: ProductMatrix,
    distinct: DistinctRows,
    earlier: EarlierDay | None,
    settings: ProductSettings,
) -> UpdatedNeighbours | None:
    if earlier is None:
        return None
    lists = earlier.neighbours.select("product_id", "neighbour_id", "rank", "cosine")
    collected = EarlierNeighbours(_hashed_rows(earlier.vectors).toPandas(), lists.toPandas())
    return update_neighbours(
        matrix,
        distinct,
        collected,
        k=settings.neighbours,
        full_refresh_share=settings.full_refresh_share,
    )


def _neighbours_table(
    neighbours: DataFrame, *, as_of: date, settings: ProductSettings
) -> DataFrame:
    is_duplicate = F.col("cosine") >= settings.duplicate_cosine - 1e-9
    return neighbours.select(
        F.lit(as_of).alias("as_of"),
        "product_id",
        "rank",
        "neighbour_id",
        F.least("cosine", F.lit(1.0)).alias("cosine"),
        is_duplicate.alias("near_duplicate"),
    )
