"""From bronze records to typed rows of a source kind, with missing values filled by policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.order_amounts import spread_discount, spread_refund
from clarion.contracts.core import Column as ContractColumn
from clarion.contracts.sources import MONEY, Discount, Kind
from clarion.kernel import instants, sql

NAMES_TYPE = "array<string>"
_FAULTS_TYPE = "map<string,string>"
_EMPTY = sql.text("")
_PROVENANCE = (
    "_hash",
    "_person_removed",
    "_malformed",
    "_source",
    "_file",
    "_file_hash",
    "_row",
    "_batch",
    "_ingested_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSql:
    """SQL of a column of ids.

    Args:
        is_odd: over `stated_name` of the column; false where nothing needs a repair, and
            nothing is wrong.
        repaired: over `stated_name` of the column.
        fault: over the column: the rule that the id fails; null where it is good.
    """

    is_odd: str
    repaired: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSpec:
    """How the records of a source become rows of its kind.

    Args:
        kind: the source kind.
        expressions: try SQL of each mapped column; of ids as the source states them.
        ids: repairs and faults of each mapped column of ids.
        uses: source columns that each expression uses.
        tokens: raw column that holds the token, of each personal column.
        time_zone: zone of the source's clock, for times that state none.
        local_times: columns whose expressions give times of the source's clock, not instants.
        missing_words: texts that stand for no value, of each mapped column.
        currency: currency of amounts that state none.
        price_currencies: SQL of the currency that a text `s` states, of each column of prices.
        from_above: columns whose missing texts are those of the order's line above.
        discount: what the discount of an order line is.
        of_order: columns whose amounts are stated of the whole order.
    """

    kind: Kind
    expressions: Mapping[str, str]
    ids: Mapping[str, IdSql]
    uses: Mapping[str, tuple[str, ...]]
    tokens: Mapping[str, str]
    time_zone: str
    local_times: frozenset[str]
    missing_words: Mapping[str, tuple[str, ...]]
    currency: str | None
    discount: Discount
    from_above: tuple[str, ...] = ()
    of_order: tuple[str, ...] = ()
    price_currencies: Mapping[str, str] = field(default_factory=dict)


def parse_records(records: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    """The kind's columns, typed, with the record's provenance.

    A value is null where it is missing or cannot be read.

    Args:
        records: BRONZE records; after `fill_from_above` where it fills columns.
        parse_spec: how they are parsed.

    Returns:
        One row per record: the kind's columns, `_missing_words` (columns whose text stands for no
        value; null for none), `_repaired_ids` (columns whose id was repaired; null for none),
        `_id_faults` (the rule that an id fails, by column; null for none), the provenance columns
        and `_raw` (the record).
    """
    carried = list(_PROVENANCE)
    if parse_spec.from_above:
        carried.append("_from_above")
    opened = _open_records(records, parse_spec, carried)
    expressions = [
        f"({value}) AS {sql.name(name)}" for name, value in parse_spec.expressions.items()
    ]
    types = dict(opened.selectExpr(*expressions).dtypes)
    # In a step of their own, so that each id is compared with the pattern of odd ones once.
    stated = [
        f"CAST(({parse_spec.expressions[name]}) AS string) AS {stated_name(name)}"
        for name in parse_spec.ids
    ]
    odd = [f"({ids.is_odd}) AS {_odd_name(name)}" for name, ids in parse_spec.ids.items()]
    opened = opened.selectExpr("*", *stated).selectExpr("*", *odd)
    of_ids = [*map(stated_name, parse_spec.ids), *map(_odd_name, parse_spec.ids)]
    typed = opened.selectExpr(
        *(
            f"{_typed_value(column, parse_spec, types)} AS {sql.name(column.name)}"
            for column in parse_spec.kind.columns
        ),
        "_raw",
        *carried,
        *of_ids,
    )
    marks = {
        "_missing_words": _columns_with_words(parse_spec),
        "_repaired_ids": _repaired_ids(parse_spec),
        "_id_faults": _id_faults(parse_spec),
    }
    typed = typed.withColumns({name: F.expr(mark) for name, mark in marks.items()})
    typed = typed.drop(*(name.strip("`") for name in of_ids))
    if "discount" in parse_spec.of_order:
        typed = spread_discount(typed)
    if "discount" in parse_spec.expressions:
        typed = typed.withColumn("discount", F.expr(_line_discount(parse_spec.discount)))
    if "refund" in parse_spec.of_order:
        typed = spread_refund(typed)
    return _derive(typed, parse_spec)


def _open_records(records: DataFrame, parse_spec: ParseSpec, carried: list[str]) -> DataFrame:
    """The texts that the expressions use, by source column, with tokens and `_raw`."""
    # SQL text, here and below: a plan of a few hundred expressions is parsed at once, where
    # building each of them from Python took 0.4 s a source.
    source_columns = dict.fromkeys(name for names in parse_spec.uses.values() for name in names)
    # Under a condition, because Spark treats a bare map look-up as free and repeats it for every
    # use of the value. Of the time of cleaning a million events, a third went into comparing
    # names of columns. A malformed record has no values.
    values = [
        f"IF(_malformed IS NULL, raw[{sql.text(name)}], NULL) AS {sql.name(name)}"
        for name in source_columns
    ]
    tokens = [
        f"raw[{sql.text(raw_column)}] AS {_token_name(name)}"
        for name, raw_column in parse_spec.tokens.items()
    ]
    return records.selectExpr(*values, *tokens, "raw AS _raw", *carried)


def _derive(rows: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    derived = derived_values(parse_spec)
    return rows.withColumns({name: F.expr(value) for name, value in derived.items()})


def stated_name(column: str) -> str:
    """The name, quoted, of an id as the source states it."""
    return sql.name(f"_stated_{column}")


def _odd_name(column: str) -> str:
    return sql.name(f"_odd_{column}")


def without_faulty_ids(rows: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    """The rows with null in place of ids that cleaning refuses.

    Args:
        rows: rows of `parse_records`.
        parse_spec: how the records were parsed.
    """
    return rows.withColumns(
        {
            name: F.expr(f"IF(_id_faults[{sql.text(name)}] IS NULL, {sql.name(name)}, NULL)")
            for name in parse_spec.ids
        }
    )


def _token_name(column: str) -> str:
    return sql.name(f"_token_{column}")


def _typed_value(column: ContractColumn, parse_spec: ParseSpec, types: Mapping[str, str]) -> str:
    """SQL of a kind's column: the mapped expression, converted to the column's type."""
    if column.name in parse_spec.tokens:
        return _token_name(column.name)
    if column.name not in parse_spec.expressions:
        return f"CAST(NULL AS {column.type})"
    if column.name in parse_spec.ids:
        return _id_value(column.name, parse_spec)
    value = f"({parse_spec.expressions[column.name]})"
    type_ = types[column.name]
    if column.type == "timestamp":
        return _instant(column, value, type_, parse_spec)
    if column.type == "date" and type_ != "date":
        instant = _instant(column, value, type_, parse_spec)
        return f"CAST({instants.local_clock(instant, parse_spec.time_zone)} AS date)"
    if column.type == "string":
        return f"nullif(trim(CAST({value} AS string)), '')"
    target = _UNROUNDED if _is_unit_price(column, parse_spec.kind) else column.type
    return value if type_ == target else f"TRY_CAST({value} AS {target})"


# A unit price may be a sum divided by its units: times those it is the sum only while not rounded.
_UNROUNDED = "decimal(24,10)"


def _is_unit_price(column: ContractColumn, kind: Kind) -> bool:
    return kind.name == "orders" and column.name == "unit_price"


def _id_value(name: str, parse_spec: ParseSpec) -> str:
    """SQL of a repaired id; null where a text stands for none."""
    words = parse_spec.missing_words.get(name, ())
    repaired = sql.let(f"trim({parse_spec.ids[name].repaired})", _unless_word("s", words))
    stated = _unless_word(f"trim({stated_name(name)})", words)
    return f"IF({_odd_name(name)}, {repaired}, {stated})"


def _unless_word(text: str, words: tuple[str, ...]) -> str:
    """SQL of a text; null where it is empty, or stands for no value."""
    return f"IF({sql.is_word(text, ('', *words))}, NULL, {text})"


def _instant(column: ContractColumn, value: str, type_: str, parse_spec: ParseSpec) -> str:
    """SQL of the instant that a value of any type states."""
    zone = parse_spec.time_zone
    if type_ == "timestamp" and column.name not in parse_spec.local_times:
        return value
    if type_ in ("timestamp", "timestamp_ntz", "date"):
        return f"to_utc_timestamp(CAST({value} AS timestamp), {sql.text(zone)})"
    return instants.text_instant(f"CAST({value} AS string)", zone)


def derived_values(parse_spec: ParseSpec) -> dict[str, str]:
    """SQL of the values that the kind derives where the source states none, by column."""
    kind = parse_spec.kind
    derived = {}
    if kind.name in ("products", "ties"):
        derived[kind.time] = f"coalesce({kind.time}, TIMESTAMP '1970-01-01')"
    if kind.column("currency"):
        derived["currency"] = f"coalesce(upper(currency), {sql.text(parse_spec.currency)})"
    if kind.name == "orders":
        # Only where the source states none: what it states and nobody can read stays unknown.
        derived |= {
            name: f"IF({name} IS NULL AND {source_text(parse_spec, name)} IS NULL, "
            f"TRY_CAST({value} AS {MONEY}), TRY_CAST({name} AS {MONEY}))"
            for name, value in _LINE_VALUES.items()
        }
    if kind.name == "consents":
        derived["purpose"] = "lower(purpose)"  # a word of a fixed list: its case says nothing
    return {**derived, "arrived_at": f"coalesce(arrived_at, {derived.get(kind.time, kind.time)})"}


# Of what a line states, the rest follows. A return is the mirror of its sale: what was taken off
# the sale is not paid back.
_LINE_VALUES = {
    "amount": "quantity * unit_price - IF(quantity < 0, -1, 1) * coalesce(discount, 0)",
    "unit_price": "try_divide(abs(amount) + coalesce(discount, 0), abs(quantity))",
}


def _line_discount(declared: Discount) -> str:
    """SQL of what is taken off the whole line; above zero for a return, whatever its sign."""
    stated = "-discount" if declared.sign == "minus" else "discount"
    off = f"IF(quantity < 0, abs(discount), {stated})"
    if declared.of == "line":
        return off
    if declared.of == "unit":
        return f"TRY_CAST(abs(quantity) * {off} AS {MONEY})"
    of_price = f"try_multiply(abs(quantity) * unit_price, {off} / 100)"
    # Of an amount alone: what was taken off before it was paid.
    of_amount = f"IF(amount = 0, 0, try_divide(abs(amount) * {off}, 100 - {off}))"
    return f"TRY_CAST(IF(unit_price IS NULL, {of_amount}, {of_price}) AS {MONEY})"


def source_text(parse_spec: ParseSpec, name: str) -> str:
    """SQL of the source's text for a column: the first text of the columns its expression uses.

    A text that stands for no value is none.
    """
    texts = _used_texts(parse_spec, name)
    words = parse_spec.missing_words.get(name, ())
    # Not nullif: Spark computes its argument beforehand for every row, though only rows without a
    # value ask.
    with_value = [
        f"IF({text} <> {_EMPTY}{_is_no_word(text, words)}, {text}, NULL)" for text in texts
    ]
    return f"coalesce({', '.join([*with_value, sql.text(None)])})"


def _used_texts(parse_spec: ParseSpec, name: str) -> list[str]:
    return [f"trim(_raw[{sql.text(used)}])" for used in parse_spec.uses.get(name, ())]


def _is_no_word(text: str, words: tuple[str, ...]) -> str:
    return f" AND NOT {sql.is_word(text, words)}" if words else ""


def _columns_with_words(parse_spec: ParseSpec) -> str:
    """SQL of the columns without a value in whose place a text stands that says so."""
    conditions = {
        name: " OR ".join(sql.is_word(text, words) for text in _word_texts(parse_spec, name))
        for name, words in parse_spec.missing_words.items()
        if words and parse_spec.uses.get(name)
    }
    return _names_where(
        {name: f"{sql.name(name)} IS NULL AND ({text})" for name, text in conditions.items()}
    )


def _word_texts(parse_spec: ParseSpec, name: str) -> list[str]:
    """The texts for a column that may stand for no value; also one within a table's guard."""
    texts = _used_texts(parse_spec, name)
    if name in parse_spec.ids:
        repaired = sql.let(f"trim({parse_spec.ids[name].repaired})", "s")
        texts.append(f"IF({_odd_name(name)}, {repaired}, NULL)")
    return texts


