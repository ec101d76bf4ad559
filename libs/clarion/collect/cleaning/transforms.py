"""From bronze records to canonical rows with their reasons; from those to silver facts and quarantine rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.collect.cleaning.rules import DEFAULT_POLICIES, Rule
from clarion.contracts.core import Column as ContractColumn
from clarion.contracts.silver import CUSTOMER_REFERENCES, REFERENCES, record_id_name
from clarion.contracts.sources import KINDS, Kind
from clarion.kernel import sql

_OFFSET = r"(Z|UTC|[+-]\d\d:?\d\d)$"
_REASON = "array<struct<rule:string,column:string,sample:string>>"
_NAMES = "array<string>"
_EMPTY = sql.text("")
KEPT = (
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


def marked_duplicates(
    records: DataFrame,
    earlier: DataFrame | None,
    *,
    key: tuple[str, ...] | None,
    within_days: int | None = None,
    named_by_person: bool = False,
    few: bool = False,
) -> DataFrame:
    """The records with `_duplicate`: true for all but the first to arrive of those that are equal.

    First is the earliest batch, then file and record number.

    Args:
        records: bronze records of one source, of the batches being cleaned.
        earlier: bronze records of the same source that were cleaned before; None for none.
        key: source columns that name the fact; None compares every column.
        within_days: how long after the one before it an equal record is a duplicate; None for ever.
        named_by_person: True where only the person told records apart, so that records stripped of theirs equal none.
        few: True where the records are few enough to be sent to each of the earlier ones, instead of all to all.
    """
    identity = F.col("_hash") if key is None else _named_by(key)
    if named_by_person:
        identity = F.when(
            F.col("_person_removed"), F.md5(F.to_json(F.struct("_file_hash", "_row")))
        ).otherwise(identity)
    first = Window.partitionBy("_identity").orderBy("_ingested_at", "_batch", "_file", "_row")
    again = F.row_number().over(first) > 1
    if within_days is not None:
        again = F.coalesce(
            F.lag("_ingested_at").over(first)
            >= F.col("_ingested_at") - F.make_dt_interval(days=F.lit(within_days)),
            F.lit(False),
        )
    marked = records.withColumn("_identity", identity).withColumn("_duplicate", again)
    if earlier is not None:
        known = earlier.select(identity.alias("_identity"))
        if few:
            known = known.join(F.broadcast(marked.select("_identity")), "_identity", "left_semi")
        before = known.distinct().withColumn("_before", F.lit(True))
        marked = (
            marked.join(before, "_identity", "left")
            .withColumn("_duplicate", F.col("_duplicate") | F.col("_before").isNotNull())
            .drop("_before")
        )
    return marked.drop("_identity")


def _named_by(key: tuple[str, ...]) -> Column:
    """A text that is equal for records with equal values in these columns of the source, nulls included."""
    if len(key) == 1:
        return F.coalesce(
            F.concat(F.lit("="), F.col("raw")[key[0]]), F.lit("")
        )  # JSON took a tenth of the time of cleaning
    return F.to_json(F.array(*(F.col("raw")[name] for name in key)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSpec:
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


def canonical(records: DataFrame, parse_spec: ParseSpec) -> DataFrame:
    """The kind's columns, typed, beside the record's provenance; null where a value is missing or cannot be read.

    Args:
        records: bronze records with `_duplicate`.
        reading: how they are read.

    Returns:
        One row per record: the kind's columns, `_duplicate`, the provenance columns and `_raw` (the record).
    """
    # SQL text, here and below: a plan of a few hundred expressions is parsed at once, where building each of them
    # from Python took 0.4 s a source.
    needed = tuple(dict.fromkeys(name for names in parse_spec.uses.values() for name in names))
    # Under a condition, because Spark takes a bare look into a map for free and makes it again for every use of the value: of the
    # time of cleaning a million events a third went into comparing names of columns. A broken record has no values.
    source = records.selectExpr(
        *(
            f"IF(_malformed IS NULL, raw[{sql.text(name)}], NULL) AS {sql.name(name)}"
            for name in needed
        ),
        *(
            f"raw[{sql.text(place)}] AS {sql.name('_token_' + name)}"
            for name, place in parse_spec.tokens.items()
        ),
        "raw AS _raw",
        *KEPT,
        "_duplicate",
    )
    types = dict(
        source.selectExpr(
            *(f"({value}) AS {sql.name(name)}" for name, value in parse_spec.expressions.items())
        ).dtypes
    )
    values = {column.name: _value(column, parse_spec, types) for column in parse_spec.kind.columns}
    typed = source.selectExpr(
        *(f"{value} AS {sql.name(name)}" for name, value in values.items()),
        "_raw",
        *KEPT,
        "_duplicate",
    )
    return typed.withColumns({name: F.expr(value) for name, value in _derived(parse_spec).items()})


def _value(column: ContractColumn, parse_spec: ParseSpec, types: Mapping[str, str]) -> str:
    if column.name in parse_spec.tokens:
        return sql.name(f"_token_{column.name}")
    if column.name not in parse_spec.expressions:
        return f"CAST(NULL AS {column.type})"
    value, found, zone = (
        f"({parse_spec.expressions[column.name]})",
        types[column.name],
        sql.text(parse_spec.time_zone),
    )
    text = f"trim(CAST({value} AS string))"
    if column.type == "timestamp":
        if found == "timestamp":
            return f"to_utc_timestamp({value}, {zone})"
        instant = f"TRY_CAST({text} AS timestamp)"
        return f"CASE WHEN regexp_like({text}, {sql.text(_OFFSET)}) THEN {instant} ELSE to_utc_timestamp({instant}, {zone}) END"
    if column.type == "string":
        return f"nullif({text}, '')"
    return value if found == column.type else f"TRY_CAST({value} AS {column.type})"


def _derived(parse_spec: ParseSpec) -> dict[str, str]:
    """Values that the kind derives where the source states none."""
    kind = parse_spec.kind
    derived = {}
    if kind.name in ("products", "ties"):
        derived[kind.time] = f"coalesce({kind.time}, TIMESTAMP '1970-01-01')"
    if kind.column("currency"):
        derived["currency"] = f"coalesce(upper(currency), {sql.text(parse_spec.currency)})"
    if kind.name == "orders":
        derived["amount"] = (
            "coalesce(amount, CAST(quantity * unit_price - coalesce(discount, 0) AS decimal(18,4)))"
        )
    return {**derived, "arrived_at": f"coalesce(arrived_at, {derived.get(kind.time, kind.time)})"}


def _stood(parse_spec: ParseSpec, name: str) -> str:
    """What the source held for a column: the first text among the columns its expression uses."""
    looked = [f"trim(_raw[{sql.text(used)}])" for used in parse_spec.uses.get(name, ())]
    # Not nullif: Spark computes its argument beforehand for every row, though only rows without a value ask.
    return f"coalesce({', '.join([*(f'IF({text} <> {_EMPTY}, {text}, NULL)' for text in looked), sql.text(None)])})"


def _unreadable(parse_spec: ParseSpec, name: str) -> str:
    """True where the source held something for a column and it could not be read."""
    return f"{sql.name(name)} IS NULL AND {_stood(parse_spec, name)} IS NOT NULL"


def filled(frame: DataFrame, values: Mapping[str, Column], parse_spec: ParseSpec) -> DataFrame:
    """Missing values replaced by what stands in for them, with `_filled`: the columns where that happened.

    What stood in the source and could not be read is not missing.
    """
    if not values:
        return frame.withColumn("_filled", F.expr(f"CAST(array() AS {_NAMES})"))
    absent = {
        name: F.expr(f"{sql.name(name)} IS NULL AND NOT ({_unreadable(parse_spec, name)})")
        for name in values
    }
    types = dict(frame.dtypes)
    return frame.withColumns(
        {
            **{
                name: F.when(absent[name], value.cast(types[name])).otherwise(F.col(name))
                for name, value in values.items()
            },
            "_filled": F.array_compact(
                F.array(
                    *(
                        F.when(condition & values[name].isNotNull(), name)
                        for name, condition in absent.items()
                    )
                )
            ),
        }
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """Something that may be wrong with a row; all of it is SQL."""

    holds: str
    rule: str
    column: str = "''"
    sample: str = sql.text(None)


def judged(
    frame: DataFrame,
    parse_spec: ParseSpec,
    *,
    rules: tuple[Rule, ...],
    policies: Mapping[str, str],
    required: tuple[str, ...],
    products: DataFrame | None,
) -> DataFrame:
    """The rows with every reason against them and every warning.

    Args:
        frame: canonical rows.
        reading: how they were read.
        rules: rules of the kind.
        policies: the mapping's policy by column.
        required: columns without which a row is refused.
        products: product_id of every known product; None where the shop has no list, so that nothing is unknown.

    Returns:
        The rows with `_reasons` and `_warnings`, without `_raw`.
    """
    kind = parse_spec.kind
    kept = [sql.name(name) for name in frame.columns if name != "_raw"]
    if products is not None and kind.column("product_ref") is not None and kind.name != "products":
        known = F.broadcast(
            products.select(
                F.col("product_id").alias("product_ref"), F.lit(True).alias("_known")
            ).distinct()
        )
        frame = frame.join(known, "product_ref", "left").withColumn(
            "_product_known", F.col("_known").isNotNull()
        )
    else:
        frame = frame.withColumn("_product_known", F.lit(True))
    against = [
        _Finding("_malformed IS NOT NULL", "'malformed_record'"),
        *_unfit(parse_spec, required),
    ]
    against += _broken(
        [
            rule
            for rule in in_force(rules, parse_spec, policies)
            if not rule.warns(_policy(rule, policies))
        ],
        parse_spec,
    )
    warnings = _broken(
        [
            rule
            for rule in in_force(rules, parse_spec, policies)
            if rule.warns(_policy(rule, policies))
        ],
        parse_spec,
    )
    # Conditions in a step of their own: they are used twice, and would otherwise stand twice in the plan.
    marks = [
        f"coalesce({finding.holds}, false) AS _{list_}{place}"
        for list_, findings in (("r", against), ("w", warnings))
        for place, finding in enumerate(findings)
    ]
    entries = ", ".join(
        f"named_struct('holds', _r{place}, 'rule', {finding.rule}, 'column', {finding.column}, 'sample', {finding.sample})"
        for place, finding in enumerate(against)
    )
    found = f"transform(filter(array({entries}), r -> r.holds), r -> named_struct('rule', r.rule, 'column', r.column, 'sample', {masked('r.sample')}))"
    # The list is built only for rows with a reason, which keeps the rest compiled.
    any_holds = " OR ".join(f"_r{place}" for place in range(len(against)))
    reasons = (
        f"CASE WHEN {any_holds} THEN CAST({found} AS {_REASON}) ELSE CAST(array() AS {_REASON}) END"
    )
    warned = f"CAST(array_compact(array({', '.join(f'IF(_w{place}, {finding.rule}, NULL)' for place, finding in enumerate(warnings))})) AS {_NAMES})"
    return frame.selectExpr("*", *marks).selectExpr(
        *kept, f"{reasons} AS _reasons", f"{warned} AS _warnings"
    )


def in_force(
    rules: tuple[Rule, ...], parse_spec: ParseSpec, policies: Mapping[str, str]
) -> list[Rule]:
    """Rules that can be broken here: of columns that have a value, under the mapping's policies."""
    valued = {*parse_spec.expressions, *_derived(parse_spec)}
    return [
        rule
        for rule in rules
        if rule.column in valued
        and (rule.refuses(_policy(rule, policies)) or rule.warns(_policy(rule, policies)))
    ]


