"""Tokens of product texts: English, Chinese, and both in one title."""

from collections.abc import Iterator
from itertools import chain
from typing import Literal

import pandas as pd
from pyspark.ml.feature import StopWordsRemover
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from clarion.kernel.text import NARROW, WIDE

Chinese = Literal["bigrams", "jieba"]
_NOT_CHINESE = r"[^\x{4e00}-\x{9fff}]+"
_NOT_A_WORD = r"[^\p{IsLatin}\p{Nd}]+"
# 500ml×6, 500 ml * 6 and 6x500ml are a size and a number of pieces.
_SIZE = (
    r"(\d+(?:[.,]\d+)?)\s*(ml|cl|l|g|kg|mg|oz|fl oz|lb|cm|mm|m|gb|tb|mah|w|v|inch)(?![\p{IsLatin}])"
)
_PIECES = r"(?<=[\p{IsLatin}\d ])[×*]\s*(\d)"
_DECIMAL_POINT = r"(?<=\d)[.,](?=\d)"


def tokens(
    text: Column, *, chinese: Chinese = "bigrams", stop_words: list[str] | None = None
) -> Column:
    """Words of two letters or more, sizes with their unit, and tokens of the Chinese parts.

    Character pairs need no dictionary. For short product texts they separate products as well as
    words do.

    Args:
        text: titles and descriptions; full-width characters count as their narrow ones.
        chinese: pairs of neighbouring characters, or the words of jieba's dictionary.
        stop_words: words that are left out, in lower case; by default the English ones.
    """
    if stop_words is None:
        stop_words = StopWordsRemover.loadDefaultStopWords("english")
    lower = F.lower(F.translate(F.coalesce(text, F.lit("")), WIDE, NARROW))
    with_sizes = F.regexp_replace(F.regexp_replace(lower, _SIZE, "$1$2 "), _PIECES, " x$1")
    with_decimals = F.regexp_replace(with_sizes, _DECIMAL_POINT, "p")
    words = F.split(F.trim(F.regexp_replace(with_decimals, _NOT_A_WORD, " ")), " ")
    long_words = F.filter(words, lambda word: (F.length(word) > 1) & ~word.isin(stop_words))
    chinese_runs = F.trim(F.regexp_replace(lower, _NOT_CHINESE, " "))
    chinese_tokens = _jieba_words if chinese == "jieba" else _character_pairs
    return F.concat(long_words, chinese_tokens(chinese_runs))


def _character_pairs(chinese_runs: Column) -> Column:
    """Neighbouring characters of each run; a run of one character is a token itself."""

    def pairs(run: Column) -> Column:
        starts = F.sequence(F.lit(1), F.greatest(F.length(run) - 1, F.lit(1)))
        two = F.transform(starts, lambda start: F.substring(run, start, F.lit(2)))
        return F.when(F.length(run) > 1, two).otherwise(F.array(run))

    runs = F.filter(F.split(chinese_runs, " "), lambda run: F.length(run) > 0)
    return F.flatten(F.transform(runs, pairs))


def _jieba_words(chinese_runs: Column) -> Column:
    @pandas_udf("array<string>")  # type: ignore[call-overload,untyped-decorator]
    def cut(texts: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import jieba

        def words_of(text: str) -> list[str]:
            return list(chain.from_iterable(jieba.cut(run, HMM=False) for run in text.split()))

        jieba.setLogLevel(60)  # it would report on its dictionary to the error stream
        for text in texts:
            yield text.map(words_of)

    words: Column = cut(chinese_runs)
    return words
