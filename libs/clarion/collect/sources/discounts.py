"""What the discount of an order line is, as far as a sample says it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from clarion.collect.sources.sample import Sample

_SAMPLE_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def propose_discount(
    body: Any, sample: Sample, matches: Mapping[str, _Named], notes: list[str]
) -> Any:
    """The entry of a mapping for the discount, with the sign and the unit that the sample shows.

    Args:
        body: the entry as a number.
        sample: the file's first records.
        matches: the file's column of each column of the kind.
        notes: what a person should look at; the discount's note is added.
    """
    names = {column: match.name for column, match in matches.items()}
    entry, note = _entry(body, sample.columns, names)
    notes.append(note)
    return entry


def _entry(
    body: Any, columns: Mapping[str, Sequence[str | None]], names: Mapping[str, str]
) -> tuple[Any, str]:
    texts = [text.strip() for text in columns[names["discount"]] if text and text.strip()]
    entry: dict[str, Any] = dict(body) if isinstance(body, dict) else {"from": body, "as": "price"}
    is_changed = isinstance(body, dict)
    if any(text.startswith("-") or text.endswith("-") for text in texts):
        entry["sign"] = "minus"
        is_changed = True
    if any("%" in text for text in texts):
        entry["as"] = "percent"
        return entry, "discount: read in per cent of the line"
    note = (
        "discount: read as an amount off the whole line"
        + (", which the source writes with a minus" if "sign" in entry else "")
        + "; add 'per: unit' if it is off each unit, write 'as: percent' if it is in per cent"
    )
    above = _above_line(columns, names)
    if above:
        note += f"; it cannot be off the line in record {above[0]}: {above[1]} off {above[2]}"
    return (entry if is_changed else body), note


def _above_line(
    columns: Mapping[str, Sequence[str | None]], names: Mapping[str, str]
) -> tuple[int, str, str] | None:
    """The first record whose discount is above quantity x unit price: number, discount, line."""
    if not {"quantity", "unit_price"} <= set(names):
        return None
    values = zip(
        *(columns[names[of]] for of in ("discount", "quantity", "unit_price")), strict=True
    )
    for number, texts in enumerate(values, start=1):
        stated = [text.strip() for text in texts if text]
        if len(stated) < len(texts) or not all(map(_SAMPLE_NUMBER.fullmatch, stated)):
            continue
        off, quantity, price = map(float, stated)
        line = abs(quantity * price)
        if abs(off) > line + 0.01:
            return number, f"{abs(off):g}", f"{line:g}"
    return None
