"""From product texts to tokens, for English and for Chinese."""

from pyspark.ml.feature import StopWordsRemover
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def tokens(text: Column, *, stop_words: list[str]) -> Column:
    """Words of two letters or more without stop words, and pairs of neighbouring Chinese characters.

    Character pairs need no dictionary, and for short product texts they separate as well as words do.
    """
    lower = F.lower(F.coalesce(text, F.lit("")))
    words = F.split(F.trim(F.regexp_replace(lower, r"[^\p{IsLatin}\p{Nd}]+", " ")), " ")
    kept = F.filter(words, lambda word: (F.length(word) > 1) & ~word.isin(stop_words))
    runs = F.filter(F.split(F.regexp_replace(lower, r"[^\x{4e00}-\x{9fff}]+", " "), " "), lambda run: F.length(run) > 0)
    pairs = F.flatten(
        F.transform(
            runs,
            lambda run: F.when(
                F.length(run) > 1,
                F.transform(F.sequence(F.lit(1), F.greatest(F.length(run) - 1, F.lit(1))), lambda start: F.substring(run, start, F.lit(2))),
            ).otherwise(F.array(run)),
        )
    )
    return F.concat(kept, pairs)


def with_tokens(products: DataFrame) -> DataFrame:
    """Products with `tokens` of title and description."""
    stop_words = StopWordsRemover.loadDefaultStopWords("english")
    return products.withColumn("tokens", tokens(F.concat_ws(" ", "title", "description"), stop_words=stop_words))
