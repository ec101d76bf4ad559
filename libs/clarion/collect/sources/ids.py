"""Ids as files write them: what tables add to them is taken away, what is lost is recognised.

Spreadsheets and frames take ids for numbers: they round them, give them decimals, drop zeros.
Exports guard ids against that by characters that are no part of them. The guard is taken away,
which loses nothing. What was rounded cannot be repaired: many ids have become one.
"""

import re
import string
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from clarion.contracts.sources import IdFault
from clarion.kernel import sql

Repair = Literal["unwrap", "whole_number", "as_written"]

# Patterns that Java and Python read alike.
_ODD_SPACES = "\\x85\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
_SPACES = rf" \t\n\x0b\f\r{_ODD_SPACES}"
# Soft hyphen, zero-width characters, marks of direction and of byte order.
_INVISIBLE = r"\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_AROUND = rf"^[{_SPACES}{_INVISIBLE}]+|[{_SPACES}{_INVISIBLE}]+$|[{_INVISIBLE}]+"
# ="00042" of spreadsheets, '00042 that is typed into them, `00042 of payment providers.
_GUARD = rf"^(?:=\"+[{_SPACES}]*([^\"]*?)[{_SPACES}]*\"+|'([0-9][^'{_SPACES}]*)|`([^`{_SPACES}]+))$"
_CONTROL = r"[\x00-\x1f\x7f]"
_DECIMALS_OF_ZERO = r"^([+-]?[0-9]+)[.,]0+$"
# As a double is written by Java: every digit that it has.
_DOUBLE = r"^-?[1-9]\.[0-9]+E(?:[7-9]|1[0-9])$"
_MAX_LENGTH = 1000  # as the rule too_long: to look for white space at an end is quadratic
_WHOLE_DOUBLES_BELOW = 2**53
_FLOAT = rf"{_DECIMALS_OF_ZERO}|{_DOUBLE}"
# 12E5 and 3E-10 may be codes: a spreadsheet writes a decimal sign or a plus.
_ROUNDED = r"^[+-]?[0-9]+(?:[.,][0-9]+[eE][+-]?|[eE]\+)[0-9]{1,3}$"
# Days that spreadsheets make of ids, by the months of English, German and Romance ones: 4-Mar,
# 04. Mrz, déc-12. An Italian 'set-12' is not among them: it may well be a set of twelve.
_MONTHS = "Jan|Feb|Mar|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_SMALL_MONTHS = (
    "janv|févr|mars|avr|mai|juin|juil|août|sept|oct|nov|déc|"
    "ene|feb|mar|abr|may|jun|jul|ago|sep|dic|gen|apr|mag|giu|lug|ott"
)
_DAMAGED = (
    r"^=(?:[A-Z]{1,3}[0-9]|[A-Z]+\()|=\""
    r"|^#(?:REF!|VALUE!|NAME\?|NUM!|NULL!|DIV/0!|SPILL!|CALC!)$|^#{4,}$"
    r"|^[+-]?[0-9]{1,3}(?:,[0-9]{3})+$"
    rf"|^[0-9]{{1,2}}(?:-|\. )(?:{_MONTHS})$|^(?:{_MONTHS})[- ][0-9]{{2}}$"
    rf"|^[0-9]{{1,2}}-(?:{_SMALL_MONTHS})\.?$|^(?:{_SMALL_MONTHS})\.?-[0-9]{{2}}$"
    r"|^[0-9]{1,2}月[0-9]{1,2}日$"
)
# Whatever one of the patterns above could find: most ids are compared with this one alone.
_ODD = (
    rf"[\x00-\x1f\x7f{_ODD_SPACES}{_INVISIBLE}]|^[ ='`]| $|=\"|^#[A-Z#]"
    r"|^[+-]?[0-9]+(?:[.,]0+$|(?:[.,][0-9]+)?[eE]|,[0-9]{3}|-[A-Za-zéûà]|\. [A-Z]|月)"
    r"|^[A-Za-zéûà]{3,5}\.?[- ][0-9]{2}$"
)
# Most ids are plain, and compared with nothing else. Each character by itself: Java looks it up in
# one step, where a range costs a comparison. None of these is odd, 1E5 and Mar-04 are not among
# them.
_LETTERS = string.ascii_letters
_PLAIN = (
    rf"^(?:[{string.digits}]++(?:[{_LETTERS.replace('e', '').replace('E', '')}]"
    rf"[{_LETTERS}{string.digits}_]*+)?"
    r"|(?![A-Za-z][a-z][a-z][a-z]?\.?-[0-9][0-9]\z)"
    rf"[{_LETTERS}][{_LETTERS}{string.digits}_.:/@\-]*+)\z"
)
_JAVA_ALONE = re.compile(r"(?<!\\)(?:\(\?(?![:=!]|<[=!])|\{(?!\d+(?:,\d*)?\})|\[\[|&&)")


