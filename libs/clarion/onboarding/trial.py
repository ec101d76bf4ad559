"""What a mapping makes of the first records of a source."""

from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.from_above import fill_from_above
from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, active_rules, find_reasons
from clarion.collect.cleaning.rules import BUILT_IN_REASONS
from clarion.collect.sources.checks import check_mapping
from clarion.collect.sources.id_damage import find_id_damage
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.readers.files import FileReader
from clarion.config import Config
from clarion.declarations.shop import parse_spec, rules, sources
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.expressions import plain_reason


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mapping made of a source's first records.

    Args:
        source: the source.
        path: the file that holds them.
        accepted: rows that would be facts.
        refused: rows that would be quarantined.
        rows: the first of both, with `_row`, the mapped columns, `_reasons` and `_raw`.
        policies: rules that hold, in words.
        damage: what tables did to the ids, and the fix.
    """

    source: Source
    path: str
    accepted: int
    refused: int
    rows: list[Row]
    policies: list[str]
    damage: list[str]


def try_mapping(spark: SparkSession, config: Config, name: str, *, limit: int) -> list[Trial]:
    """Read the first records of each source of a mapping as cleaning would; nothing is written.

    Personal columns are shown by their shape alone.

    Raises:
        ConfigError: the mapping has no sources of files, or an expression fails on a record.
        SourceError: a file does not fit the mapping, or an expression is invalid.
    """
    readers = [
        reader_of(spark, source, config.secret)
        for source in sources(config.with_values("source check", shop__sources=[name]))
    ]
    of_files = [reader for reader in readers if isinstance(reader, FileReader)]
    if not of_files:
        raise ConfigError(
            f"mapping {name} has no source of files to try",
            fix="tables and topics are tried by 'clarion run ingest' on an empty lake",
        )
    return [_try_source(reader, config, limit=limit) for reader in of_files]


def _try_source(reader: FileReader, config: Config, *, limit: int) -> Trial:
    source = reader.source
    first = reader.first_file()
    columns = reader.column_names(first)
    check_mapping(reader.spark, source, (*columns, *source.absent(columns)))
    records = reader.read((first,), columns).limit(limit)
    try:
        rows = _judge(records, config, source).orderBy("_row").collect()
    except PySparkException as error:
        raise _failing_expression(records, source, error) from error
    accepted = sum(not row["_reasons"] for row in rows)
    in_force = active_rules(rules(config)[source.kind.name], parse_spec(source), source.rules)
    return Trial(
        source,
        first.path,
        accepted,
        len(rows) - accepted,
        rows,
        [f"{rule.name} ({rule.column}): {rule.reason}" for rule in in_force],
        _id_damage(source, rows),
    )


def _id_damage(source: Source, rows: list[Row]) -> list[str]:
    """What tables did to the ids of the records, which keep what cannot be repaired."""
    lines = []
    for name, expression in source.columns.items():
        if expression.id_form is None:
            continue
        repaired = [row["_row"] for row in rows if name in (row["_repaired_ids"] or ())]
        if repaired:
            lines.append(
                f"{name}: {len(repaired)} of {len(rows)} ids, first in record {repaired[0]}: "
                f"{BUILT_IN_REASONS['repaired_id']}"
            )
        ids = [row[name] for row in rows]
        lines += [damage.text for damage in find_id_damage(name, ids, expression.id_form)]
    return lines


def _failing_expression(records: DataFrame, source: Source, error: PySparkException) -> ConfigError:
    """The first expression that fails on one of the records, which are few."""
    opened = _with_columns(records, source)
    for expression in source.columns.values():
        try:
            opened.select(F.expr(expression.try_sql)).collect()
        except PySparkException as reason:
            return ConfigError(
                f"{expression.where}: the expression fails on a record: "
                f"{expression.over or expression.sql}",
                found=plain_reason(reason),
                fix="use a function that gives null instead, such as try_cast or try_multiply",
            )
    return ConfigError(
        f"mapping {source.name}: a rule fails on a record",
        found=plain_reason(error),
        fix=f"correct the rule in conf/rules/{source.kind.name}.yml",
    )


def _with_columns(records: DataFrame, source: Source) -> DataFrame:
    """The records, with a column for every name that the mapping uses."""
    raw = F.col("raw")
    return records.select("*", *(raw[name].alias(name) for name in source.names_used))


def _judge(records: DataFrame, config: Config, source: Source) -> DataFrame:
    """The records with the reasons to refuse them; personal values by their shape."""
    shapes: list[Column] = []
    for name in source.personal:
        shapes += _shape(source, name)
    raw = F.map_concat("raw", F.create_map(*shapes)) if shapes else F.col("raw")
    with_shapes = _with_columns(records, source).withColumn("raw", raw).select(*records.columns)
    unknown = {
        "_hash": F.lit(""),
        "_person_removed": F.lit(False),
        "_source": F.lit(source.name),
        "_file_hash": F.lit(""),
        "_row": F.col("_place") + 1,
        "_batch": F.lit(""),
        "_ingested_at": F.current_timestamp(),
        "_duplicate": F.lit(False),
    }
    rows = with_shapes.withColumns(unknown)
    spec = parse_spec(source)
    typed = fill_missing(parse_records(fill_from_above(rows, spec), spec), {}, spec)
    policy = RowPolicy(
        rules=rules(config)[source.kind.name], policies=source.rules, required=source.required
    )
    return find_reasons(typed, spec, policy, products=None)


def _shape(source: Source, name: str) -> tuple[Column, Column]:
    """Where a token would stand: letters as x, digits as 0."""
    value = F.expr(source.columns[name].try_sql).cast("string")
    letters = F.regexp_replace(value, r"\p{L}", "x")
    return F.lit(f"token:{name}"), F.regexp_replace(letters, r"\d", "0")
