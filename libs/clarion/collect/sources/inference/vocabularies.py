"""Columns whose values are words that conf/words.yml standardises: states, types of responses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.inference.matching import (
    SURE_SIMILARITY,
    Match,
    holds_words,
    similarity,
    unknown_words,
)
from clarion.collect.sources.inference.personal import personal_data
from clarion.contracts.sources import Kind
from clarion.contracts.vocabularies import Vocabularies
from clarion.kernel.text import shape

_SHOWN = 5  # of words that nobody declared
_UNMAPPED = {"order_states": "; every order counts as a sale"}


def note_words(
    kind: Kind,
    columns: Mapping[str, Column],
    matches: Mapping[str, Match],
    names: Mapping[str, Sequence[str]],
    vocabularies: Vocabularies,
) -> list[str]:
    """What the proposal makes of columns that hold, or may hold, words of a vocabulary.

    Args:
        kind: the source kind.
        columns: of the file.
        matches: the file's column for each of the kind's.
        names: what the kind's columns are called.
        vocabularies: the value that each plain word stands for, by section of words.yml.
    """
    notes: list[str] = []
    for declared in kind.columns:
        if vocabulary := vocabularies.get(declared.words or ""):
            called = [declared.name, *names.get(declared.name, [])]
            of_column = _Vocabulary(declared.name, str(declared.words), vocabulary, called)
            notes += _notes(of_column, columns, matches)
    return notes


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The words of one column of a kind.

    Args:
        column: the kind's column.
        section: of words.yml.
        words: the value that each plain word stands for.
        names: what the column is called.
    """

    column: str
    section: str
    words: Mapping[str, str]
    names: Sequence[str]


def _listed(column: Column, vocabulary: _Vocabulary) -> str:
    """Some texts that are no known words; of personal ones the shape."""
    texts = sorted(unknown_words(column, vocabulary.words))[:_SHOWN]
    is_personal = personal_data(column, (), mapped_as=None) is not None
    return ", ".join(shape(text) if is_personal else text for text in texts)


def _notes(
    vocabulary: _Vocabulary, columns: Mapping[str, Column], matches: Mapping[str, Match]
) -> Iterator[str]:
    match = matches.get(vocabulary.column)
    mapped = match.name if match else None
    used = {match.name for match in matches.values()}
    for name, column in columns.items():
        unknown = _listed(column, vocabulary)
        is_free = name not in used and bool(column.texts)
        if name == mapped and unknown:
            yield (
                f"{vocabulary.column}: no word of {vocabulary.section} in words.yml: {unknown}; "
                "such records are quarantined"
            )
        elif is_free and holds_words(column, vocabulary.words):
            yield (
                f"{vocabulary.column}: '{name}' holds words of {vocabulary.section} and is not "
                "mapped" + (f"; '{mapped}' is" if mapped else "")
            )
        elif is_free and not mapped and similarity(name, vocabulary.names) >= SURE_SIMILARITY:
            yield (
                f"{vocabulary.column}: '{name}' is not mapped, because words.yml does not have "
                f"its words under {vocabulary.section}: {unknown}"
                + _UNMAPPED.get(vocabulary.section, "")
            )