class IdForm(BaseModel):
    """How the ids of a column are written, and what is repaired in them.

    Attributes:
        repair: `unwrap` takes away white space around an id, invisible characters, and the
            guards of tables; `whole_number` makes 17850 of 17850.0, too; `as_written` takes
            nothing and finds no damage but control characters.
        pattern: regular expression of a whole id; whatever differs is refused.
        pad: digits of an id; leading zeros that were lost are put back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    repair: Repair = "unwrap"
    pattern: str | None = None
    pad: int | None = Field(default=None, ge=2, le=50)

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, declared: Any) -> Any:
        """A word alone is the repair."""
        return {"repair": declared} if isinstance(declared, str) else declared

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pattern is not None:
            _check_pattern(self.pattern)
        return self

    @property
    def _whole(self) -> str | None:
        """The pattern of a whole id; None where none is declared."""
        pattern = self.pattern or (f"[0-9]{{{self.pad}}}" if self.pad else None)
        return None if pattern is None else f"^(?:{pattern})$"

    def is_odd(self, text: str) -> str:
        """SQL that is true for a text that may need a repair, or have a fault.

        A longer text than an id may be is neither repaired nor judged here.

        Args:
            text: SQL of the id as it was stated.
        """
        is_odd = f"{text} RLIKE {sql.text(self._odd)}"
        if self._whole is None:
            is_odd = f"NOT {text} RLIKE {sql.text(_PLAIN)} AND {is_odd}"
        else:
            is_odd = f"({is_odd} OR NOT {text} RLIKE {sql.text(self._whole)})"
        return f"length({text}) <= {_MAX_LENGTH} AND {is_odd}"

    def repaired(self, text: str) -> str:
        """SQL of the id without what a table added to it, with what it is known to have lost.

        Args:
            text: SQL of the id as it was stated.
        """
        value = text
        if self.repair != "as_written":
            value = f"regexp_replace({value}, {sql.text(_AROUND)}, '')"
            value = f"regexp_replace({value}, {sql.text(_GUARD)}, '$1$2$3')"
            value = f"regexp_replace({value}, {sql.text(f'[{_ODD_SPACES}]')}, ' ')"
        if self.repair == "whole_number":
            whole = "try_cast(s AS decimal(20,0))"
            is_exact = (
                f"s RLIKE {sql.text(_DOUBLE)} AND try_cast(s AS decimal(38,10)) = {whole} "
                f"AND abs({whole}) < {_WHOLE_DOUBLES_BELOW}"
            )
            plain = f"regexp_replace(s, {sql.text(_DECIMALS_OF_ZERO)}, '$1')"
            value = sql.let(value, f"IF({is_exact}, CAST({whole} AS string), {plain})")
        if self.pad:
            lost = f"s RLIKE {sql.text(self._lost_zeros)}"
            value = sql.let(value, f"IF({lost}, lpad(s, {self.pad}, '0'), s)")
        return value

    def fault(self, text: str) -> str:
        """SQL of the rule that an id fails; null where it is good.

        Args:
            text: SQL of the id after repair.
        """
        cases = " ".join(
            f"WHEN {text} RLIKE {sql.text(pattern)} THEN {sql.text(fault)}"
            for fault, pattern in self._faults.items()
        )
        if self._whole is not None:
            cases += f" WHEN NOT {text} RLIKE {sql.text(self._whole)} THEN 'other_form'"
        return f"CASE {cases} END"

    def fault_of(self, text: str) -> IdFault | None:
        """The rule that an id of a sample fails; None where it is good.

        Example:
            >>> form = IdForm()
            >>> [form.fault_of(text) for text in ("1.23457E+12", "17850.0", "12E5", "00042")]
            ['rounded_id', 'float_id', None, None]
        """
        for fault, pattern in self._faults.items():
            if re.search(pattern, text):
                return fault
        is_other = self._whole is not None and not re.search(self._whole, text)
        return "other_form" if is_other else None

    def repair_text(self, text: str) -> str:
        r"""An id of a sample, repaired as `repaired` does it.

        Example:
            >>> form = IdForm()
            >>> [form.repair_text(text) for text in ('="00042"', "'00042", "A-1\t", "A\u200b-1")]
            ['00042', '00042', 'A-1', 'A-1']
        """
        if len(text) > _MAX_LENGTH:
            return text
        if self.repair != "as_written":
            text = re.sub(_GUARD, r"\1\2\3", re.sub(_AROUND, "", text))
            text = re.sub(f"[{_ODD_SPACES}]", " ", text)
        if self.repair == "whole_number":
            text = _whole_number(text)
        if self.pad and re.search(self._lost_zeros, text):
            text = text.zfill(self.pad)
        return text

    @property
    def _lost_zeros(self) -> str:
        """The pattern of an id that lost leading zeros; zeros alone are none."""
        return rf"^(?!0+$)[0-9]{{1,{(self.pad or 2) - 1}}}$"

    @property
    def _odd(self) -> str:
        return _CONTROL if self.repair == "as_written" else _ODD

    @property
    def _faults(self) -> dict[IdFault, str]:
        """Patterns of damaged ids, in the order in which they are tried."""
        if self.repair == "as_written":
            return {"control_character": _CONTROL}
        faults: dict[IdFault, str] = {"control_character": _CONTROL}
        if self.repair == "whole_number":
            # What is a float even now is not whole, or beyond what a double holds.
            return {**faults, "rounded_id": f"{_ROUNDED}|{_FLOAT}", "damaged_id": _DAMAGED}
        return {**faults, "float_id": _FLOAT, "rounded_id": _ROUNDED, "damaged_id": _DAMAGED}


def _whole_number(text: str) -> str:
    if re.search(_DOUBLE, text):
        value = Decimal(text)
        if value == value.to_integral_value() and abs(value) < _WHOLE_DOUBLES_BELOW:
            return str(int(value))
    return re.sub(_DECIMALS_OF_ZERO, r"\1", text)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is no regular expression: {error}") from error
    if _JAVA_ALONE.search(pattern):
        raise ValueError(
            f"'{pattern}' is a regular expression that Spark reads otherwise; use only (?:...), "
            "(?=...), (?!...) and counts such as {3} or {2,5}"
        )
