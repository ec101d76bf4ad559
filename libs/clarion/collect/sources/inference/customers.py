"""Whose the records of a file are, where no column is called so."""

from collections import Counter
from collections.abc import Mapping

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.inference.matching import Match
from clarion.collect.sources.inference.personal import personal_data
from clarion.collect.sources.missing_words import MissingWords
from clarion.contracts.sources import Kind
from clarion.kernel.text import shape

_CUSTOMER = "customer_ref"
_MIN_RECORDS = 20  # of fewer, one customer may well have half
_ADDRESSES = {"mail": "mail addresses", "phone": "telephone numbers"}


def find_customer(
    columns: Mapping[str, Column], matches: Mapping[str, Match], kind: Kind
) -> dict[str, Match]:
    """The matches, with a column of mail addresses or telephone numbers as the customers' names.

    Only where no column names them: then people are told apart by where they can be reached.

    Args:
        columns: of the file.
        matches: the file's column for each of the kind's.
        kind: the source kind.
    """
    used = {match.name for match in matches.values()}
    if kind.column(_CUSTOMER) is None or _CUSTOMER in matches:
        return dict(matches)
    free = {name: column for name, column in columns.items() if name not in used}
    by_content = {
        personal_data(column, (), mapped_as=None): name for name, column in reversed(free.items())
    }
    for content, plural in _ADDRESSES.items():
        if name := by_content.get(content):
            note = f"no column names customers; each of the {plural} in '{name}' stands for one"
            return {**matches, _CUSTOMER: Match(name, 0.0, note)}
    return dict(matches)


def note_customers(
    columns: Mapping[str, Column], matches: Mapping[str, Match], kind: Kind, words: MissingWords
) -> list[str]:
    """What to tell a person of whose the records are: nobody's, or half of them one customer's.

    Args:
        columns: of the file.
        matches: the file's column for each of the kind's.
        kind: the source kind.
        words: texts that stand for no value.
    """
    if _CUSTOMER in matches:
        return _note_on_most(columns[matches[_CUSTOMER].name], words)
    if not kind.people or set(kind.people) & set(matches) or _CUSTOMER in kind.required:
        return []
    return [
        f"{_CUSTOMER}: no column was found that names customers, so all {kind.name} belong to "
        "nobody; map it if the file has one"
    ]


def _note_on_most(column: Column, words: MissingWords) -> list[str]:
    """A name on half of all records mostly stands for nobody, in a word that no list has."""
    nobody = {*words.id, *words.person}
    texts = [text for text in column.texts if text.strip().lower() not in nobody]
    ((most, times),) = Counter(texts).most_common(1) or [("", 0)]
    if len(texts) < _MIN_RECORDS or 2 * times < len(texts) or len(set(texts)) == 1:
        return []
    return [
        f"{_CUSTOMER}: one value of '{column.name}' ({shape(most)}) stands on {times} of "
        f"{len(texts)} records; if it is no customer, add it to 'person' in missing_words.yml"
    ]
