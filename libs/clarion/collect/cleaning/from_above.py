"""Fill order fields that an export states on the first line of an order only."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import NAMES_TYPE, ParseSpec
from clarion.kernel import sql


def fill_from_above(records: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    """The records with missing texts of order fields taken from the order's line above.

    The line above is the last one before it, by record number, of the same file and the same order
    that has a text. A record without an order takes nothing. What is filled are the source's texts,
    so that an expression such as `coalesce(paid_at, created_at)` sees all of its order.

    Args:
        records: BRONZE records of one source.
        parse_spec: how they are parsed; `from_above` names the columns that are filled.

    Returns:
        The records with `raw` filled, and `_from_above`: the columns for which that happened.
    """
    if not parse_spec.from_above:
        return records
    words: dict[str, set[str]] = {}
    for column in parse_spec.from_above:
        for name in parse_spec.uses[column]:
            words.setdefault(name, set()).update(parse_spec.missing_words.get(column, ()))
    index = {name: position for position, name in enumerate(words)}

    own = [f"{_stated_text(name, words[name])} AS _own_{index[name]}" for name in words]
    of_order = (
        "PARTITION BY _file, _file_hash, _order, IF(_order IS NULL, _row, NULL) "
        "ORDER BY _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    )
    above = [f"last(_own_{at}, true) OVER ({of_order}) AS _above_{at}" for at in index.values()]
    texts = ", ".join(f"{sql.text(name)}, _above_{at}" for name, at in index.items())
    # Only columns that the record has: a person's, once removed, do not come back.
    raw = f"transform_values(raw, (name, text) -> coalesce(map({texts})[name], text))"
    filled_names = ", ".join(
        f"IF({_is_filled(parse_spec.uses[column], index)}, {sql.text(column)}, NULL)"
        for column in parse_spec.from_above
    )
    filled = f"CAST(array_compact(array({filled_names})) AS {NAMES_TYPE})"
    return (
        _with_order(records, parse_spec)
        .selectExpr("*", *own)
        .selectExpr("*", *above)
        .withColumns({"_from_above": F.expr(filled), "raw": F.expr(raw)})
        .select(*records.columns, "_from_above")
    )


def _with_order(records: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    """The records with `_order`: the text of the order that they belong to."""
    names = [
        f"IF(_record._malformed IS NULL, _record.raw[{sql.text(name)}], NULL) AS {sql.name(name)}"
        for name in parse_spec.uses["order_ref"]
    ]
    order = f"nullif(trim(CAST(({parse_spec.expressions['order_ref']}) AS string)), '')"
    return (
        records.select(F.struct("*").alias("_record"))
        .selectExpr("_record", *names)
        .selectExpr("_record.*", f"{order} AS _order")
    )


def _stated_text(name: str, words: set[str]) -> str:
    """SQL of a record's text of a column; null where none stands there, or one for no value."""
    text = f"raw[{sql.text(name)}]"
    none = ", ".join(map(sql.text, sorted({"", *words})))
    return f"IF(_malformed IS NULL AND lower(trim({text})) NOT IN ({none}), {text}, NULL)"


def _is_filled(names: tuple[str, ...], index: dict[str, int]) -> str:
    """SQL that is true where one of a column's texts comes from above."""
    conditions = (
        f"(_own_{index[name]} IS NULL AND _above_{index[name]} IS NOT NULL)" for name in names
    )
    return " OR ".join(conditions) or "false"
