"""Rows of a database's table or of a Delta table, in ranges: what came since the last time, once."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Secrets, Source
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError, SourceError
from clarion.kernel.ids import digest

_CHANGE_COLUMNS = ("_change_type", "_commit_version", "_commit_timestamp")


def new(
    spark: SparkSession, source: Source, before: Sequence[SourceChunk], secrets: Secrets
) -> tuple[SourceChunk, ...]:
    """The range of rows that came after those taken before; none where there are no new ones.

    Raises:
        SourceError: the table cannot be reached, or its growing column holds nulls.
    """
    try:
        return (
            _new_rows(spark, source, before, secrets)
            if source.incremental
            else _new_versions(spark, source, before)
        )
    except (Py4JJavaError, PySparkException) as error:
        raise unreachable(source, error) from error


def rows(spark: SparkSession, source: Source, chunk: SourceChunk, secrets: Secrets) -> DataFrame:
    """The rows of a range, in the source's own columns."""
    bounds = json.loads(str(chunk.position))
    if "version" not in bounds:
        return _relation(spark, source, secrets).where(_within(source, bounds))
    if bounds["after"] is None:
        return (
            spark.read.format("delta").option("versionAsOf", bounds["version"]).load(source.where)
        )
    options = {
        "readChangeFeed": "true",
        "startingVersion": str(bounds["after"] + 1),
        "endingVersion": str(bounds["version"]),
    }
    changes = spark.read.format("delta").options(**options).load(source.where)
    return changes.where("_change_type IN ('insert', 'update_postimage')").drop(*_CHANGE_COLUMNS)


def unreachable(source: Source, error: Exception) -> SourceError:
    """What a person can do about a table that cannot be read."""
    text = str(error)
    if (
        "DELTA_MISSING_CHANGE_DATA" in text
        or "change data feed" in text.lower()
        or "DELTA_CHANGE_DATA" in text
    ):
        return SourceError(
            f"{source.name}: {source.where} does not tell what changed",
            found="no change data feed",
            fix="ALTER TABLE ... SET TBLPROPERTIES (delta.enableChangeDataFeed = true), or state 'incremental: {by: COLUMN}'",
        )
    if "No suitable driver" in text or "ClassNotFoundException" in text:
        return SourceError(
            f"{source.name}: the database's driver is missing",
            found=cause(error),
            fix="--set 'spark.packages=[org.postgresql:postgresql:42.7.8]'",
        )
    return SourceError(
        f"{source.name}: {source.where} cannot be read",
        found=cause(error),
        fix="see that it is up, and mend 'where', 'options' or 'secrets'",
    )


def _relation(spark: SparkSession, source: Source, secrets: Secrets) -> DataFrame:
    if source.format == "delta":
        return spark.read.format("delta").options(**source.options).load(source.where)
    return (
        spark.read.format("jdbc")
        .options(url=source.where, **source.options, **source.hidden_options(secrets))
        .load()
    )


def _new_rows(
    spark: SparkSession, source: Source, before: Sequence[SourceChunk], secrets: Secrets
) -> tuple[SourceChunk, ...]:
    assert source.incremental is not None
    by, overlap = source.incremental.by, source.incremental.overlap
    relation = _relation(spark, source, secrets)
    types = dict(relation.dtypes)
    if by not in types:
        raise ConfigError(
            f"mapping {source.name}: there is no column '{by}' to read by",
            found=", ".join(types),
            fix="mend 'incremental'",
        )
    if not relation.where(F.col(by).isNull()).isEmpty():
        raise SourceError(
            f"{source.name}: rows without '{by}' would never be taken",
            found="nulls",
            fix="read by a column that is always set",
        )
    bounds: dict[str, Any] = {"type": types[by], "above": _last(before, "to"), "to": None}
    since = _within(source, {**bounds, "above": _lowered(bounds, overlap)})
    seen = (
        relation.where(since)
        .agg(F.max(by).cast("string").alias("to"), F.count(F.lit(1)).alias("rows"))
        .first()
    )
    if (
        seen is None
        or not seen["rows"]
        or (
            overlap
            and seen["to"] == bounds["above"]
            and not _more(relation, source, bounds, before)
        )
    ):
        return ()
    bounds |= {"above": _lowered(bounds, overlap), "to": seen["to"], "rows": seen["rows"]}
    return (_portion(source, f"{_table(source)}({bounds['above'] or ''}..{bounds['to']}]", bounds),)


def _more(
    relation: DataFrame, source: Source, bounds: Mapping[str, Any], before: Sequence[SourceChunk]
) -> bool:
    """Whether rows came late, within the overlap, since the last range was taken."""
    last = json.loads(str(before[-1].position))
    return relation.where(_within(source, {**bounds, "above": last["above"]})).count() > int(
        last["rows"]
    )


def _lowered(bounds: Mapping[str, Any], overlap: int) -> str | None:
    """The lower bound, moved back by the overlap: seconds of a time, units of a number."""
    above: str | None = bounds["above"]
    if above is None or not overlap:
        return above
    if bounds["type"].startswith("timestamp"):
        return str(datetime.fromisoformat(above) - timedelta(seconds=overlap))
    return str(int(above) - overlap)


def _within(source: Source, bounds: Mapping[str, Any]) -> Column:
    assert source.incremental is not None
    column, inside = F.col(sql.name(source.incremental.by)), F.lit(True)
    if bounds["above"] is not None:
        inside = inside & (column > F.lit(bounds["above"]).cast(bounds["type"]))
    if bounds["to"] is not None:
        inside = inside & (column <= F.lit(bounds["to"]).cast(bounds["type"]))
    return inside


def _new_versions(
    spark: SparkSession, source: Source, before: Sequence[SourceChunk]
) -> tuple[SourceChunk, ...]:
    latest = spark.sql(f"DESCRIBE HISTORY delta.{sql.name(source.where)} LIMIT 1").first()
    version, after = int(latest["version"]) if latest else 0, _last(before, "version")
    if after == version:
        return ()
    bounds = {"after": after, "version": version}
    chunk = _portion(
        source, f"{_table(source)}@{'' if after is None else after + 1}..{version}", bounds
    )
    if after is not None:
        # The file listing is lazy: what was never recorded shows here, before anything is planned.
        rows(spark, source, chunk, lambda reference: reference).isEmpty()
    return (chunk,)


def _last(before: Sequence[SourceChunk], name: str) -> Any:
    bounds = [json.loads(str(chunk.position)) for chunk in before if chunk.position]
    return bounds[-1][name] if bounds else None


def _table(source: Source) -> str:
    table = source.options.get("dbtable")
    return f"{source.where.split('?')[0]}#{table}" if table else source.where


def _portion(source: Source, name: str, bounds: Mapping[str, Any]) -> SourceChunk:
    return SourceChunk(name, 0, digest(source.name, name), position=json.dumps(bounds))
