"""The nearest products of each, compared block by block: what cosine, Jaccard and Pearson share."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

Names = npt.NDArray[np.object_]


def ranked(names: Names, pairs: pd.DataFrame, *, by: str, k: int) -> pd.DataFrame:
    """The k products of each with the largest measure above 0, itself left out; ties by product id.

    Args:
        names: products, ascending.
        pairs: row, column (positions among the names) and measures.
        by: the measure that ranks.
        k: neighbours a product.

    Returns:
        product_id, rank (int), neighbour_id and the measures.
    """
    measures = [name for name in pairs.columns if name not in ("row", "column")]
    apart = pairs[(pairs["row"] != pairs["column"]) & (pairs[by] > 0)].sort_values(
        ["row", by, "column"], ascending=[True, False, True]
    )
    place = (apart.groupby("row").cumcount() + 1).astype("int32")
    near, place = apart[place <= k], place[place <= k]
    ends = {
        "product_id": names[near["row"].to_numpy()],
        "rank": place.to_numpy(),
        "neighbour_id": names[near["column"].to_numpy()],
    }
    return pd.DataFrame({**ends, **{name: near[name].to_numpy() for name in measures}})


def in_blocks(
    spark: SparkSession,
    rows: int,
    compare: Callable[[int, int], pd.DataFrame],
    *,
    block_rows: int,
    schema: str,
) -> DataFrame:
    """What `compare` finds for the rows from a start to a stop, for all rows: here up to `block_rows`, beyond in tasks to which it travels."""
    if rows <= block_rows:
        return spark.createDataFrame(compare(0, rows), schema)
    starts = spark.range(0, rows, block_rows, rows // block_rows).withColumnRenamed("id", "start")

    def blocks(frames: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for frame in frames:
            for start in frame["start"]:
                yield compare(int(start), min(int(start) + block_rows, rows))

    return starts.mapInPandas(blocks, schema)
