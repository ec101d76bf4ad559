"""Persons are protected before anything is kept."""

from collections.abc import Mapping
from typing import Protocol

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.suppressed import SuppressionList
from clarion.collect.privacy.tokens import SOURCE, TOKEN, phone_form, tokenise


class Expression(Protocol):
    """A column of a mapping."""

    @property
    def try_sql(self) -> str: ...

    @property
    def phone(self) -> str | None: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def columns(self, known: tuple[str, ...]) -> tuple[str, ...]: ...


def protected(
    records: DataFrame,
    columns: Mapping[str, Expression],
    *,
    personal: tuple[str, ...],
    known: tuple[str, ...],
    key: Key,
    sealed: tuple[str, ...] = (),
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
    opened = records.withColumns(
        {f"_in_{place}": F.col("raw")[name] for place, name in enumerate(hidden)}
    )
    source = opened.select(
        "*", *(F.col(f"_in_{place}").alias(name) for place, name in enumerate(hidden))
    )
    values = source.withColumns(
        {f"_value_{name}": _value(columns[name]) for name in personal}
    ).drop(*hidden)
    tokens = values.withColumns(
        {f"_token_{name}": tokenise(name, key)(F.col(f"_value_{name}")) for name in personal}
    ).withColumns(
        {
            f"_hidden_{place}": tokenise(f"{SOURCE}{name}", key)(F.col(f"_in_{place}"))
            for place, name in enumerate(hidden)
        }
    )
    kept = F.map_filter("raw", lambda name, _: ~name.isin(list(hidden)))
    entries: list[Column] = []
    for place, name in enumerate(hidden):
        entries += [F.lit(name), F.col(f"_hidden_{place}")]
    for name in personal:
        entries += [F.lit(f"{TOKEN}{name}"), F.col(f"_token_{name}")]
    safe = tokens.withColumn("raw", F.map_concat(kept, F.create_map(*entries))).select(
        *records.columns
    )
    pairs = F.array(
        *(
            F.struct(
                F.lit(name).alias("field"),
                F.col(f"_token_{name}").alias("token"),
                F.col(f"_value_{name}").alias("value"),
            )
            for name in personal
        ),
        *(
            F.struct(
                F.lit(f"{SOURCE}{name}").alias("field"),
                F.col(f"_hidden_{place}").alias("token"),
                F.col(f"_in_{place}").alias("value"),
            )
            for place, name in enumerate(hidden)
        ),
    )
    return safe, tokens.select(F.inline(pairs))


def _value(expression: Expression) -> Column:
    """What is sealed: the value as the mapping computes it, a phone number in its one form."""
    plain = F.expr(expression.try_sql).cast("string")
    return plain if expression.phone is None else phone_form(expression.phone)(plain)


NAMES = {
    "customer_ref": "ref",
    "from_ref": "ref",
    "to_ref": "ref",
    "device_ref": "device",
    "member_ref": "member",
}


def name_field(column: str, namespace: str) -> str:
    """Under which field the token of a name stands among the suppressed ones."""
    return f"{NAMES[column]}:{namespace}"


def stripped(
    records: DataFrame,
    columns: Mapping[str, Expression],
    *,
    people: tuple[str, ...],
    known: tuple[str, ...],
    allowed: DataFrame | None = None,
    suppression_list: SuppressionList | None = None,
    namespace: str = "",
) -> DataFrame:
    """Records from which the person is removed where that person did not consent to collection, or was erased.

    Args:
        records: raw and `_person_removed`.
        columns: expressions of the mapping.
        people: mapped columns by which the person could be found again.
        known: the source's columns; empty where each record states its own.
        allowed: ref of everyone who consents; None where nobody need be asked.
        barred: who was erased; None for nobody.
        namespace: who gives the names in these records.

    Returns:
        The same records; of those whose person is removed, every column that names the person is gone and `_person_removed` is true.
    """
    mapped = [name for name in people if name in columns]
    telling = tuple(
        dict.fromkeys(
            column
            for name in mapped
            for column in columns[name].columns(known or columns[name].names)
        )
    )
    names = [name for name in mapped if name in NAMES]
    uses = tuple(
        dict.fromkeys(
            column
            for name in names
            for column in columns[name].columns(known or columns[name].names)
        )
    )
    opened = records.select("*", *(F.col("raw")[name].alias(name) for name in uses))
    opened = opened.withColumns(
        {f"_is_{name}": F.expr(columns[name].try_sql).cast("string") for name in names}
    ).drop(*uses)
    strip = F.lit(False)
    if allowed is not None:
        reference = next(
            (f"_is_{name}" for name in ("customer_ref", "from_ref") if name in names), None
        )
        who = F.col(reference) if reference else F.lit(None).cast("string")
        opened = opened.withColumn("_ref", who).join(
            allowed.select(F.col("ref").alias("_ref"), F.lit(True).alias("_allowed")),
            "_ref",
            "left",
        )
        someone = F.col("_ref").isNotNull()
        for name in telling:
            someone = someone | F.col("raw")[name].isNotNull()
        strip = someone & F.col("_allowed").isNull()
    if suppression_list is not None:
        for name in names:
            strip = strip | F.coalesce(
                suppression_list.names(name_field(name, namespace))(F.col(f"_is_{name}")),
                F.lit(False),
            )
        for name in mapped:
            if name in suppression_list.telling:
                strip = strip | F.coalesce(
                    suppression_list.tokens(F.col("raw")[f"{TOKEN}{name}"]), F.lit(False)
                )
    gone = [*telling, *(f"{TOKEN}{name}" for name in mapped)]
    without = F.map_filter("raw", lambda name, _: ~name.isin(gone))
    marked = opened.withColumn("_gone", strip)
    return marked.withColumns(
        {
            "raw": F.when(F.col("_gone"), without).otherwise(F.col("raw")),
            "_person_removed": F.col("_person_removed") | F.col("_gone"),
        }
    ).select(*records.columns)