def _policy(rule: Rule, policies: Mapping[str, str]) -> str | None:
    return policies.get(rule.column, DEFAULT_POLICIES.get(rule.column))


def _broken(rules: list[Rule], parse_spec: ParseSpec) -> list[_Finding]:
    """One finding a rule; where it speaks of several columns, of the first that breaks it: the plan stays short."""
    by_name: dict[str, list[Rule]] = {}
    for rule in rules:
        by_name.setdefault(rule.name, []).append(rule)
    found = []
    for name, group in by_name.items():
        column, sample = sql.text(group[0].column), _stood(parse_spec, group[0].column)
        if len(group) > 1:
            cases = " ".join(
                f"WHEN {rule.invalid_when} THEN {sql.text(rule.column)}" for rule in group
            )
            column, sample = f"CASE {cases} END", sql.text(None)
        found.append(
            _Finding(
                " OR ".join(f"coalesce({rule.invalid_when}, false)" for rule in group),
                sql.text(name),
                column,
                sample,
            )
        )
    return found


def _unfit(parse_spec: ParseSpec, required: tuple[str, ...]) -> list[_Finding]:
    """Columns without a value though one is needed, and values that cannot be read."""
    kind, found = parse_spec.kind, []
    for column in kind.columns:
        stood, absent = (
            _stood(parse_spec, column.name),
            f"_malformed IS NULL AND {sql.name(column.name)} IS NULL",
        )
        if column.name in required:
            of_person = column.name in kind.people
            # A fact whose person was removed for want of consent stays as a fact about nobody, where its kind allows that.
            nobody = (
                "_person_removed" if of_person and column.name not in kind.required else "false"
            )
            rule = (
                "IF(_person_removed, 'no_consent_to_collection', 'missing')"
                if of_person
                else "'missing'"
            )
            found.append(
                _Finding(
                    f"{absent} AND {stood} IS NULL AND NOT {nobody}", rule, sql.text(column.name)
                )
            )
        if column.name in parse_spec.expressions and (
            column.name in required or column.type != "string"
        ):
            found.append(
                _Finding(
                    f"_malformed IS NULL AND {_unreadable(parse_spec, column.name)}",
                    "'unreadable'",
                    sql.text(column.name),
                    stood,
                )
            )
    return found