def _repaired_ids(parse_spec: ParseSpec) -> str:
    """SQL of the columns whose id is not the text that the source states."""
    return _names_where(
        {
            name: f"{_odd_name(name)} AND {sql.name(name)} <> {stated_name(name)}"
            for name in parse_spec.ids
        }
    )


def _names_where(conditions: Mapping[str, str]) -> str:
    """SQL of the columns whose condition holds; null where none does."""
    names = [f"IF({condition}, {sql.text(name)}, NULL)" for name, condition in conditions.items()]
    # No list for a row without such a column, as most are.
    is_any = f"coalesce({', '.join([*names, sql.text(None)])}) IS NOT NULL"
    found = "array_compact(s)" if names else "s"
    found = sql.let(f"CAST(array({', '.join(names)}) AS {NAMES_TYPE})", found)
    return f"IF(_malformed IS NULL AND {is_any}, {found}, NULL)"


def _id_faults(parse_spec: ParseSpec) -> str:
    """SQL of the rule that an id fails, by column; null where none does."""
    faults = {
        name: f"IF({_odd_name(name)}, {ids.fault}, NULL)" for name, ids in parse_spec.ids.items()
    }
    if not faults:
        return f"CAST(NULL AS {_FAULTS_TYPE})"
    is_any = " OR ".join(_odd_name(name) for name in faults)
    entries = ", ".join(f"{sql.text(name)}, {fault}" for name, fault in faults.items())
    found = f"map_filter(map({entries}), (k, v) -> v IS NOT NULL)"
    return f"IF({is_any}, {sql.let(found, 'IF(cardinality(s) > 0, s, NULL)')}, NULL)"


