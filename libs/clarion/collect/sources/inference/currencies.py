"""The currency of a file's amounts: of a column of its own, or as the amounts state it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.numerals import CODES
from clarion.collect.sources.standards import SYMBOLS
from clarion.kernel.expressions import column_name

_CODE = re.compile(rf"(?:^|[^A-Z])({CODES})(?:[^A-Z]|$)")
_PLAIN = re.compile(r"[A-Z]{3}")
_OF_SEVERAL = re.compile("[$¥￥]")
_SHOWN = 3
_LONGEST = 20  # of a currency's name, in a message


@dataclass(frozen=True, slots=True)
class CurrencyForm:
    """How the currency is read.

    Args:
        body: what a mapping writes for the column; None where no column states it.
        notes: what a person should look at.
    """

    body: Any = None
    notes: list[str] = field(default_factory=list)


def currency_of(text: str) -> str | None:
    """The code of the currency that a text states, as `as: currency` reads it; None for none.

    Example:
        >>> [currency_of(text) for text in ("eur", "5 €", "100美元", "$5", "978")]
        ['EUR', 'EUR', 'USD', None, None]
    """
    if found := _CODE.search(text.upper()):
        return "CNY" if found[1] == "RMB" else found[1]
    signs = sorted(SYMBOLS, key=len, reverse=True)
    return next((SYMBOLS[sign] for sign in signs if sign in text), None)


def holds_currencies(column: Column) -> bool:
    """Whether the values are currencies' codes, or at least half of them state a currency."""
    texts = set(column.texts)
    if all(_PLAIN.fullmatch(text) for text in texts):
        return True
    return not column.is_number and 2 * sum(map(bool, map(currency_of, texts))) >= len(texts)


def read_currency(column: Column, source: str) -> CurrencyForm:
    """The currency of a column that states it.

    Args:
        column: the file's column.
        source: its name as an expression has it.
    """
    if all(_PLAIN.fullmatch(text) for text in column.texts):
        return CurrencyForm(source)
    body = {"from": source, "as": "currency"}
    unknown = sorted({text for text in column.texts if currency_of(text) is None})
    if not unknown:
        return CurrencyForm(body)
    shown = ", ".join(f"'{text[:_LONGEST]}'" for text in unknown[:_SHOWN])
    note = (
        f"{shown} in {source} name no one currency and will be rejected; "
        "write what they stand for, such as 'symbols: {$: USD}'"
    )
    return CurrencyForm(body, [note])


def currency_of_amounts(columns: Iterable[Column]) -> CurrencyForm:
    """The currency that amounts state beside their numbers, where no column states it alone.

    Args:
        columns: of amounts.
    """
    for column in columns:
        source = column_name(column.name)
        stated = [currency_of(text) for text in column.texts]
        codes = sorted({code for code in stated if code})
        if codes and all(stated):
            note = f"{', '.join(codes)}, as {source} states it beside its numbers"
            return CurrencyForm({"from": source, "as": "currency"}, [note])
        signs = sorted({sign for text in column.texts for sign in _OF_SEVERAL.findall(text)})
        if codes or signs:
            said = ", ".join([*codes, *(f"'{sign}'" for sign in signs)])
            note = (
                f"the shop's is taken, but {said} in {source} may be another one; write its code, "
                "such as 'currency: USD', or a column of that form: "
                f"'{{from: {source}, as: currency, symbols: {{$: USD}}}}'"
            )
            return CurrencyForm(notes=[note])
    return CurrencyForm(notes=["no column states it; the shop's is taken"])
