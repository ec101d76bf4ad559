"""What a sample of ids tells: damage by tables, repairs, and zeros or digits that were lost."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clarion.collect.sources.ids import IdForm
from clarion.contracts.sources import ID_FAULTS, Kind
from clarion.kernel.text import shape

_MIN_OF_FIXED_LENGTH = 0.8  # share of ids of the greatest length from which it seems fixed
_MIN_FIXED = 8  # digits; shorter numbers differ in length because they are counted up
_EXACT_DIGITS = 15  # a spreadsheet writes zeros for all that follow
_MIN_IDS = 5  # fewer different ids say nothing about their column
_MIN_DIGITS_ALONE = 0.95  # share of ids of digits alone
_MIN_WITH_ZEROS = 2  # different ids with a leading zero, all of one length
_MIN_ENDING_IN_ZEROS = 0.5  # share of long ids; one in ten ends in a zero by chance
_REPAIRED = "what a table added is taken away"
_LOST_DIGITS = (
    f"zeros stand for all digits after the {_EXACT_DIGITS}th, so that different ids look alike; "
    "format the column as text where it comes from, and export it again"
)


@dataclass(frozen=True, slots=True)
class IdDamage:
    """Damage that ids of one column show in a sample.

    Args:
        column: the column.
        ids: ids that show it.
        total: ids of the sample.
        record: number of the first record that shows it, from 1.
        sample: its id, by its shape.
        reason: what it is, and the fix.
    """

    column: str
    ids: int
    total: int
    record: int
    sample: str
    reason: str

    @property
    def text(self) -> str:
        """In one line."""
        return (
            f"{self.column}: {self.ids} of {self.total} ids, first '{self.sample}' "
            f"in record {self.record}: {self.reason}"
        )


def find_id_damage(
    column: str, texts: Sequence[str | None], form: IdForm | None = None
) -> list[IdDamage]:
    r"""Damage of the ids in a sample; what is repaired is named, too.

    Args:
        column: name of the column, for messages.
        texts: the column's values, one a record.
        form: what the mapping declares; None for the default.

    Example:
        >>> (damage,) = find_id_damage("order_ref", ["A-1", '="00042"'])
        >>> damage.text
        'order_ref: 1 of 2 ids, first \'="00000"\' in record 2: what a table added is taken away'
    """
    declared = form or IdForm()
    stated = {
        number: text
        for number, text in enumerate(texts, start=1)
        if text is not None and text.strip()
    }
    bare = {number: declared.repair_text(text) for number, text in stated.items()}
    by_reason: dict[str, list[int]] = {}
    for number, text in bare.items():
        fault = declared.fault_of(text)
        if fault is not None:
            by_reason.setdefault(_reason(fault, column), []).append(number)
    by_reason[_REPAIRED] = [number for number, text in bare.items() if text != stated[number]]
    if declared.repair != "as_written" and declared.pad is None:
        by_reason[_lost_zeros_reason(column)] = _without_zeros(bare)
        by_reason[_LOST_DIGITS] = _without_digits(bare)
    return [
        IdDamage(column, len(found), len(stated), found[0], shape(stated[found[0]]), reason)
        for reason, found in by_reason.items()
        if found
    ]


def propose_ids(
    kind: Kind, texts: Mapping[str, Sequence[str | None]], body: dict[str, Any]
) -> list[str]:
    """Notes on the damage of ids in a sample.

    A column of floats that are whole numbers is declared in the mapping's body.

    Args:
        kind: the source kind.
        texts: the values of each mapped column, one a record.
        body: the proposed mapping, which may get `ids`.
    """
    notes = []
    for column in kind.columns:
        if not column.is_id or column.name not in texts:
            continue
        form = IdForm()
        values = [text for text in texts[column.name] if text and re.search("[0-9]", text)]
        faults = {form.fault_of(form.repair_text(text)) for text in values}
        if faults == {"float_id"}:
            form = IdForm(repair="whole_number")
            body.setdefault("ids", {})[column.name] = form.repair
            notes.append(
                f"{column.name}: ids such as '{shape(values[0])}' were kept as numbers with "
                "decimals; 'ids' reads them as whole numbers"
            )
        damages = find_id_damage(column.name, texts[column.name], form)
        is_noted = form.repair == "whole_number"
        notes += [item.text for item in damages if not (is_noted and item.reason == _REPAIRED)]
    return notes


def _reason(fault: str, column: str) -> str:
    return ID_FAULTS[fault].replace("COLUMN", column)


def _lost_zeros_reason(column: str) -> str:
    return (
        "the id is shorter than others, and may have lost leading zeros, which no rule can tell; "
        f"declare the digits that an id has, such as 'ids: {{{column}: {{pad: 13}}}}', to put "
        f"zeros back, or 'ids: {{{column}: {{pattern: \"[0-9]{{13}}\"}}}}' to refuse such ids"
    )


def _without_zeros(ids: Mapping[int, str]) -> list[int]:
    """Records whose id is all of digits, and shorter than ids of a fixed length."""
    numbers = {number: text for number, text in ids.items() if re.fullmatch("[0-9]+", text)}
    different = set(numbers.values())
    if len(different) < _MIN_IDS or len(numbers) < _MIN_DIGITS_ALONE * len(ids):
        return []
    lengths = Counter(map(len, different))
    with_zeros = Counter(len(text) for text in different if text.startswith("0"))
    length, count = lengths.most_common(1)[0]
    if with_zeros:
        length, count = with_zeros.most_common(1)[0]
        is_fixed = len(with_zeros) == 1 and count >= _MIN_WITH_ZEROS
    else:
        is_fixed = length >= _MIN_FIXED and count >= _MIN_OF_FIXED_LENGTH * len(different)
    if not is_fixed:
        return []
    return [number for number, text in numbers.items() if len(text) < length]


def _without_digits(ids: Mapping[int, str]) -> list[int]:
    """Records whose id has zeros where a spreadsheet keeps no digits."""
    long = {
        number: text
        for number, text in ids.items()
        if len(text) > _EXACT_DIGITS and re.fullmatch("[1-9][0-9]+", text)
    }
    found = [number for number, text in long.items() if not text[_EXACT_DIGITS:].strip("0")]
    is_many = len(found) >= _MIN_IDS and len(found) > _MIN_ENDING_IN_ZEROS * len(long)
    return found if is_many else []
