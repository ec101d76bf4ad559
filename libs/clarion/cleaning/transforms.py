"""From bronze records to canonical rows with their reasons; from those to silver facts and quarantine rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.cleaning.rules import DEFAULT_POLICIES, RULES
from clarion.contracts.core import Column as ContractColumn
from clarion.contracts.silver import CUSTOMER_REFERENCES, REFERENCES, record_id_name
from clarion.contracts.sources import KINDS, Kind

_OFFSET = r"(Z|UTC|[+-]\d\d:?\d\d)$"
_REASON = "array<struct<rule:string,column:string,sample:string>>"
KEPT = ("_hash", "_stripped", "_broken", "_source", "_file", "_file_hash", "_row", "_batch", "_ingested_at")


def marked_duplicates(records: DataFrame, earlier: DataFrame | None, *, key: tuple[str, ...] | None, named_by_person: bool = False) -> DataFrame:
    """The records with `_duplicate`: true for all but the first to arrive of those that are equal.

    First is the earliest batch, then file and record number.

    Args:
        records: bronze records of one source, of the batches being cleaned.
        earlier: bronze records of the same source that were cleaned before; None for none.
        key: source columns that name the fact; None compares every column.
        named_by_person: True where only the person told records apart, so that records stripped of theirs equal none.
    """
    identity = F.col("_hash") if key is None else F.md5(F.to_json(F.array(*(F.col("raw")[name] for name in key))))
    if named_by_person:
        identity = F.when(F.col("_stripped"), F.md5(F.to_json(F.struct("_file_hash", "_row")))).otherwise(identity)
    first = Window.partitionBy("_identity").orderBy("_ingested_at", "_batch", "_file", "_row")
    marked = records.withColumn("_identity", identity).withColumn("_duplicate", F.row_number().over(first) > 1)
    if earlier is not None:
        before = earlier.select(identity.alias("_identity")).distinct().withColumn("_before", F.lit(True))
        marked = marked.join(before, "_identity", "left").withColumn("_duplicate", F.col("_duplicate") | F.col("_before").isNotNull()).drop("_before")
    return marked.drop("_identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the records of a source become rows of its kind.

    Args:
        kind: the source kind.
        expressions: soft SQL expression of each mapped column.
        uses: source columns that each expression uses.
        tokens: raw column that holds the token, of each personal column.
        time_zone: zone of the source's clock; a text or a timestamp without an offset is local time there.
        currency: currency of amounts that state none.
    """

    kind: Kind
    expressions: Mapping[str, str]
    uses: Mapping[str, tuple[str, ...]]
    tokens: Mapping[str, str]
    time_zone: str
    currency: str | None


def canonical(records: DataFrame, reading: Reading) -> DataFrame:
    """The kind's columns, typed, beside the record's provenance; null where a value is missing or cannot be read.

    Args:
        records: bronze records with `_duplicate`.
        reading: how they are read.

    Returns:
        One row per record: the kind's columns, `_duplicate`, the provenance columns and `_raw` (the record).
    """
    kind, expressions, uses, tokens = reading.kind, reading.expressions, reading.uses, reading.tokens
    needed = tuple(dict.fromkeys(name for names in uses.values() for name in names))
    source = records.select(
        *(F.col("raw")[name].alias(name) for name in needed),
        *(F.col("raw")[place].alias(f"_token_{name}") for name, place in tokens.items()),
        F.col("raw").alias("_raw"),
        *KEPT,
        "_duplicate",
    )
    mapped = {name: F.expr(sql) for name, sql in expressions.items()}
    raw_types = dict(source.select(*(value.alias(name) for name, value in mapped.items())).dtypes)

    def value(column: ContractColumn) -> Column:
        if column.name in tokens:
            return F.col(f"_token_{column.name}")
        if column.name not in mapped:
            return F.lit(None).cast(column.type)
        return _typed(mapped[column.name], raw_types[column.name], column.type, reading.time_zone)

    typed = source.select(*(value(column).alias(column.name) for column in kind.columns), "_raw", *KEPT, "_duplicate")
    return _with_defaults(typed, kind, reading.currency)


def _typed(value: Column, found: str, wanted: str, time_zone: str) -> Column:
    if wanted == "timestamp":
        if found == "timestamp":
            return F.to_utc_timestamp(value, time_zone)
        text = F.trim(value.cast("string"))
        instant = text.try_cast("timestamp")
        return F.when(F.regexp_like(text, F.lit(_OFFSET)), instant).otherwise(F.to_utc_timestamp(instant, time_zone))
    if wanted == "string":
        return F.nullif(F.trim(value.cast("string")), F.lit(""))
    return value if found == wanted else value.try_cast(wanted)


