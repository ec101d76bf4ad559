"""Replace personal values in records by tokens, before anything is stored."""

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import SOURCE_PREFIX, TOKEN_PREFIX, phone_form, tokenise
from clarion.contracts.sources import Kind


class Expression(Protocol):
    """The expression of a mapped column."""

    @property
    def try_sql(self) -> str:
        """Its SQL, with casts that give null."""

    @property
    def phone(self) -> str | None:
        """Country whose phone numbers it gives; None where they are no phone numbers."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names in it that may be columns."""

    def columns(self, known: tuple[str, ...], /) -> tuple[str, ...]:
        """The source columns it uses."""


class PersonalSource(Protocol):
    """What is personal in the records of a source."""

    @property
    def kind(self) -> Kind:
        """The source kind."""

    @property
    def columns(self) -> Mapping[str, Expression]:
        """Expression of each mapped column."""

    @property
    def personal(self) -> tuple[str, ...]:
        """Mapped columns that hold personal values."""

    @property
    def sealed(self) -> tuple[str, ...]:
        """Further columns of the source that are personal."""

    @property
    def namespace(self) -> str:
        """Who gives the names of customers."""


def used_columns(
    source: PersonalSource, mapped: tuple[str, ...], source_columns: tuple[str, ...]
) -> tuple[str, ...]:
    """The source columns from which mapped columns are computed.

    Args:
        source: the source.
        mapped: mapped columns.
        source_columns: the source's columns; empty where each record states its own.
    """
    used: list[str] = []
    for name in mapped:
        expression = source.columns[name]
        used += expression.columns(source_columns or expression.names)
    return tuple(dict.fromkeys(used))


def protect_records(
    records: DataFrame, source: PersonalSource, *, source_columns: tuple[str, ...], key: Key
) -> tuple[DataFrame, DataFrame]:
    """Records without readable personal values, and the values that are to be sealed.

    Each mapped personal column becomes `token:<column>` in the record. Every source column it was
    computed from is replaced by its own token, so that equal records stay equal, and its text is
    sealed, too: nothing that arrived is lost.

    Args:
        records: raw and other columns.
        source: the source of the records.
        source_columns: the source's columns; empty where each record states its own.
        key: the key in use.

    Returns:
        The records, and frames of field, token, value.
    """
    personal = source.personal
    used = used_columns(source, personal, source_columns)
    hidden = tuple(dict.fromkeys([*used, *source.sealed]))
    tokens = _add_tokens(records, source, hidden=hidden, key=key)

    entries: list[Column] = []
    for index, name in enumerate(hidden):
        entries += [F.lit(name), F.col(f"_hidden_{index}")]
    for name in personal:
        entries += [F.lit(f"{TOKEN_PREFIX}{name}"), F.col(f"_token_{name}")]
    open_values = F.map_filter("raw", lambda name, _: ~name.isin(list(hidden)))
    raw = F.map_concat(open_values, F.create_map(*entries))
    protected = tokens.withColumn("raw", raw).select(*records.columns)

    values = [
        _value_struct(name, token=f"_token_{name}", value=f"_value_{name}") for name in personal
    ]
    values += [
        _value_struct(f"{SOURCE_PREFIX}{name}", token=f"_hidden_{index}", value=f"_in_{index}")
        for index, name in enumerate(hidden)
    ]
    return protected, tokens.select(F.inline(F.array(*values)))


def _add_tokens(
    records: DataFrame, source: PersonalSource, *, hidden: tuple[str, ...], key: Key
) -> DataFrame:
    """The records with values and tokens of mapped and of hidden source columns.

    `_in_<index>` and `_hidden_<index>` hold text and token of a hidden source column,
    `_value_<name>` and `_token_<name>` those of a mapped personal column.
    """
    raw_texts = {f"_in_{index}": F.col("raw")[name] for index, name in enumerate(hidden)}
    opened = records.withColumns(raw_texts)
    as_source = opened.select(
        "*", *(F.col(f"_in_{index}").alias(name) for index, name in enumerate(hidden))
    )
    values = {f"_value_{name}": _sealed_value(source.columns[name]) for name in source.personal}
    mapped_tokens = {
        f"_token_{name}": tokenise(name, key)(F.col(f"_value_{name}")) for name in source.personal
    }
    hidden_tokens = {
        f"_hidden_{index}": tokenise(f"{SOURCE_PREFIX}{name}", key)(F.col(f"_in_{index}"))
        for index, name in enumerate(hidden)
    }
    return (
        as_source.withColumns(values)
        .drop(*hidden)
        .withColumns(mapped_tokens)
        .withColumns(hidden_tokens)
    )


def _value_struct(field: str, *, token: str, value: str) -> Column:
    return F.struct(
        F.lit(field).alias("field"), F.col(token).alias("token"), F.col(value).alias("value")
    )


def _sealed_value(expression: Expression) -> Column:
    """The value as the mapping computes it; a phone number in its canonical form."""
    value = F.expr(expression.try_sql).cast("string")
    return value if expression.phone is None else phone_form(expression.phone)(value)
