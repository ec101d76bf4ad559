"""Neighbours of a day from those of an earlier day: exact, and only changes are compared."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.products.similarity.distinct_rows import (
    SPARE_PAIRS,
    DistinctRows,
    Indices,
    ProductMatrix,
    nearest_pairs,
    product_neighbours,
)
from clarion.products.similarity.ranking import Names, rank_neighbours


@dataclass(frozen=True, slots=True)
class EarlierNeighbours:
    """What is known of an earlier day under the same model.

    Args:
        hashes: product_id and hash of its row.
        lists: product_id, neighbour_id, rank, cosine.
    """

    hashes: pd.DataFrame
    lists: pd.DataFrame


@dataclass(frozen=True, slots=True)
class UpdatedNeighbours:
    """Neighbours of the day.

    Args:
        neighbours: product_id, rank, neighbour_id, cosine.
        compared: number of products that were compared with all others.
    """

    neighbours: pd.DataFrame
    compared: int


def update_neighbours(
    matrix: ProductMatrix,
    distinct: DistinctRows,
    earlier: EarlierNeighbours,
    *,
    k: int,
    full_refresh_share: float,
) -> UpdatedNeighbours | None:
    """Neighbours of the day, where only new and changed products are compared with all.

    An unchanged product keeps its unchanged neighbours, and gets nearer ones that are new or
    changed. Where a neighbour changed or disappeared, other products may have been just behind
    the edge of the list. If the list no longer reaches above its old edge, the product is compared
    with all again.

    Args:
        matrix: the matrix of the day.
        distinct: its distinct rows.
        earlier: rows and neighbours of the earlier day.
        k: neighbours per product.
        full_refresh_share: share of changed products above which all should be compared.

    Returns:
        The neighbours; None where too many products changed.
    """
    is_unchanged = _unchanged_products(matrix, earlier)
    if (~is_unchanged).sum() > full_refresh_share * len(matrix.names):
        return None
    row_of_product = distinct.row_of_product()
    changed_rows = np.unique(row_of_product[~is_unchanged])
    lists = _lists_of_unchanged(earlier.lists, matrix.names, is_unchanged)
    kept = lists.loc[lists["is_kept"], ["row", "column", "cosine"]].astype({"column": np.int64})
    # Products that share a row with a changed one become its neighbours by way of that row.
    is_of_changed_row = np.isin(row_of_product[kept["column"]], changed_rows)
    merged = pd.concat([kept[~is_of_changed_row], _pairs_with_changed(distinct, changed_rows, k=k)])
    uncertain_rows = row_of_product[_uncertain_products(lists, merged, k)]
    compared_rows = np.union1d(changed_rows, uncertain_rows)
    is_compared = np.isin(row_of_product[merged["row"].to_numpy(dtype=np.int64)], compared_rows)
    compared_pairs = distinct.nearest_rows(compared_rows, k=k)
    neighbours = pd.concat(
        [
            rank_neighbours(matrix.names, merged[~is_compared], by="cosine", k=k),
            product_neighbours(matrix, distinct, compared_pairs, k=k),
        ]
    )
    return UpdatedNeighbours(neighbours, int(distinct.sizes[compared_rows].sum()))


def _unchanged_products(matrix: ProductMatrix, earlier: EarlierNeighbours) -> npt.NDArray[np.bool_]:
    """Which products have the row of the earlier day and a list of neighbours, shape (n,).

    A product without a list may have been similar to none; that has to be found again.
    """
    old_hashes = earlier.hashes.set_index("product_id")["hash"]
    old_hashes = old_hashes.reindex(matrix.names, fill_value=0)
    has_equal_row = old_hashes.eq(pd.Series(matrix.hashes, index=matrix.names))
    has_list = old_hashes.index.isin(earlier.lists["product_id"])
    return (has_equal_row & has_list).to_numpy()


def _lists_of_unchanged(
    lists: pd.DataFrame, names: Names, is_unchanged: npt.NDArray[np.bool_]
) -> pd.DataFrame:
    """The lists of unchanged products.

    Returns:
        The lists with row and column (indices of products) and is_kept: whether the neighbour is
        unchanged, too. Another neighbour has no column.
    """
    index_of = pd.Series(np.flatnonzero(is_unchanged), index=names[is_unchanged])
    own_lists = lists[lists["product_id"].isin(index_of.index)]
    column = index_of.reindex(own_lists["neighbour_id"]).to_numpy()
    return own_lists.assign(
        row=index_of[own_lists["product_id"]].to_numpy(), column=column, is_kept=~np.isnan(column)
    )


def _pairs_with_changed(distinct: DistinctRows, changed_rows: Indices, *, k: int) -> pd.DataFrame:
    """Unchanged products with their nearest new and changed ones."""
    unchanged_rows = np.setdiff1d(np.arange(len(distinct)), changed_rows)
    pairs = nearest_pairs(distinct.cells, unchanged_rows, changed_rows, n=k + SPARE_PAIRS)
    return distinct.expand(distinct.expand(pairs, "column", limit=k + 1), "row")


def _uncertain_products(lists: pd.DataFrame, merged: pd.DataFrame, k: int) -> Indices:
    """Products that lost a neighbour and whose list no longer reaches above its old edge."""
    losers = lists.loc[~lists["is_kept"], "row"].unique()
    # A shorter list had no product behind its edge.
    at_edge = (lists["rank"] == k) & lists["row"].isin(losers)
    edge = lists[at_edge].set_index("row")["cosine"]
    candidates = merged[merged["row"].isin(edge.index)]
    is_above = candidates["cosine"].to_numpy() > edge.reindex(candidates["row"]).to_numpy()
    above = candidates[is_above].groupby("row").size().reindex(edge.index, fill_value=0)
    return np.asarray(above.index[above < k], dtype=np.int64)
