"""From product texts to tokens, for English, for Chinese, and for both in one title."""

from collections.abc import Iterator
from typing import Literal

import pandas as pd
from pyspark.ml.feature import StopWordsRemover
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from clarion.kernel.text import NARROW, WIDE

Chinese = Literal["bigrams", "jieba"]
_RUN = r"[^\x{4e00}-\x{9fff}]+"
_WORD = r"[^\p{IsLatin}\p{Nd}]+"
# 500ml×6, 500 ml * 6 and 6x500ml are a size and a number of pieces; a decimal comma or point belongs to its number.
_UNIT = (
    r"(\d+(?:[.,]\d+)?)\s*(ml|cl|l|g|kg|mg|oz|fl oz|lb|cm|mm|m|gb|tb|mah|w|v|inch)(?![\p{IsLatin}])"
)
_TIMES = r"(?<=[\p{IsLatin}\d ])[×*]\s*(\d)"


def tokens(text: Column, *, stop_words: list[str], chinese: Chinese = "bigrams") -> Column:
    """Words of two letters or more without stop words, sizes with their unit, and what Chinese is taken apart into.

    Character pairs need no dictionary, and for short product texts they separate as well as words do.

    Args:
        text: titles and descriptions; full-width characters count as their narrow ones.
        stop_words: words that say nothing, in small letters.
        chinese: pairs of neighbouring characters, or the words of jieba's dictionary.
    """
    lower = F.lower(F.translate(F.coalesce(text, F.lit("")), WIDE, NARROW))
    sized = F.regexp_replace(F.regexp_replace(lower, _UNIT, "$1$2 "), _TIMES, " x$1")
    joined = F.regexp_replace(sized, r"(?<=\d)[.,](?=\d)", "p")
    words = F.split(F.trim(F.regexp_replace(joined, _WORD, " ")), " ")
    kept = F.filter(words, lambda word: (F.length(word) > 1) & ~word.isin(stop_words))
    return F.concat(kept, _words_of_jieba(lower) if chinese == "jieba" else _pairs(lower))


def _pairs(lower: Column) -> Column:
    runs = F.filter(F.split(F.regexp_replace(lower, _RUN, " "), " "), lambda run: F.length(run) > 0)
    return F.flatten(
        F.transform(
            runs,
            lambda run: F.when(
                F.length(run) > 1,
                F.transform(
                    F.sequence(F.lit(1), F.greatest(F.length(run) - 1, F.lit(1))),
                    lambda start: F.substring(run, start, F.lit(2)),
                ),
            ).otherwise(F.array(run)),
        )
    )


def _words_of_jieba(lower: Column) -> Column:
    @pandas_udf("array<string>")  # type: ignore[call-overload,untyped-decorator]
    def cut(texts: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import jieba

        jieba.setLogLevel(60)  # it would tell of its dictionary on the error stream
        for text in texts:
            yield text.map(
                lambda runs: [word for run in runs.split() for word in jieba.cut(run, HMM=False)]
            )

    words: Column = cut(F.trim(F.regexp_replace(lower, _RUN, " ")))
    return words


def tokens_of(text: Column, *, chinese: Chinese = "bigrams") -> Column:
    """Tokens of a text by the English stop words."""
    return tokens(
        text, stop_words=StopWordsRemover.loadDefaultStopWords("english"), chinese=chinese
    )