def _stood(reading: Reading, name: str) -> Column:
    """What the source held for a column: the first text among the columns its expression uses."""
    held = (F.nullif(F.trim(F.col("_raw")[used]), F.lit("")) for used in reading.uses.get(name, ()))
    return F.coalesce(*held, F.lit(None).cast("string"))


def _unreadable(reading: Reading, name: str) -> Column:
    """True where the source held something for a column and it could not be read."""
    return F.col(name).isNull() & _stood(reading, name).isNotNull()


def _with_defaults(frame: DataFrame, kind: Kind, currency: str | None) -> DataFrame:
    """Values that the kind derives where the source states none."""
    names = {column.name for column in kind.columns}
    derived: dict[str, Column] = {}
    if kind.name in ("products", "ties"):
        derived[kind.time] = F.coalesce(F.col(kind.time), F.lit("1970-01-01").cast("timestamp"))
    if "currency" in names:
        derived["currency"] = F.coalesce(F.upper("currency"), F.lit(currency))
    if kind.name == "orders":
        stated = F.col("quantity") * F.col("unit_price") - F.coalesce("discount", F.lit(0))
        derived["amount"] = F.coalesce("amount", stated.cast("decimal(18,4)"))
    frame = frame.withColumns(derived) if derived else frame
    return frame.withColumn("arrived_at", F.coalesce("arrived_at", kind.time))


def filled(frame: DataFrame, values: Mapping[str, object], reading: Reading) -> DataFrame:
    """Missing values replaced by their column's declared one, with `_filled`: the columns where that happened."""
    absent = {name: F.col(name).isNull() & ~_unreadable(reading, name) for name in values}
    types = dict(frame.dtypes)
    return frame.select(
        *(
            F.when(absent[name], F.lit(values[name]).cast(types[name])).otherwise(F.col(name)).alias(name) if name in values else F.col(name)
            for name in frame.columns
        ),
        _listed([(condition, F.lit(name)) for name, condition in absent.items()], "array<string>").alias("_filled"),
    )


def judged(frame: DataFrame, reading: Reading, *, policies: Mapping[str, str], required: tuple[str, ...], products: DataFrame | None) -> DataFrame:
    """The rows with every reason against them and every warning.

    Args:
        frame: canonical rows.
        reading: how they were read.
        policies: the mapping's policy by column.
        required: columns without which a row is refused.
        products: product_id of every known product; None where the shop has no list, so that nothing is unknown.

    Returns:
        The rows with `_reasons` and `_warnings`, without `_raw`.
    """
    kind = reading.kind
    if products is not None and kind.column("product_ref") is not None and kind.name != "products":
        known = F.broadcast(products.select(F.col("product_id").alias("product_ref"), F.lit(True).alias("_product_known")).distinct())
        frame = frame.join(known, "product_ref", "left").withColumn("_product_known", F.col("_product_known").isNotNull())
    else:
        frame = frame.withColumn("_product_known", F.lit(True))
    in_force = [(rule, policies.get(rule.column, DEFAULT_POLICIES.get(rule.column))) for rule in RULES[kind.name]]
    whole = F.col("_broken").isNull()
    reasons = [(~whole, _reason(F.lit("broken_record"), "", F.lit(None).cast("string")))]
    for column in kind.columns:
        stood = _stood(reading, column.name)
        if column.name in required:
            absence = F.when(F.col("_stripped"), "no_consent_to_collection").otherwise("missing") if column.name in kind.people else F.lit("missing")
            # A fact whose person was removed for want of consent stays as a fact about nobody, where its kind allows that.
            nobody = F.lit(False) if column.name in kind.required else F.col("_stripped") & F.lit(column.name in kind.people)
            reasons.append((whole & F.col(column.name).isNull() & stood.isNull() & ~nobody, _reason(absence, column.name, stood)))
        if column.name in reading.expressions and (column.name in required or column.type != "string"):
            reasons.append((whole & _unreadable(reading, column.name), _reason(F.lit("unreadable"), column.name, stood)))
    for rule, policy in in_force:
        if rule.applies(policy) and not rule.warns(policy):
            reasons.append((F.expr(rule.broken_when), _reason(F.lit(rule.name), rule.column, _stood(reading, rule.column))))
    warnings = [(F.expr(rule.broken_when), F.lit(rule.name)) for rule, policy in in_force if rule.warns(policy)]
    return frame.withColumns({"_reasons": _listed(reasons, _REASON), "_warnings": _listed(warnings, "array<string>")}).drop("_raw", "_product_known")


