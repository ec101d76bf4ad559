"""Persons are protected before anything is kept."""

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.privacy.keys import Key
from clarion.privacy.tokens import SOURCE, TOKEN, phone_form, tokenise


class Expression(Protocol):
    """A column of a mapping."""

    @property
    def soft(self) -> str: ...

    @property
    def phone(self) -> str | None: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def columns(self, known: tuple[str, ...]) -> tuple[str, ...]: ...


def protected(
    records: DataFrame, columns: Mapping[str, Expression], *, personal: tuple[str, ...], known: tuple[str, ...], key: Key, sealed: tuple[str, ...] = ()
) -> tuple[DataFrame, DataFrame]:
    """Records without readable personal values, and the values that are to be sealed.

    Each mapped personal column becomes `token:<column>` in the record; every source column it was computed from is
    replaced by its own token, so that equal records stay equal, and its text is sealed, too: nothing that came is lost.

    Args:
        records: raw and other columns.
        columns: expressions of the mapping.
        personal: mapped columns that hold personal values.
        known: the source's columns; empty where each record states its own.
        key: the key in use.
        sealed: further columns of the source that are personal.

    Returns:
        The records, and frames of field, token, value.
    """
    used = {name: columns[name].columns(known or columns[name].names) for name in personal}
    hidden = tuple(dict.fromkeys([*(name for names in used.values() for name in names), *sealed]))
    opened = records.withColumns({f"_in_{place}": F.col("raw")[name] for place, name in enumerate(hidden)})
    source = opened.select("*", *(F.col(f"_in_{place}").alias(name) for place, name in enumerate(hidden)))
    values = source.withColumns({f"_value_{name}": _value(columns[name]) for name in personal}).drop(*hidden)
    tokens = values.withColumns({f"_token_{name}": tokenise(name, key)(F.col(f"_value_{name}")) for name in personal}).withColumns(
        {f"_hidden_{place}": tokenise(f"{SOURCE}{name}", key)(F.col(f"_in_{place}")) for place, name in enumerate(hidden)}
    )
    kept = F.map_filter("raw", lambda name, _: ~name.isin(list(hidden)))
    entries: list[Column] = []
    for place, name in enumerate(hidden):
        entries += [F.lit(name), F.col(f"_hidden_{place}")]
    for name in personal:
        entries += [F.lit(f"{TOKEN}{name}"), F.col(f"_token_{name}")]
    safe = tokens.withColumn("raw", F.map_concat(kept, F.create_map(*entries))).select(*records.columns)
    pairs = F.array(
        *(F.struct(F.lit(name).alias("field"), F.col(f"_token_{name}").alias("token"), F.col(f"_value_{name}").alias("value")) for name in personal),
        *(
            F.struct(F.lit(f"{SOURCE}{name}").alias("field"), F.col(f"_hidden_{place}").alias("token"), F.col(f"_in_{place}").alias("value"))
            for place, name in enumerate(hidden)
        ),
    )
    return safe, tokens.select(F.inline(pairs))


def _value(expression: Expression) -> Column:
    """What is sealed: the value as the mapping computes it, a phone number in its one form."""
    plain = F.expr(expression.soft).cast("string")
    return plain if expression.phone is None else phone_form(expression.phone)(plain)


def stripped(records: DataFrame, columns: Mapping[str, Expression], *, people: tuple[str, ...], known: tuple[str, ...], allowed: DataFrame) -> DataFrame:
    """Records from which the person is removed where that person did not consent to collection.

    Args:
        records: raw and `_stripped`.
        columns: expressions of the mapping.
        people: mapped columns by which the person could be found again.
        known: the source's columns; empty where each record states its own.
        allowed: ref of everyone who consents.

    Returns:
        The same records; of those without consent, every column that names the person is gone and `_stripped` is true.
    """
    mapped = [name for name in people if name in columns]
    telling = tuple(dict.fromkeys(column for name in mapped for column in columns[name].columns(known or columns[name].names)))
    reference = columns["customer_ref"] if "customer_ref" in columns else columns["from_ref"]
    names = reference.columns(known or reference.names)
    opened = records.select("*", *(F.col("raw")[name].alias(name) for name in names)).withColumn("_ref", F.expr(reference.soft).cast("string")).drop(*names)
    joined = opened.join(allowed.select(F.col("ref").alias("_ref"), F.lit(True).alias("_allowed")), "_ref", "left")
    named = [F.col("_ref").isNotNull()] + [F.col("raw")[name].isNotNull() for name in telling]
    someone = named[0]
    for condition in named[1:]:
        someone = someone | condition
    strip = someone & F.col("_allowed").isNull()
    gone = [*telling, *(f"{TOKEN}{name}" for name in mapped)]
    without = F.map_filter("raw", lambda name, _: ~name.isin(gone))
    return joined.withColumns({"raw": F.when(strip, without).otherwise(F.col("raw")), "_stripped": strip}).select(*records.columns)