def masked(value: str) -> str:
    """The shape of a text: letters as x, all but the first two digits as 0; at most 24 characters."""
    letter, digit = sql.text(r"\p{L}"), sql.text(r"\d")
    head, rest = (
        f"regexp_replace(substring({value}, {start}, {length}), {letter}, 'x')"
        for start, length in ((1, 2), (3, 22))
    )
    return f"concat({head}, regexp_replace({rest}, {digit}, '0'))"


def record_id(kind: Kind) -> Column:
    """SHA-256 (its first 128 bits) of source, file content and the record's own name or number."""
    name = (
        F.coalesce(F.col("record_ref"), F.col("_row").cast("string"))
        if kind.column("record_ref")
        else F.col("_row").cast("string")
    )
    return F.substring(F.sha2(F.concat_ws("\x1f", "_source", "_file_hash", name), 256), 1, 32)


def facts(
    accepted: DataFrame, identities: DataFrame, *, kind: Kind, columns: tuple[str, ...]
) -> DataFrame:
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
            known = identities.select(
                F.col("ref").alias(name), F.col("customer_id").alias(REFERENCES[name])
            )
            frame = frame.join(known, name, "left")
    renamed = {
        old: new
        for old, new in REFERENCES.items()
        if kind.column(old) is not None and old not in CUSTOMER_REFERENCES
    }
    frame = frame.withColumnsRenamed(renamed)
    if kind is KINDS["orders"]:
        frame = frame.withColumns(
            {
                "kind": F.when(F.col("quantity") < 0, "return").otherwise("sale"),
                "quantity": F.abs("quantity"),
                "amount": F.abs("amount"),
            }
        )
    if kind is KINDS["consents"]:
        frame = frame.withColumn("basis", F.lit("recorded"))
    return frame.withColumnsRenamed({"_warnings": "warnings", "_filled": "filled_columns"}).select(
        *columns
    )


