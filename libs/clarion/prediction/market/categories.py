"""Categories of listings that match no product, estimated from their words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.measures.statistics.intervals import Interval, NotComputable, share

Texts = npt.NDArray[np.object_]
_FOLDS = 5
_CHECKED = 5000  # products on which the estimate is tried at most
_LETTERS = (2, 3)  # runs of letters; they need no dictionary, in Chinese neither


@dataclass(frozen=True, slots=True)
class EstimatedCategories:
    """Categories of listings.

    Args:
        categories: one per listing, shape (listings,); None where none is estimated.
        accuracy: share of the shop's own products whose category is estimated rightly by a model
            that has not seen their titles, or why there is none.
    """

    categories: Texts
    accuracy: Interval | NotComputable


def estimate_categories(
    products: pd.DataFrame, titles: Texts, *, least_accuracy: float
) -> EstimatedCategories:
    """The categories whose products have the most similar titles: naive Bayes on runs of letters.

    Args:
        products: title, category; those with both count.
        titles: of the listings, shape (listings,).
        least_accuracy: below it nothing is estimated.
    """
    none = np.full(len(titles), None, dtype=object)
    known = products.dropna(subset=["title", "category"]).sort_values("title")
    known = known.drop_duplicates(["title", "category"])
    if len(titles) == 0:
        return EstimatedCategories(none, NotComputable("every listing is matched"))
    if known["title"].nunique() < 2 * _FOLDS or known["category"].nunique() < 2:
        reason = "too few titles or categories of the shop to learn from"
        return EstimatedCategories(none, NotComputable(reason))
    accuracy = _accuracy(known)
    if isinstance(accuracy, NotComputable) or accuracy.value < least_accuracy:
        return EstimatedCategories(none, accuracy)
    model = _model().fit(known["title"], known["category"])
    return EstimatedCategories(np.asarray(model.predict(titles), dtype=object), accuracy)


def _accuracy(known: pd.DataFrame) -> Interval | NotComputable:
    """Share of products that are put into their category by a model fitted to other titles."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    step = max(1, len(known) // _CHECKED)
    checked = known.iloc[::step]
    predicted = cross_val_predict(
        _model(), checked["title"], checked["category"], groups=checked["title"],
        cv=GroupKFold(_FOLDS),
    )  # fmt: skip
    right = int((predicted == checked["category"].to_numpy()).sum())
    return share(right, len(checked))


def _model() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second: only this job pays
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline

    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=_LETTERS, dtype=np.float32)
    return make_pipeline(letters, ComplementNB())
