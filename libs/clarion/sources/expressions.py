"""Expressions of a mapping: which columns they use, and how they are made to fail softly.

A mapping's expression must never end a run because of one bad record. Casts and date parsing are therefore
read as their try_ forms: what cannot be converted becomes null, and cleaning says so in the quarantine.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clarion.kernel.errors import ConfigError

_TOKEN = re.compile(
    r"""(?P<string>'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*")   # literals are left alone
      | `(?P<quoted>(?:``|[^`])*)`                              # a column with any name
      | (?P<word>[^\W\d]\w*)                                    # a column, a function or a keyword
      | (?P<other>::|.)""",
    re.VERBOSE | re.DOTALL,
)
_SOFT = {"cast": "try_cast", "to_timestamp": "try_to_timestamp", "to_date": "try_to_date", "to_number": "try_to_number"}
# What reaches beyond the record, gives another answer each time, or changes the number of rows: as a word, and as a call.
_REFUSED = {"select", "over", "current_user", "session_user", "current_timestamp", "current_date", "localtimestamp"}
_REFUSED_CALLS = {
    "reflect", "java_method", "try_reflect", "raise_error", "assert_true", "input_file_name", "now", "curdate", "rand", "randn", "random", "randstr", "uniform",
    "uuid", "shuffle", "monotonically_increasing_id", "spark_partition_id", "explode", "explode_outer", "posexplode", "posexplode_outer", "inline",
    "inline_outer", "stack", "json_tuple",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a mapping.

    Args:
        sql: as the mapping has it, or a standard form over it.
        where: mapping, kind and column, for messages.
        over: what the mapping itself has, where a standard form lies over it.
        phone: country whose phone numbers these are; None where they are none.
    """

    sql: str
    where: str
    over: str | None = None
    phone: str | None = None

    def __post_init__(self) -> None:
        parts = list(self._tokens(self.over or self.sql))
        for place, (kind, text) in enumerate(parts):
            called = text.lower() in _REFUSED_CALLS and self._next_text(parts, place) == "("
            if kind == "word" and (called or text.lower() in _REFUSED):
                raise ConfigError(f"{self.where}: '{text}' is not allowed in a mapping", found=self.sql, fix="use functions of the row's own columns")
            if text == ";" and kind == "other":
                raise ConfigError(f"{self.where}: more than one expression", found=self.sql, fix="write one expression, without ';'")
            if text == "::":
                raise ConfigError(f"{self.where}: '::' is not understood in a mapping", found=self.sql, fix="write cast(column as type)")

    @staticmethod
    def _tokens(sql: str) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(sql):
            yield str(match.lastgroup), match.group(0)

    @property
    def soft(self) -> str:
        """The expression with casts and date parsing in their try_ forms."""
        parts = list(self._tokens(self.sql))
        followed_by_bracket = [self._next_text(parts, place) == "(" for place in range(len(parts))]
        return "".join(
            _SOFT.get(text.lower(), text) if kind == "word" and bracket else text for (kind, text), bracket in zip(parts, followed_by_bracket, strict=True)
        )

    @staticmethod
    def _next_text(parts: list[tuple[str, str]], place: int) -> str:
        return next((text for _, text in parts[place + 1 :] if not text.isspace()), "")

    @property
    def names(self) -> tuple[str, ...]:
        """Names that may be columns: every word that is no function call, and every quoted name."""
        parts = list(self._tokens(self.over or self.sql))
        found = []
        for place, (kind, text) in enumerate(parts):
            if kind == "quoted":
                found.append(text[1:-1].replace("``", "`"))
            elif kind == "word" and self._next_text(parts, place) != "(":
                found.append(text)
        return tuple(dict.fromkeys(found))

    def columns(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The source's columns it uses."""
        by_lower = {name.lower(): name for name in known}
        return tuple(dict.fromkeys(by_lower[name.lower()] for name in self.names if name.lower() in by_lower))
