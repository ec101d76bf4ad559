"""Which of a file's columns is which column of a source kind: by names, and by values."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from clarion.collect.sources.inference.currencies import holds_currencies
from clarion.collect.sources.inference.facts import Column
from clarion.contracts.sources import Kind
from clarion.contracts.vocabularies import Vocabularies
from clarion.kernel.text import plain_word

MIN_SIMILARITY = 0.75
SURE_SIMILARITY = 0.9
_ENDING_SIMILARITY = 0.8  # 'sales price' for 'price'
_MIN_TYPO = 0.85
# What may follow or precede a word without making it another one.
_NO_MEANING = {
    "id",
    "no",
    "nr",
    "num",
    "number",
    "ref",
    "key",
    "code",
    "unique",
    "the",
    "of",
    "raw",
}
_ABBREVIATIONS = {
    "dt": "date", "qty": "quantity", "amt": "amount", "cust": "customer", "prod": "product",
    "desc": "description", "tm": "time", "ts": "timestamp", "tel": "phone", "cat": "category",
}  # fmt: skip
_MAX_TYPES = 50  # of events
_MAX_RATING = 10
_REPEATING = 0.9  # with a lower share of different values a column names no row of its own


@dataclass(frozen=True, slots=True)
class Match:
    """The file's column that a column of the kind resembles.

    Args:
        name: the file's column.
        similarity: from 0 to 1.
        note: why, where the name alone does not say it.
        known: share of its different texts that the column's words know; 1 where it has none.
    """

    name: str
    similarity: float
    note: str = ""
    known: float = 1.0


def match_columns(
    columns: Mapping[str, Column],
    kind: Kind,
    words: Mapping[str, Sequence[str]],
    vocabularies: Vocabularies,
) -> dict[str, Match]:
    """For each of the kind's columns the file's most similar one; a column is used once.

    Of columns with equal names in meaning, the one with more values is taken.

    Args:
        columns: of the file.
        kind: the source kind.
        words: what its columns are called.
        vocabularies: the value that each plain word stands for, by section of words.yml.
    """
    candidates = [
        (similarity(name, [column.name, *words.get(column.name, [])]), column.name, name)
        for column in kind.columns
        if column.name in words or not column.nullable
        for name in columns
    ]
    matches: dict[str, Match] = {}
    used: set[str] = set()

    def rank(candidate: tuple[float, str, str]) -> tuple[float, str, str]:
        score, column, name = candidate
        is_required = column in kind.required
        return -score * (columns[name].filled_share if is_required else 1), column, name

    for score, column, name in sorted(candidates, key=rank):
        if score < MIN_SIMILARITY or column in matches or name in used:
            continue
        if fits(columns[name], kind, column, vocabularies, is_sure=score == 1):
            known = _known_share(columns[name], kind, column, vocabularies)
            matches[column] = Match(name, score, known=known)
            used.add(name)
    return matches


def similarity(name: str, words: Sequence[str]) -> float:
    """How much a column's name resembles one of some words, from 0 to 1.

    Example:
        >>> similarity("Order ID", ["order id"]), similarity("SALES_PRICE", ["price"]) > 0.75
        (1.0, True)
        >>> similarity("order_date", ["order"])
        0.0
    """
    return max((_similarity(name, word) for word in words), default=0.0)


@cache
def _similarity(name: str, word: str) -> float:
    plain, other = plain_word(name), plain_word(word)
    if plain == other:
        return 1.0
    of_name, of_word = _tokens(name), _tokens(word)
    if of_name == of_word:
        return 0.95
    at_end = of_name[-len(of_word) :] == of_word
    rest = of_name[: len(of_name) - len(of_word)] if at_end else of_name[len(of_word) :]
    begins = of_name[: len(of_word)] == of_word
    if rest and (at_end or (begins and set(rest) <= _NO_MEANING)):
        return _ENDING_SIMILARITY + 0.05 * len(other) / len(plain)
    if not plain.isascii() and len(other) > 1 and plain.endswith(other):
        return _ENDING_SIMILARITY
    ratio = difflib.SequenceMatcher(None, plain, other).ratio()
    return ratio if ratio >= _MIN_TYPO else 0.0


def _tokens(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    tokens = [token.lower() for token in re.findall(r"[^\W_]+", spaced)]
    return [_ABBREVIATIONS.get(token, token) for token in tokens]


def fits(
    column: Column, kind: Kind, name: str, vocabularies: Vocabularies, *, is_sure: bool
) -> bool:
    """Whether the values may be those of a column of the kind.

    Args:
        column: the file's column.
        kind: the source kind.
        name: its column.
        vocabularies: the value that each plain word stands for, by section of words.yml.
        is_sure: whether the name is a word for it; then more of the values may be odd.
    """
    declared = kind.column(name)
    if declared is None:
        return True
    if not column.texts:
        return declared.type == "string" or not _names_something(column.name)
    if declared.type in ("timestamp", "date"):
        return column.dates.is_time
    if name == "rating":
        return column.is_number and all(_at_most(text, _MAX_RATING) for text in column.texts)
    if declared.type.startswith(("decimal", "bigint", "double")):
        is_number = column.is_number or (is_sure and column.is_mostly_number)
        is_name = _names_something(column.name) and not name.endswith("_no")
        return is_number and not _is_date_only(column) and not is_name
    if vocabulary := vocabularies.get(declared.words or ""):
        return holds_words(column, vocabulary)
    if name == "type" and kind.name == "events":
        return not column.is_number and len(set(column.texts)) <= _MAX_TYPES
    if name == "currency":
        return holds_currencies(column) or (is_sure and name not in kind.key)
    if name.endswith("_ref"):
        return not _is_date_only(column) and (is_sure or not _has_fractions(column))
    return not (column.is_number and name in ("title", "text", "brand", "sex"))


def _is_date_only(column: Column) -> bool:
    """Whether the values are times and nothing else; digits alone may be anything."""
    return column.dates.is_time and not all(text.isdigit() for text in column.texts)


def _names_something(name: str) -> bool:
    """Whether a column's name is that of a code: no quantity or sum is called so."""
    tokens = _tokens(name)
    return len(tokens) > 1 and tokens[-1] in _NO_MEANING


