"""Approximate neighbours: only products that share a rare feature are compared."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from clarion.products.similarity.distinct_rows import (
    DistinctRows,
    ProductMatrix,
    exact_neighbours,
    nearest_pairs,
    pair_cosines,
    product_neighbours,
)


@dataclass(frozen=True, slots=True)
class ApproximateSearch:
    """Finds neighbours among candidates; time grows with the number of products.

    Args:
        matrix: the matrix.
        distinct: its distinct rows.
        rare_cells: the distinct rows without common features.
        k: neighbours per product.
        candidates: candidates per row.
    """

    matrix: ProductMatrix
    distinct: DistinctRows
    rare_cells: csr_matrix
    k: int
    candidates: int

    def neighbours(self, start: int, stop: int) -> pd.DataFrame:
        """The k nearest among the candidates, for the distinct rows from `start` to `stop`.

        A row with too few candidates is compared with all.
        """
        rows = np.arange(start, stop)
        pairs = nearest_pairs(self.rare_cells, rows, None, n=self.candidates)
        cosines = pair_cosines(
            self.distinct.cells, pairs["row"].to_numpy(), pairs["column"].to_numpy()
        )
        pairs = pairs.assign(cosine=cosines)
        counts = np.bincount(pairs["row"] - start, minlength=stop - start)
        rows_with_few = rows[counts <= self.k]
        exact_pairs = self.distinct.nearest_rows(rows_with_few, k=self.k)
        pairs = pd.concat([pairs[~pairs["row"].isin(rows_with_few)], exact_pairs])
        return product_neighbours(self.matrix, self.distinct, pairs, k=self.k)

    def recall(self, sample_rows: int) -> float:
        """Share of the exact neighbours that the search finds, on a sample.

        A product that is as near as the last exact neighbour counts.

        Args:
            sample_rows: size of the sample.
        """
        last = len(self.distinct) - 1
        sample = np.linspace(0, last, min(sample_rows, last + 1)).astype(np.int64)
        hits = 0
        total = 0
        for row in np.unique(sample).tolist():
            name = self.matrix.names[self.distinct.first[row]]
            exact = exact_neighbours(self.matrix, self.distinct, row, row + 1, k=self.k)
            exact = exact[exact["product_id"] == name]
            approximate = self.neighbours(row, row + 1)
            cosines = approximate.loc[approximate["product_id"] == name, "cosine"]
            hits += min(int((cosines >= exact["cosine"].min()).sum()), len(exact))
            total += len(exact)
        return hits / total if total else 1.0


def rare_features(cells: csr_matrix, *, common: int) -> csr_matrix:
    """The matrix without the features that more than `common` rows have."""
    is_rare = np.asarray(cells.getnnz(axis=0)) <= common
    diagonal = np.arange(len(is_rare))
    selection = csr_matrix((is_rare.astype(np.float64), (diagonal, diagonal)))
    return csr_matrix(cells @ selection)
