"""The next needs of customers by a chosen model, in Arrow batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from clarion.prediction.need.histories import read_histories
from clarion.prediction.need.interface import PREDICTED, NeedModel, top_categories

_DDL = "customer_id string, rank int, category string, probability double"
_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("rank", pa.int32()),
        ("category", pa.string()),
        ("probability", pa.float64()),
    ]
)


def next_needs(
    histories: DataFrame,
    model: NeedModel,
    *,
    categories: Sequence[str],
    as_of: int,
    window: int,
) -> DataFrame:
    """The three most likely categories of everybody who bought something within the window.

    Args:
        histories: the frame of `customer_histories`.
        model: the model that acts.
        categories: the categories that it predicts.
        as_of: first day that does not count, in days since 1970.
        window: days before it that count.

    Returns:
        customer_id, rank (1 to 3), category, probability (that the next purchase begins with it,
        given that the customer buys).
    """
    score = _score_batches(model, tuple(categories), as_of=as_of, window=window)
    return histories.select("customer_id", "facts").mapInArrow(score, _DDL)


def _score_batches(
    model: NeedModel, categories: tuple[str, ...], *, as_of: int, window: int
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                table = pa.Table.from_batches([batch])
                yield from needs_of(
                    table, model, categories=categories, as_of=as_of, window=window
                ).to_batches()

    return score


def needs_of(
    table: pa.Table,
    model: NeedModel,
    *,
    categories: Sequence[str],
    as_of: int,
    window: int,
) -> pa.Table:
    """The rows of `next_needs` of some customers.

    Args:
        table: customer_id, facts.
        model: the model that acts.
        categories: the categories that it predicts.
        as_of: first day that does not count, in days since 1970.
        window: days before it that count.
    """
    histories = read_histories(table, categories=categories, limit=len(categories))
    past = histories.past(as_of, window=window)
    buyers = past.buyers()
    probabilities = model.probabilities(past.of(buyers))
    top = top_categories(probabilities)
    names = np.array(categories, dtype=object)
    ids = np.array(histories.customers, dtype=object)[buyers]
    return pa.table(
        {
            "customer_id": pa.array(np.repeat(ids, PREDICTED), pa.string()),
            "rank": pa.array(np.tile(np.arange(1, PREDICTED + 1), len(buyers)), pa.int32()),
            "category": pa.array(names[top].ravel(), pa.string()),
            "probability": pa.array(
                np.round(np.take_along_axis(probabilities, top, axis=1).ravel(), 9), pa.float64()
            ),
        },
        schema=_SCHEMA,
    )