def _has_fractions(column: Column) -> bool:
    """Whether the values are numbers, some with decimals; those of a float may be whole."""
    return column.is_number and any(
        re.search(r"\d[.,]\d", text) and not re.search(r"[.,]0+$", text) for text in column.texts
    )


def _at_most(text: str, limit: float) -> bool:
    try:
        return 0 <= float(text.replace(",", ".")) <= limit
    except ValueError:
        return True  # an odd one


def holds_words(column: Column, vocabulary: Mapping[str, str]) -> bool:
    """Whether at least half of the different texts are words of a vocabulary."""
    texts = set(column.texts)
    return 2 * len(texts - unknown_words(column, vocabulary)) >= len(texts)


def unknown_words(column: Column, vocabulary: Mapping[str, str]) -> set[str]:
    """The texts that are no word of a vocabulary."""
    return {text for text in column.texts if plain_word(text) not in vocabulary}


def _known_share(column: Column, kind: Kind, name: str, vocabularies: Vocabularies) -> float:
    """Share of the different texts that are words of the kind's column; 1 where it has none."""
    declared = kind.column(name)
    vocabulary = vocabularies.get((declared and declared.words) or "")
    if not vocabulary or not column.texts:
        return 1.0
    return 1 - len(unknown_words(column, vocabulary)) / len(set(column.texts))


def score(kind: Kind, matches: Mapping[str, Match], columns: Mapping[str, Column]) -> float:
    """How well a file is of a kind: required columns, some for each explained one, less penalties.

    A list of customers or products names each once. Lines in which they repeat beside quantities
    and times are something that happened. A column with words counts by the share that is known:
    reactions to messages are views and clicks, too, and more.
    """
    names = kind.required_of(matches)
    required = [matches[name].similarity * matches[name].known for name in names if name in matches]
    explained = sum(match.similarity for match in matches.values())
    value = sum(required) / len(names) + 0.05 * explained
    is_list = kind.name in ("registrations", "products")
    if is_list and (key := matches.get(kind.key[0])):
        distinct = columns[key.name].distinct_share
        value -= (1 - distinct) if distinct < _REPEATING else 0
    return value


def is_evident(kind: Kind, matches: Mapping[str, Match]) -> bool:
    """Whether enough columns were found to say that a file is of a kind."""
    names = kind.required_of(matches)
    share = sum(name in matches for name in names) / len(names)
    return share >= 0.7 or (share >= 0.5 and len(matches) >= 3)
