"""Candidates: the products whose words are nearest to those of a listing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from clarion.measures.columns.frames import local_frame
from clarion.products.matching.settings import MatchSettings
from clarion.products.similarity.distinct_rows import nearest_pairs
from clarion.products.similarity.ranking import Names, compare_in_blocks
from clarion.products.similarity.tokens import tokens

_SCHEMA = "listing_id string, product_id string, cosine double, has_alternatives boolean"
_ONLY_DIGITS = r"\d+(?:p\d+)?"
# Two words that chance would put into five titles and that no title has both of are alternatives.
_EXPECTED_TITLES = 5
_OWN_TITLES = 2  # of the shop that have such a word; other words may be the competitor's synonyms
Texts = Sequence[npt.NDArray[np.object_]]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of products and listings, as matrices with one row per text, products first.

    Args:
        weights: TF-IDF, rows of length one, shape (texts, words).
        in_title: 1 where the title has the word, shape (texts, words).
        alternatives: 1 where two words are alternatives, shape (words, words).
    """

    weights: csr_matrix
    in_title: csr_matrix
    alternatives: csr_matrix


def candidates(listings: DataFrame, products: DataFrame, *, settings: MatchSettings) -> DataFrame:
    """The nearest products of each listing by the words of title, brand, size and colour.

    Args:
        listings: listing_id, title, brand, size, colour.
        products: product_id, title, brand, size, colour.
        settings: candidates per listing, listings compared at a time, tokens of Chinese.

    Returns:
        listing_id, product_id, cosine (above 0; ties at the edge by product id), has_alternatives
        (whether the two titles have words that exclude each other).
    """
    # Some hundred bytes per title; the matrices are sent to each task.
    own = _texts(products, "product_id", settings)
    other = _texts(listings, "listing_id", settings)
    if own.empty or other.empty:
        return local_frame(products.sparkSession, [], _SCHEMA)
    both = pd.concat([own, other])
    compare = partial(
        _nearest_products,
        build_words(both["words"].tolist(), both["title_words"].tolist(), products=len(own)),
        own["id"].to_numpy(dtype=object),
        other["id"].to_numpy(dtype=object),
        settings.candidates,
    )
    return compare_in_blocks(
        products.sparkSession,
        compare,
        rows=len(other),
        block_rows=settings.block_rows,
        schema=_SCHEMA,
    )


def build_words(texts: Texts, titles: Texts, *, products: int) -> Words:
    """The matrices of the words of products and listings.

    A word weighs ln((n+1)/(df+1)) over products and listings alike: what a competitor writes into
    each title says as little as what the shop writes into each. A bare number that no title of
    the shop has is an article number of the competitor, and is no word.

    Args:
        texts: the different words of each text, those of the products first.
        titles: those of them that are in the title.
        products: number of products.
    """
    vocabulary = np.unique(np.concatenate(texts).astype(str))
    in_text = _incidence(texts, vocabulary)
    frequency = np.asarray(in_text.sum(axis=0)).ravel()
    in_title = _incidence(titles, vocabulary)
    in_own_title = np.asarray(in_title[:products].sum(axis=0)).ravel() > 0
    is_number = pd.Series(vocabulary).str.fullmatch(_ONLY_DIGITS).to_numpy(dtype=bool)
    idf = np.log((len(texts) + 1) / (frequency + 1))
    idf[is_number & ~in_own_title] = 0.0
    weighted = csr_matrix(in_text.multiply(idf))
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return Words(
        weights=csr_matrix(weighted.multiply(scale[:, None])),
        in_title=in_title,
        alternatives=_alternatives(in_title, products),
    )


def _incidence(texts: Texts, vocabulary: npt.NDArray[np.str_]) -> csr_matrix:
    """1 where a text has a word, shape (texts, words)."""
    lengths = np.array([len(words) for words in texts])
    columns = np.searchsorted(vocabulary, np.concatenate(texts).astype(str))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return csr_matrix((np.ones(len(columns)), columns, starts), (len(texts), len(vocabulary)))


def _alternatives(in_title: csr_matrix, products: int) -> csr_matrix:
    """1 where two words are alternatives, such as small and large: no title has both."""
    titles, words = in_title.shape
    frequency = np.asarray(in_title.sum(axis=0)).ravel()
    in_products = np.asarray(in_title[:products].sum(axis=0)).ravel()
    is_frequent = frequency * frequency.max(initial=0.0) >= _EXPECTED_TITLES * titles
    chosen = np.flatnonzero(is_frequent & (in_products >= _OWN_TITLES))
    part = in_title[:, chosen]
    joint = (part.T @ part).toarray()
    expected = np.outer(frequency[chosen], frequency[chosen]) / titles
    left, right = np.nonzero((joint == 0) & (expected >= _EXPECTED_TITLES))
    return csr_matrix((np.ones(len(left)), (chosen[left], chosen[right])), (words, words))


def _texts(items: DataFrame, key: str, settings: MatchSettings) -> pd.DataFrame:
    """The different words of each item, in the order of its id: id, words, title_words."""
    text = F.concat_ws(" ", "title", "brand", "size", "colour")
    rows = items.select(
        F.col(key).alias("id"),
        F.array_distinct(tokens(text, chinese=settings.chinese)).alias("words"),
        F.array_distinct(tokens(F.col("title"), chinese=settings.chinese)).alias("title_words"),
    ).withColumn("title_words", F.array_intersect("title_words", "words"))
    with_words = rows.where("size(words) > 0").toPandas()
    return with_words.sort_values("id", ignore_index=True)


def _nearest_products(
    words: Words, products: Names, listings: Names, limit: int, start: int, stop: int
) -> pd.DataFrame:
    """The nearest products for the listings from `start` to `stop`."""
    rows = np.arange(start, stop) + len(products)
    pairs = nearest_pairs(words.weights, rows, np.arange(len(products)), n=limit)
    pairs = pairs[pairs["cosine"] > 0]
    row, column = pairs["row"].to_numpy(), pairs["column"].to_numpy()
    excluded_words = words.in_title[rows] @ words.alternatives
    excluded = excluded_words[row - rows[0]].multiply(words.in_title[column])
    return pd.DataFrame(
        {
            "listing_id": listings[row - len(products)],
            "product_id": products[column],
            "cosine": pairs["cosine"].to_numpy(),
            "has_alternatives": np.asarray(excluded.sum(axis=1)).ravel() > 0,
        }
    )
