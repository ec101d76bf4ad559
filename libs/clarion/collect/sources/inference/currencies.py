"""The currency that prices of a sample state in their own cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clarion.collect.sources import numerals
from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.standards import SYMBOLS
from clarion.kernel.expressions import column_name

_CODE = re.compile(rf"(?:^|[^A-Z])(?:{numerals.CODES})(?:[^A-Z]|$)")
_SHARED = re.compile("[$¥\uffe5]")  # several currencies have them


@dataclass(frozen=True, slots=True)
class CurrencyForm:
    """Where the currency of prices comes from.

    Args:
        body: what a mapping writes for it; None where no cell names a currency.
        notes: what a person should look at.
    """

    body: Any = None
    notes: list[str] = field(default_factory=list)


def read_currency(prices: Sequence[Column]) -> CurrencyForm:
    """The currency by the marks in the cells of prices; by default the shop's.

    Args:
        prices: the file's columns of money.
    """
    for column in prices:
        named = [text for text in column.texts if _names_one(text)]
        shared = [text for text in column.texts if text not in named and _SHARED.search(text)]
        if not named and not shared:
            continue
        notes = []
        if named:
            notes.append(
                f"currency: {len(named)} of {len(column.texts)} values of '{column.name}' name "
                f"theirs, such as '{named[0].strip()}'; it is taken from there"
            )
        if shared:
            sign = _SHARED.search(shared[0])
            assert sign is not None, "it was found above"
            notes.append(
                f"currency: '{sign.group()}' in {len(shared)} of {len(column.texts)} values of "
                f"'{column.name}' is a sign of several currencies; the shop's is taken; if it is "
                "another, write 'currency: USD', with its code"
            )
        body = {"from": column_name(column.name), "as": "currency"} if named else None
        return CurrencyForm(body, notes)
    return CurrencyForm(notes=["currency: no column states it; the shop's is taken"])


def _names_one(text: str) -> bool:
    return bool(_CODE.search(text.upper())) or any(symbol in text for symbol in SYMBOLS)
