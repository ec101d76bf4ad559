"""Ranks of the nearest products, compared block by block; shared by cosine, Jaccard and Pearson."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

Names = npt.NDArray[np.object_]


def rank_neighbours(names: Names, pairs: pd.DataFrame, *, by: str, k: int) -> pd.DataFrame:
    """The k products with the largest measure above 0 for each product, without itself.

    Ties are broken by product id.

    Args:
        names: product ids, ascending.
        pairs: row and column (indices into the names), and measures.
        by: the measure that ranks.
        k: neighbours per product.

    Returns:
        product_id, rank (int), neighbour_id and the measures.
    """
    is_pair = (pairs["row"] != pairs["column"]) & (pairs[by] > 0)
    ordered = pairs[is_pair].sort_values(["row", by, "column"], ascending=[True, False, True])
    rank = (ordered.groupby("row").cumcount() + 1).astype("int32")
    nearest = ordered[rank <= k]
    measures = [name for name in pairs.columns if name not in ("row", "column")]
    return pd.DataFrame(
        {
            "product_id": names[nearest["row"].to_numpy()],
            "rank": rank[rank <= k].to_numpy(),
            "neighbour_id": names[nearest["column"].to_numpy()],
            **{name: nearest[name].to_numpy() for name in measures},
        }
    )


def compare_in_blocks(
    spark: SparkSession,
    compare: Callable[[int, int], pd.DataFrame],
    *,
    rows: int,
    block_rows: int,
    schema: str,
) -> DataFrame:
    """The results of `compare` for all rows.

    Up to `block_rows` rows it runs here, beyond in tasks, to which it is sent.

    Args:
        spark: the session.
        compare: gives the result for the rows from a start to a stop.
        rows: number of rows.
        block_rows: rows per call.
        schema: schema of the results.
    """
    if rows <= block_rows:
        return spark.createDataFrame(compare(0, rows), schema)
    starts = spark.range(0, rows, block_rows, rows // block_rows).withColumnRenamed("id", "start")

    def compare_blocks(frames: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for frame in frames:
            for start in frame["start"]:
                yield compare(int(start), min(int(start) + block_rows, rows))

    return starts.mapInPandas(compare_blocks, schema)
