"""Nearest rows of a sparse matrix, where equal rows are compared once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

from clarion.products.similarity.ranking import Names, rank_neighbours

Indices = npt.NDArray[np.int64]
# Threads per task. Two take two thirds of the processor time of one: 20,000 of 50,000 rows took
# 3.3 s with two and 9.8 s with one.
_THREADS = 2
_DIGITS = 12
SPARE_PAIRS = 3  # more pairs than asked for: the row itself, and ties at the edge
_PAIRS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class ProductMatrix:
    """The product matrix on one machine.

    Args:
        names: product ids, ascending, shape (n,).
        hashes: hash of each row, shape (n,); equal rows have equal hashes.
        cells: rows of length one, shape (n, d).
    """

    names: Names
    hashes: Indices
    cells: csr_matrix

    def distinct_rows(self) -> "DistinctRows":
        """The distinct rows, in the order of their first products.

        So ties among distinct rows go by product id.
        """
        _, first, row_of_product = np.unique(self.hashes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        new_index = np.empty_like(order)
        new_index[order] = np.arange(len(order))
        row_of_product = new_index[row_of_product]
        sizes = np.bincount(row_of_product, minlength=len(first))
        return DistinctRows(
            first=first[order],
            members=np.argsort(row_of_product, kind="stable"),
            starts=np.concatenate([[0], np.cumsum(sizes)]),
            cells=self.cells[first[order]],
        )


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """Rows that differ from each other, each with the products that have it.

    Args:
        first: index of the first product of each distinct row, ascending.
        members: indices of all products, by distinct row, ascending within one.
        starts: where each distinct row begins among the members, and the end after the last.
        cells: the distinct rows.
    """

    first: Indices
    members: Indices
    starts: Indices
    cells: csr_matrix

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sizes(self) -> Indices:
        """Number of products of each distinct row."""
        return np.diff(self.starts)

    def row_of_product(self) -> Indices:
        """Index of the distinct row of each product."""
        rows = np.empty(len(self.members), dtype=np.int64)
        rows[self.members] = np.repeat(np.arange(len(self)), self.sizes)
        return rows

    def expand(self, pairs: pd.DataFrame, column: str, *, limit: int | None = None) -> pd.DataFrame:
        """The pairs with products in a column in place of distinct rows.

        Args:
            pairs: pairs with distinct rows in the column.
            column: the column.
            limit: products per distinct row at most.
        """
        rows = pairs[column].to_numpy()
        times = self.sizes[rows] if limit is None else np.minimum(self.sizes[rows], limit)
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        repeated = pairs.iloc[np.repeat(np.arange(len(pairs)), times)]
        products = self.members[self.starts[repeated[column].to_numpy()] + within]
        return repeated.assign(**{column: products})

    def nearest_rows(self, rows: Indices, *, k: int) -> pd.DataFrame:
        """The nearest distinct rows of some among all, enough to choose the k nearest products."""
        return nearest_pairs(self.cells, rows, None, n=k + SPARE_PAIRS)


def sparse_matrix(rows: pd.DataFrame) -> csr_matrix:
    """The matrix of shape (n, d) whose rows have the columns indices and weights."""
    if rows.empty:
        return csr_matrix((0, 0))
    lengths = rows["indices"].map(len).to_numpy()
    indices = np.concatenate([np.asarray(item, dtype=np.int32) for item in rows["indices"]])
    values = np.concatenate([np.asarray(item, dtype=np.float64) for item in rows["weights"]])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return csr_matrix((values, indices, starts), shape=(len(rows), int(indices.max()) + 1))


def nearest_pairs(
    cells: csr_matrix, left: Indices, right: Indices | None, *, n: int
) -> pd.DataFrame:
    """The n nearest rows of some rows.

    Args:
        cells: the matrix.
        left: the rows whose nearest are found.
        right: the rows that are candidates; None for all.
        n: rows per row.

    Returns:
        row, column, cosine.
    """
    if not len(left) or (right is not None and not len(right)):
        no_index = np.zeros(0, dtype=np.int64)
        return pd.DataFrame({"row": no_index, "column": no_index, "cosine": np.zeros(0)})
    candidates = cells if right is None else cells[right]
    product = sp_matmul_topn(
        cells[left],
        candidates.T.tocsr(),
        top_n=min(n, candidates.shape[0]),
        sort=True,
        n_threads=_THREADS,
    )
    found = product.indices.astype(np.int64) if right is None else right[product.indices]
    return pd.DataFrame(
        {
            "row": left[np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))],
            "column": found,
            "cosine": product.data.round(_DIGITS),
        }
    )


def pair_cosines(
    cells: csr_matrix, left: Indices, right: Indices, *, at_once: int = _PAIRS_AT_ONCE
) -> npt.NDArray[np.float64]:
    """Cosine of each pair of rows, shape (pairs,)."""
    cosines = [np.zeros(0)]
    for start in range(0, len(left), at_once):
        part = slice(start, start + at_once)
        products = cells[left[part]].multiply(cells[right[part]])
        cosines.append(np.asarray(products.sum(axis=1)).ravel())
    return np.concatenate(cosines).round(_DIGITS)


def product_neighbours(
    matrix: ProductMatrix, distinct: DistinctRows, pairs: pd.DataFrame, *, k: int
) -> pd.DataFrame:
    """The k nearest products of every product whose row is on the left of a pair.

    Products with equal rows are each other's nearest.

    Args:
        matrix: the matrix.
        distinct: its distinct rows.
        pairs: row and column (distinct rows), cosine.
        k: neighbours per product.

    Returns:
        product_id, rank, neighbour_id, cosine.
    """
    rows = pairs["row"].unique()
    own_row = pd.DataFrame({"row": rows, "column": rows, "cosine": 1.0})
    other_rows = pairs[pairs["row"] != pairs["column"]]
    candidates = distinct.expand(pd.concat([other_rows, own_row]), "column", limit=k + 1)
    ordered = candidates.sort_values(["row", "cosine", "column"], ascending=[True, False, True])
    nearest = ordered[ordered.groupby("row").cumcount() <= k]
    return rank_neighbours(matrix.names, distinct.expand(nearest, "row"), by="cosine", k=k)


def exact_neighbours(
    matrix: ProductMatrix, distinct: DistinctRows, start: int, stop: int, *, k: int
) -> pd.DataFrame:
    """The k nearest of all products, for the distinct rows from `start` to `stop`."""
    pairs = distinct.nearest_rows(np.arange(start, stop), k=k)
    return product_neighbours(matrix, distinct, pairs, k=k)