def first_facts(accepted: DataFrame, *, kind: Kind) -> DataFrame:
    """The first fact of each customer in each file: customer_ref, _source, _batch, _file, at, _row.

    Only numbers and times are aggregated: the smallest text would make Spark sort every fact.
    """
    of_file = accepted.where("customer_ref IS NOT NULL").groupBy(
        "customer_ref", "_source", "_batch", "_file"
    )
    return of_file.agg(F.min(kind.time).alias("at"), F.min("_row").alias("_row"))


def declared_consents(
    first: DataFrame, identities: DataFrame, *, purposes: tuple[str, ...], columns: tuple[str, ...]
) -> DataFrame:
    """CONSENTS rows for customers whose operator declares the ground on which their data is used.

    Args:
        first: `first_facts` of a source.
        identities: IDENTITIES of the source's namespace.
        purposes: what the operator declares.
        columns: columns of CONSENTS.

    Returns:
        One row per customer, purpose and batch, dated at the customer's first fact of the batch.
    """
    known = identities.select(F.col("ref").alias("customer_ref"), "customer_id")
    return (
        first.groupBy("customer_ref", "_source", "_batch")
        .agg(
            F.min("at").alias("at"),
            F.min_by("_file", F.struct("at", "_row")).alias("_file"),
            F.min("_row").alias("_row"),
        )
        .join(known, "customer_ref")
        .withColumn("purpose", F.explode(F.array(*(F.lit(purpose) for purpose in purposes))))
        .withColumns(
            {
                "channel": F.lit("*"),
                "granted": F.lit(True),
                "basis": F.lit("declared"),
                "arrived_at": F.col("at"),
            }
        )
        .withColumns({name: F.lit(None).cast(_NAMES) for name in ("warnings", "filled_columns")})
        .withColumn(
            "record_id",
            F.substring(
                F.sha2(F.to_json(F.struct("customer_id", "purpose", "_batch")), 256), 1, 32
            ),
        )
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