def is_unreadable(parse_spec: ParseSpec, name: str) -> str:
    """SQL that is true where the source has a text for a column and it cannot be read."""
    return f"{sql.name(name)} IS NULL AND {source_text(parse_spec, name)} IS NOT NULL"


def fill_missing(rows: DataFrame, values: Mapping[str, Column], parse_spec: ParseSpec) -> DataFrame:
    """The rows with missing values filled, and `_filled`: the columns where that happened.

    A text of the source that cannot be read is not a missing value.

    Args:
        rows: rows of `parse_records`.
        values: fill value of each column.
        parse_spec: how the records were parsed.
    """
    is_missing = {
        name: F.expr(f"{sql.name(name)} IS NULL AND NOT ({is_unreadable(parse_spec, name)})")
        for name in values
    }
    types = dict(rows.dtypes)
    filled = {
        name: F.when(is_missing[name], value.cast(types[name])).otherwise(F.col(name))
        for name, value in values.items()
    }
    filled_names = [
        F.when(condition & values[name].isNotNull(), name) for name, condition in is_missing.items()
    ]
    filled_names += [
        F.when(F.array_contains("_from_above", name) & F.col(name).isNotNull(), name)
        for name in parse_spec.from_above
    ]
    names = F.array_compact(F.array(*filled_names)).cast(NAMES_TYPE)
    complete = rows.withColumns({**filled, "_filled": names}).drop("_from_above")
    return _derive(complete, parse_spec)
