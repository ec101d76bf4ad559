"""The convention by which a column's numbers are written, where the sample decides it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clarion.collect.sources.inference.dates import MAX_ODD
from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.numerals import Decimal, Evidence, evidence, value
from clarion.collect.sources.standards import BY_POINTS


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How a column of numbers is read.

    Args:
        body: what a mapping writes; None where a person must decide.
        notes: what a person should look at.
    """

    body: Any
    notes: list[str] = field(default_factory=list)


def read_numbers(column: Column, source: str, *, is_typed: bool) -> NumberForm:
    """A number by the convention that the sample decides; no body where it decides none.

    Args:
        column: the file's column.
        source: its name as an expression has it.
        is_typed: whether the file itself stores numbers, which Spark writes with a point.
    """
    values = [text for text in column.texts if text not in column.odd_numbers]
    is_plain = all(re.fullmatch(r"[+-]?\d+(\.\d+)?", text) for text in values)
    if is_plain and is_typed:
        return NumberForm(source)
    # Some currencies bring their own convention.
    written = [text for text in values if not any(sign in text for sign in BY_POINTS)]
    by_evidence: dict[Evidence, list[str]] = {}
    for text in written:
        by_evidence.setdefault(evidence(text), []).append(text)
    points, commas = by_evidence.get(".", []), by_evidence.get(",", [])
    undecided = by_evidence.get("undecided", [])
    decimal, contradicting = (".", commas) if len(points) >= len(commas) else (",", points)
    share = len(contradicting) / max(len(points) + len(commas), 1)
    if share > MAX_ODD or (undecided and not points and not commas):
        examples = ", ".join(f"'{texts[0]}'" for texts in (points, commas, undecided) if texts)
        note = (
            f"{examples} in {source} do not tell a decimal sign from one of thousands; "
            f"write '{{from: {source}, as: price, decimal: \".\"}}' or 'decimal: \",\"'"
        )
        return NumberForm(None, [note])
    notes: list[str] = []
    if contradicting:
        notes.append(
            f"{len(contradicting)} of {len(values)} values of {source}, such as "
            f"'{contradicting[0]}'{column.line_of(contradicting[0])}, contradict "
            f"'decimal: \"{decimal}\"' and will be rejected"
        )
    if is_plain and decimal == ".":
        return NumberForm(source, notes)
    body = {"from": source, "as": "price", **({"decimal": ","} if decimal == "," else {})}
    return NumberForm(body, notes)


def read_doubles(column: Column, source: str, *, is_typed: bool) -> NumberForm:
    """A number with all of its digits, by the convention that the sample decides.

    Args:
        column: the file's column.
        source: its name as an expression has it.
        is_typed: whether the file itself stores numbers, which Spark writes with a point.
    """
    form = read_numbers(column, source, is_typed=is_typed)
    if not isinstance(form.body, dict):
        return form
    # A price has four decimals. Without a comma the text is a number as it is.
    body = {**form.body, "as": "number"} if "decimal" in form.body else source
    return replace(form, body=body)


def read_values(texts: Sequence[str | None]) -> list[float | None]:
    """The numbers of a column's texts, by the decimal sign that most of them show.

    Example:
        >>> read_values(["1.250,00 €", "3,5", "-", None])
        [1250.0, 3.5, None, None]
    """
    shown = [evidence(text) for text in texts if text]
    decimal: Decimal = "," if shown.count(",") > shown.count(".") else "."
    return [value(text, decimal) if text else None for text in texts]
