"""A new shop: its configuration, a first mapping, and what a mapping makes of the first records."""

import importlib.resources
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, active_rules, find_reasons
from clarion.collect.sources import files, infer, records
from clarion.collect.sources.mapping import Source
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.declarations.shop import parse_spec, rules, sources
from clarion.kernel.errors import ConfigError, UsageError, first_line

_BASE = """\
# The shop's own settings; every setting and its reason stand in 'clarion config show'.
shop:
  name: {name}
  time_zone: {time_zone}
  currency: {currency}
  sources: []                      # names of files in sources/, without .yml
"""


def start_shop(folder: Path, *, name: str, time_zone: str, currency: str) -> list[Path]:
    """Write a new shop's configuration: base.yml, an empty sources/, its offers; returns what was written.

    Raises:
        UsageError: the folder has a configuration already, or cannot be made.
    """
    if (folder / "base.yml").exists():
        raise UsageError(
            f"{folder} has a configuration",
            found=str(folder / "base.yml"),
            fix="name another folder",
        )
    try:
        (folder / "sources").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made",
            found=error.strerror,
            fix="name a folder that can be written",
        ) from error
    packaged = importlib.resources.files("clarion.conf")
    contents = {
        "base.yml": _BASE.format(name=name, time_zone=time_zone, currency=currency),
        "offers.yml": (packaged / "offers.yml").read_text("utf-8"),
    }
    for file, content in contents.items():
        (folder / file).write_text(content, encoding="utf-8")
    Config.load(conf_dir=folder)  # what was written is understood
    return [folder / file for file in contents]


def infer_mapping(config: Config, path: str, *, kind: str | None) -> infer.Proposal:
    """A mapping for a file, for a person to correct."""
    words = parse_yaml(config.text("words.yml"), where="words.yml")
    if kind is not None and kind not in words:
        raise UsageError(
            f"a mapping of kind '{kind}' cannot be proposed",
            found=", ".join(words),
            fix="name one of these, or write it by hand",
        )
    return infer.propose(
        path, infer.sample(path), words, kind=kind, time_zone=str(config.get("shop.time_zone"))
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mapping made of a source's first records.

    Args:
        source: the source.
        path: file they stood in.
        accepted: rows that would be facts.
        refused: rows that would be quarantined.
        rows: the first of both, with `_row`, the mapped columns, `_reasons` and `_raw`.
        policies: rules that hold, in words.
    """

    source: Source
    path: str
    accepted: int
    refused: int
    rows: list[Row]
    policies: list[str]


def try_mapping(spark: SparkSession, config: Config, name: str, *, limit: int) -> list[Trial]:
    """Read the first records of each source of a mapping as cleaning would; nothing is written.

    Personal columns are shown by their shape alone.

    Raises:
        ConfigError: the mapping is wrong, or has no sources of files.
    """
    mapped = [
        source
        for source in sources(config.with_values("source check", shop__sources=[name]))
        if source.of_files
    ]
    if not mapped:
        raise ConfigError(
            f"mapping {name} has no source of files to try",
            fix="tables and topics are tried by 'clarion run ingest' on an empty lake",
        )
    return [_tried(spark, config, source, limit) for source in mapped]


def _tried(spark: SparkSession, config: Config, source: Source, limit: int) -> Trial:
    first = files.examine(
        files.find(source.where, source=source.name)[0].path, source=source.name, form=source.format
    )
    columns = records.columns_of(spark, source, first, config.secret)
    frame = _judged(
        records.read(spark, source, (first,), columns, config.secret).limit(limit), config, source
    )
    try:
        rows = frame.orderBy("_row").collect()
    except PySparkException as error:
        reason = first_line(error)
        raise ConfigError(
            f"mapping {source.name} is not understood",
            found=reason,
            fix="mend the expression it names",
        ) from error
    accepted = sum(not row["_reasons"] for row in rows)
    in_force = active_rules(rules(config)[source.kind.name], parse_spec(source), source.rules)
    return Trial(
        source,
        first.path,
        accepted,
        len(rows) - accepted,
        rows,
        [f"{rule.name} ({rule.column}): {rule.reason}" for rule in in_force],
    )


def _judged(found: DataFrame, config: Config, source: Source) -> DataFrame:
    """The records as they would be accepted or refused; personal values by their shape, where tokens would stand."""
    shape = {
        name: F.regexp_replace(
            F.regexp_replace(F.expr(source.columns[name].try_sql).cast("string"), r"\p{L}", "x"),
            r"\d",
            "0",
        )
        for name in source.personal
    }
    names = tuple(
        dict.fromkeys(name for expression in source.columns.values() for name in expression.names)
    )
    opened = found.select("*", *(F.col("raw")[name].alias(name) for name in names))
    extra = [part for name, value in shape.items() for part in (F.lit(f"token:{name}"), value)]
    with_shapes = opened.withColumn(
        "raw", F.map_concat("raw", F.create_map(*extra)) if extra else F.col("raw")
    ).select(*found.columns)
    bare = {
        "_hash": F.lit(""), "_person_removed": F.lit(False), "_source": F.lit(source.name), "_file_hash": F.lit(""), "_row": F.col("_place") + 1,
        "_batch": F.lit(""), "_ingested_at": F.current_timestamp(), "_duplicate": F.lit(False),
    }  # fmt: skip
    rows = with_shapes.withColumns(bare)
    spec = parse_spec(source)
    typed = fill_missing(parse_records(rows, spec), {}, spec)
    policy = RowPolicy(
        rules=rules(config)[source.kind.name], policies=source.rules, required=source.required
    )
    return find_reasons(typed, spec, policy, products=None)
