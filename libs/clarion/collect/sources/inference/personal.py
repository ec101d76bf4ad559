"""Columns whose values look like personal data, whatever they are called."""

import re
from collections.abc import Callable, Mapping, Sequence

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.inference.matching import SURE_SIMILARITY, similarity

_MIN_SHARE = 0.8
_ASKS = re.compile(r"(?:is|has)(?:[ _]|(?=[A-Z]))|是否|有无")
_MIN_OF_NAME = 0.8  # 'default address phone' for 'phone'
_MAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.IGNORECASE)
_ID_NUMBER = re.compile(r"^\d{6}(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]$")
# A number that is long is no telephone number: what makes it one is a country's code with its
# sign, groups, or the form of a Chinese mobile number.
_INTERNATIONAL = re.compile(r"^(\+|00)[1-9]\d{0,2}[\d\s().-]{6,18}$")
_GROUPED = re.compile(
    r"^(?:\(\d{1,5}\)|0\d{1,5}|\d{1,5}(?=[\s/-]+\d+[\s/-]))(?:[\s/-]*\d{2,5}){1,4}$"
)
_CHINESE_MOBILE = re.compile(r"^1[3-9]\d{9}$")
_DIGITS = re.compile(r"^\d{7,15}$")


def personal_data(
    column: Column, phone_words: Sequence[str], *, mapped_as: str | None
) -> str | None:
    """What personal data a column looks like: phone, mail or id_number; None for none.

    Args:
        column: the column.
        phone_words: what columns of telephone numbers are called.
        mapped_as: the column of the kind that is read from it.
    """
    is_called_phone = similarity(column.name, phone_words) >= SURE_SIMILARITY
    tests: dict[str, Callable[[str], object]] = {
        "mail": _MAIL.match,
        "id_number": _ID_NUMBER.match,
        "phone": _is_called_phone if is_called_phone else _is_phone,
    }
    for what, test in tests.items():
        # Who is named by a telephone number is sealed as it is; another number may only look like
        # one.
        is_other = mapped_as not in (None, "customer_ref") or column.dates.is_time
        if what == mapped_as or (what == "phone" and is_other):
            continue
        share = sum(bool(test(text)) for text in column.texts)
        if column.texts and share >= _MIN_SHARE * len(column.texts):
            return what
    return None


def _is_phone(text: str) -> bool:
    digits = len(re.sub(r"\D", "", text))
    is_grouped = bool(_GROUPED.match(text)) and not text.isdigit() and 8 <= digits <= 12
    return bool(_INTERNATIONAL.match(text) or _CHINESE_MOBILE.match(text)) or is_grouped


def _is_called_phone(text: str) -> bool:
    return _is_phone(text) or bool(_DIGITS.match(text))


def sealed_columns(
    columns: Mapping[str, Column],
    column_of: Mapping[str, str],
    personal_words: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """Columns to seal, with what they hold: by their values, or by the names of unmapped ones.

    Args:
        columns: of the file.
        column_of: the kind's column that is read from each.
        personal_words: what columns of personal data are called, by what they hold.
    """
    phone_words = personal_words.get("phone", ())
    found = {
        name: personal_data(column, phone_words, mapped_as=column_of.get(name))
        or (None if name in column_of else _called_personal(name, personal_words))
        for name, column in columns.items()
    }
    return {name: what for name, what in found.items() if what}


def _called_personal(name: str, personal_words: Mapping[str, Sequence[str]]) -> str | None:
    """What personal data a column's name speaks of; nothing where it asks, as 'is mobile' does."""
    if _ASKS.match(name):
        return None
    by_what = {what: similarity(name, words) for what, words in personal_words.items()}
    best = max(by_what, key=lambda what: by_what[what], default=None)
    return best if best and by_what[best] >= _MIN_OF_NAME else None
