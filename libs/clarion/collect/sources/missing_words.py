"""Texts that stand for no value, such as 'N/A' or 'guest', by kind of value."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, field_validator

from clarion.contracts.core import Column
from clarion.contracts.sources import Kind
from clarion.kernel import sql

_TIMES = ("timestamp", "date")


class MissingWords(BaseModel):
    """The texts that conf/missing_words.yml declares, in lower case.

    Attributes:
        id: in columns that name something.
        person: further ones, in columns that name a person.
        number: in numbers, and in yes and no.
        time: in days and times.
        text: in every other text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: tuple[str, ...] = ()
    person: tuple[str, ...] = ()
    number: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    @field_validator("*")
    @classmethod
    def _in_lower_case(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.strip().lower() for word in words)

    def of(self, kind: Kind, column: Column) -> tuple[str, ...]:
        """The texts that stand for no value in a column of a kind."""
        if column.name in kind.people or column.personal:
            return (*self.id, *self.person)
        if column.is_id:
            return self.id
        if column.type in _TIMES:
            return self.time
        return self.text if column.type == "string" else self.number


def without_words(value: str, words: Iterable[str]) -> str:
    """SQL of a value as text, null where it is one of some words.

    Example:
        >>> without_words("a", ["none"])
        "IF((octet_length(trim(CAST(a AS string))) <= 12 AND lower(trim(CAST(a AS string))) \
IN ('none')), NULL, CAST(a AS string))"
    """
    text = f"CAST({value} AS string)"
    return f"IF({sql.is_word(f'trim({text})', words)}, NULL, {text})"
