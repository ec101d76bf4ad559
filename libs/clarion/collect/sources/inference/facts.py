"""What the values of a column look like: numbers, times, how often they repeat."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median

from clarion.collect.sources.inference.dates import DateForm, may_be_odd, read_dates
from clarion.collect.sources.numerals import CODES, WORDS, evidence
from clarion.collect.sources.standards import SYMBOLS

_PLAIN_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_WHOLE_NUMBER = re.compile(r"^[+-]?\d+([.,]0+)?$")
_COMMON_CODES = r"\b(?:USD|EUR|GBP|CNY|RMB|JPY|IDR)\b"  # others may be parts of product codes
_MONEY = re.compile("|".join(["[$¥￥]", _COMMON_CODES, *map(re.escape, SYMBOLS)]))
# Letters stand apart from the number: R500 may be a code.
_WORD_OF_MONEY = re.compile(
    rf"^(?i:{CODES}|{WORDS})(?:\.\s*|\s+)(?=[-+(]?[0-9])|(?<=[0-9)])\s+(?i:{CODES}|{WORDS})\.?$"
)
_MANY_UNITS = 20  # quantities are smaller as a rule
_SPACES = re.compile("[\uff01-\uff5e\u3000\u00a0\u202f\u2007]")


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a column in a sample.

    Args:
        name: the file's name for it.
        texts: values that stand for one, in the order of the file.
        lines: the line of each, where the file has lines.
        rows: records in the sample.
        dates: how they are read as times.
        odd_numbers: those that are no number.
    """

    name: str
    texts: tuple[str, ...]
    lines: tuple[int, ...]
    rows: int
    dates: DateForm
    odd_numbers: tuple[str, ...]

    @property
    def distinct_share(self) -> float:
        """Different values by values."""
        return len(set(self.texts)) / max(len(self.texts), 1)

    @property
    def filled_share(self) -> float:
        """Values by records."""
        return len(self.texts) / max(self.rows, 1)

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, but for odd ones."""
        return bool(self.texts) and may_be_odd(len(self.odd_numbers), len(self.texts))

    @property
    def is_mostly_number(self) -> bool:
        """Whether more values are numbers than not."""
        return 2 * len(self.odd_numbers) < len(self.texts)

    @property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers, but for odd ones."""
        odd = sum(not _WHOLE_NUMBER.match(text) for text in self.texts)
        return bool(self.texts) and may_be_odd(odd, len(self.texts))

    @property
    def counts_units(self) -> bool:
        """Whether the values are small whole numbers that repeat, as quantities are."""
        if not self.is_whole:
            return False
        numbers = [
            abs(float(text.replace(",", "."))) for text in self.texts if _WHOLE_NUMBER.match(text)
        ]
        return bool(numbers) and median(numbers) <= _MANY_UNITS

    @property
    def has_wide_letters(self) -> bool:
        """Whether some letters or spaces are of East Asian width, or do not break."""
        return any(_SPACES.search(text) for text in self.texts)

    def line_of(self, text: str) -> str:
        """Where a text stands first, for a message; empty where the file has no lines."""
        if not self.lines:
            return ""
        return f" in line {self.lines[self.texts.index(text)]}"


def describe_columns(
    columns: Mapping[str, Collection[str | None]],
    lines: Collection[int],
    missing_words: Collection[str],
) -> dict[str, Column]:
    """The columns of a sample.

    Args:
        columns: values by name.
        lines: line of each record; empty where the file has no lines.
        missing_words: texts that stand for no value, in lower case.
    """
    described: dict[str, Column] = {}
    for name, values in columns.items():
        numbered = zip(values, lines or [0] * len(values), strict=True)
        kept = [
            (value.strip(), line)
            for value, line in numbered
            if value and value.strip() and value.strip().lower() not in missing_words
        ]
        texts = tuple(text for text, _ in kept)
        described[name] = Column(
            name,
            texts,
            tuple(line for _, line in kept) if lines else (),
            len(values),
            read_dates(texts),
            tuple(text for text in texts if not is_number(text)),
        )
    return described


def is_number(text: str) -> bool:
    """Whether a text is a number in some convention, or an amount of money.

    Example:
        >>> [is_number(text) for text in ("1 234,50 €", "from EUR 5", "Rs. 500", "12.5.6", "R500")]
        [True, True, True, False, False]
    """
    plain = unicodedata.normalize("NFKC", text)
    if _PLAIN_NUMBER.match(plain) or (_MONEY.search(text) and re.search(r"\d", plain)):
        return True
    bare = _WORD_OF_MONEY.sub("", plain)
    return evidence(bare) != "no number" and not re.search(r"[^\W\d_]", bare)