def _listed(entries: list[tuple[Column, Column]], type_: str) -> Column:
    """The values whose conditions hold; the list is built only for rows where one does, which keeps the rest compiled."""
    empty = F.array().cast(type_)
    if not entries:
        return empty
    any_holds = reduce(lambda left, right: left | right, (F.coalesce(condition, F.lit(False)) for condition, _ in entries))
    return F.when(any_holds, F.array_compact(F.array(*(F.when(condition, value) for condition, value in entries))).cast(type_)).otherwise(empty)


def _reason(rule: Column, column: str, sample: Column) -> Column:
    return F.struct(rule.alias("rule"), F.lit(column).alias("column"), masked(sample).alias("sample"))


def masked(text: Column) -> Column:
    """The shape of a text: letters as x, all but the first two digits as 0; at most 24 characters."""
    head = F.substring(text, 1, 24)
    return F.concat(
        F.regexp_replace(F.substring(head, 1, 2), r"\p{L}", "x"),
        F.regexp_replace(F.regexp_replace(F.substring(head, 3, 22), r"\p{L}", "x"), r"\d", "0"),
    )


def record_id(kind: Kind) -> Column:
    """SHA-256 (its first 128 bits) of source, file content and the record's own name or number."""
    name = F.coalesce(F.col("record_ref"), F.col("_row").cast("string")) if kind.column("record_ref") else F.col("_row").cast("string")
    return F.substring(F.sha2(F.to_json(F.struct("_source", "_file_hash", name.alias("record"))), 256), 1, 32)


def facts(accepted: DataFrame, identities: DataFrame, *, kind: Kind, columns: tuple[str, ...]) -> DataFrame:
    """Silver rows of the accepted records.

    Args:
        accepted: judged rows without a reason.
        identities: IDENTITIES of the source's namespace.
        kind: the source kind.
        columns: columns of its silver table.
    """
    frame = accepted.withColumn(record_id_name(kind), record_id(kind))
    for name in CUSTOMER_REFERENCES:
        if kind.column(name) is not None:
            known = identities.select(F.col("ref").alias(name), F.col("customer_id").alias(REFERENCES[name]))
            frame = frame.join(known, name, "left")
    renamed = {old: new for old, new in REFERENCES.items() if kind.column(old) is not None and old not in CUSTOMER_REFERENCES}
    frame = frame.withColumnsRenamed(renamed)
    if kind is KINDS["orders"]:
        frame = frame.withColumns(
            {
                "kind": F.when(F.col("quantity") < 0, "return").otherwise("sale"),
                "quantity": F.abs("quantity"),
                "amount": F.abs("amount"),
                "warnings": F.col("_warnings"),
            }
        )
    if kind is KINDS["consents"]:
        frame = frame.withColumn("basis", F.lit("recorded"))
    return frame.select(*columns)


def declared_consents(names: DataFrame, identities: DataFrame, *, kind: Kind, purposes: tuple[str, ...], columns: tuple[str, ...]) -> DataFrame:
    """CONSENTS rows for customers whose operator declares the ground on which their data is used.

    Args:
        names: accepted rows of a source.
        identities: IDENTITIES of the source's namespace.
        kind: the source kind.
        purposes: what the operator declares.
        columns: columns of CONSENTS.

    Returns:
        One row per customer, purpose and batch, dated at the customer's first fact of the batch.
    """
    known = identities.select(F.col("ref").alias("customer_ref"), "customer_id")
    return (
        names.where("customer_ref IS NOT NULL")
        .groupBy("customer_ref", "_source", "_batch")
        .agg(F.min(kind.time).alias("at"), F.min_by("_file", F.struct(kind.time, "_row")).alias("_file"), F.min("_row").alias("_row"))
        .join(known, "customer_ref")
        .withColumn("purpose", F.explode(F.array(*(F.lit(purpose) for purpose in purposes))))
        .withColumns({"channel": F.lit("*"), "granted": F.lit(True), "basis": F.lit("declared"), "arrived_at": F.col("at")})
        .withColumn("record_id", F.substring(F.sha2(F.to_json(F.struct("customer_id", "purpose", "_batch")), 256), 1, 32))
        .select(*columns)
    )


def quarantine(refused: DataFrame, *, kind: Kind) -> DataFrame:
    """QUARANTINE rows of the records that have a reason against them."""
    return refused.select(
        F.lit(kind.name).alias("kind"),
        F.col("_reasons").alias("reasons"),
        F.col("_warnings").alias("warnings"),
        "_source",
        "_file",
        "_row",
        "_batch",
    )
