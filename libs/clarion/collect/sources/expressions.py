"""Expressions of a mapping: which columns they use, and their forms that never fail.

One bad record must never end a run. Casts and date parsing are therefore read as their try_ forms,
and a division by zero gives null: what cannot be computed is null, and cleaning reports it in the
quarantine. Every column of a source is text; where an expression calculates with it, it is read as
a number.
"""

from dataclasses import dataclass

from clarion.collect.sources.ids import IdForm
from clarion.collect.sources.missing_words import without_words
from clarion.kernel import expressions, instants
from clarion.kernel.safe_sql import null_on_error


def plain_number(text: str) -> str:
    """SQL of the number that a text states with a point and without separators; null for others.

    Three factors of this size do not overflow.

    Args:
        text: SQL of the text.

    Example:
        >>> plain_number("price")
        'try_cast(price AS decimal(20,6))'
    """
    return f"try_cast({text} AS decimal(20,6))"


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression of a mapping.

    Args:
        sql: as the mapping has it, or a standard form over it.
        where: mapping, kind and column, for messages.
        over: what the mapping itself has, where a standard form lies over it.
        phone: country whose phone numbers these are; None where they are none.
        time_zone: zone of the source's clock, for times that state none; None where no time is
            read.
        missing_words: texts that stand for no value.
        gives_text: whether its column is one of text.
        id_form: how the ids of its column are written; None where it is none of ids.
        currency: SQL of the currency that a text `s` of a price states; None where it is no price.
    """

    sql: str
    where: str
    over: str | None = None
    phone: str | None = None
    time_zone: str | None = None
    missing_words: tuple[str, ...] = ()
    gives_text: bool = False
    id_form: IdForm | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        expressions.refuse_unsafe_sql(self.over or self.sql, where=self.where)

    @property
    def try_sql(self) -> str:
        """The expression as `stated_sql`, with ids repaired.

        A text that stands for no value is null. A standard form has the safe form of what it lies
        over.
        """
        text = self.stated_sql
        if self.id_form is not None:
            stated = f"CAST(({text}) AS string)"
            text = f"IF({self.id_form.is_odd(stated)}, {self.id_form.repaired(stated)}, {stated})"
        if self.gives_text and self.missing_words:
            text = without_words(f"({text})", self.missing_words)
        return text

    @property
    def stated_sql(self) -> str:
        """The expression in its form that never fails, and times read as instants."""
        text = null_on_error(self.sql, number=plain_number) if self.over is None else self.sql
        if self.time_zone:
            text = instants.read_instants(text, self.time_zone)
        return text

    @property
    def shows_local_time(self) -> bool:
        """Whether a time that it gives is one of the source's clock, not an instant."""
        return instants.calculates_with_clock(self.sql)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that may be columns."""
        return expressions.names(self.over or self.sql)

    def columns(self, available: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the source's columns that it uses."""
        by_lower = {name.lower(): name for name in available}
        used = (by_lower[name.lower()] for name in self.names if name.lower() in by_lower)
        return tuple(dict.fromkeys(used))
