"""Records in quarantine and invalid activity: why and which, without their values."""

from typing import Any

from pyspark.sql import functions as F

from clarion.collect.cleaning.masking import mask_sql
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import DETECTIONS
from clarion.contracts.silver import INVALID_ACTIVITY, QUARANTINE
from clarion.contracts.sources import KINDS
from clarion.kernel import sql
from clarion.kernel.errors import UsageError
from clarion.lake import Lake


def reasons(lake: Lake) -> list[dict[str, Any]]:
    """Records by source, rule and column; an empty rule counts all records of its source."""
    rejections = lake.read(QUARANTINE).select(
        "_source", "_file", F.explode("reasons").alias("reason")
    )
    by_rule = rejections.groupBy("_source", "reason.rule", "reason.column").agg(
        F.count("*").alias("records"), F.countDistinct("_file").alias("files")
    )
    by_source = (
        lake.read(QUARANTINE)
        .groupBy("_source")
        .agg(F.count("*").alias("records"), F.countDistinct("_file").alias("files"))
    )
    rows = by_rule.unionByName(
        by_source.select(
            "_source", F.lit("").alias("rule"), F.lit("").alias("column"), "records", "files"
        )
    )
    return [
        row.asDict()
        for row in rows.orderBy("_source", F.col("rule") != "", F.desc("records"), "rule").collect()
    ]


def invalid_activity_by_detector(lake: Lake) -> list[dict[str, Any]]:
    """Facts of silver that are not counted: detector, fact_table, reason, flagged."""
    if not lake.exists(DETECTIONS):
        return []
    detectors = (
        lake.read(DETECTIONS)
        .groupBy("detector", "fact_table")
        .agg(F.max_by("reason", "as_of").alias("reason"))
    )
    invalid_activity = (
        lake.read(INVALID_ACTIVITY)
        .groupBy("detector")
        .agg(F.countDistinct("record_id").alias("flagged"))
    )
    rows = detectors.join(invalid_activity, "detector").select(
        "detector", "fact_table", "reason", "flagged"
    )
    return [row.asDict() for row in rows.orderBy("detector").collect()]


def samples(
    lake: Lake, *, source: str | None, rule: str | None, limit: int
) -> list[dict[str, Any]]:
    """Quarantined records with their reasons and the shape of each value.

    Letters are shown as x, digits as 0.

    Args:
        lake: the tables.
        source: of which source; None for any.
        rule: rejected by which rule; None for any.
        limit: number of records.

    Raises:
        UsageError: no record in quarantine matches.
    """
    matching = lake.read(QUARANTINE)
    if source is not None:
        matching = matching.where(F.col("_source") == source)
    if rule is not None:
        matching = matching.where(F.exists("reasons", lambda reason: reason["rule"] == rule))
    rejected = matching.orderBy("_source", "_file", "_row").limit(limit).collect()
    if not rejected:
        raise UsageError(
            "no record in quarantine matches",
            found=f"source {source or 'any'}, rule {rule or 'any'}",
            fix="see 'clarion quarantine list'",
        )
    shapes = {}
    for kind in {row["kind"] for row in rejected}:
        of_kind = [row for row in rejected if row["kind"] == kind]
        batches = sql.among("_batch", {row["_batch"] for row in of_kind})
        records = (
            lake.read(BRONZE[KINDS[kind].name])
            .where(batches)
            .where(F.col("_row").isin([row["_row"] for row in of_kind]))
        )
        for row in records.selectExpr(
            "_source", "_file", "_row", f"transform_values(raw, (k, v) -> {mask_sql('v')}) AS raw"
        ).collect():
            shapes[row["_source"], row["_file"], row["_row"]] = row["raw"]
    return [
        {
            **row.asDict(recursive=True),
            "raw": shapes.get((row["_source"], row["_file"], row["_row"]), {}),
        }
        for row in rejected
    ]
