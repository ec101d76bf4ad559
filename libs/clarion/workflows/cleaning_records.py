"""What `clean` records about its batches: counts, how often rules failed, and replays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.quality import BatchQuality, RuleQuality, rule_qualities
from clarion.contracts.ops import BATCHES, QUALITY, REPLAYS
from clarion.contracts.silver import QUARANTINE
from clarion.kernel import sql
from clarion.kernel.errors import QualityError
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope
from clarion.workflows.cleaning_plan import CleaningBatch, active_rules_of

_RECORD_KEY = QUARANTINE.key
_RuleCounts = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """What became of the records of one source in one batch.

    Args:
        source: name of the source.
        batch: name of the batch.
        rows_in: records in bronze.
        accepted: rows in silver.
        quarantined: records in the quarantine.
        duplicates: records that were dropped as duplicates.
        unreadable: quarantined records with a value that cannot be read.
        warned: accepted rows with a warning.
        filled_values: filled values, by column.
        warnings: accepted rows by rule that only warns.
        missing_words: records without a value where a text stands for none, by column.
        repaired_ids: records whose id was repaired, by column.
        values: records with a value, by column that has a standard form.
        other_forms: records with a value of another form, by column.
        redelivered: accepted order lines that were delivered before, with other values.
        equal_lines: accepted order lines that equal another one of their order in one delivery.
    """

    source: str
    batch: str
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unreadable: int = 0
    warned: int = 0
    filled_values: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)
    missing_words: Mapping[str, int] = field(default_factory=dict)
    repaired_ids: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    other_forms: Mapping[str, int] = field(default_factory=dict)
    redelivered: int = 0
    equal_lines: int = 0


def reconcile(counts: list[BatchCounts], accepted: int, quarantined: int) -> None:
    """Stop unless rows in = accepted + quarantined + duplicates, by the rows that were written.

    Args:
        counts: what became of the records.
        accepted: rows written to silver.
        quarantined: rows written to the quarantine.

    Raises:
        QualityError: the numbers differ.
    """
    rows_in = sum(count.rows_in for count in counts)
    duplicates = sum(count.duplicates for count in counts)
    if rows_in != accepted + quarantined + duplicates:
        raise QualityError(
            "rows do not reconcile",
            found=f"{rows_in} in, {accepted} accepted, {quarantined} quarantined, "
            f"{duplicates} duplicates",
            fix="a defect: please report it with the mapping",
        )


def record_batches(scope: Scope, plan: list[CleaningBatch], counts: list[BatchCounts]) -> None:
    """Record what became of the records of each batch in BATCHES."""
    by_source = {cleaning.source.name: cleaning for cleaning in plan}
    rows = []
    for count in counts:
        cleaning = by_source[count.source]
        scope.note(
            f"{count.source}: {count.rows_in:,} in = {count.accepted:,} accepted "
            f"+ {count.quarantined:,} quarantined + {count.duplicates:,} duplicates"
        )
        repairs = {
            "texts that stand for no value": count.missing_words,
            "ids that were repaired": count.repaired_ids,
        }
        for what, by_column in repairs.items():
            found = ", ".join(f"{name} {n:,}" for name, n in sorted(by_column.items()) if n)
            if found:
                scope.note(f"{count.source}: {what}: {found}")
        _note_versions(scope, count)
        row = {
            **asdict(count),
            "_batch": count.batch,
            "_source": count.source,
            "kind": cleaning.source.kind.name,
            "mapping_hash": cleaning.mapping_hash,
            "content_hash": dict(cleaning.contents)[count.batch],
            "_cleaned_at": datetime.now(UTC),
        }
        rows.append(row)
    batches = sorted({count.batch for count in counts})
    frame = rows_as_frame(scope.spark, BATCHES, rows)
    scope.replace(BATCHES, frame, where=sql.among("_batch", batches))


def _note_versions(scope: Scope, count: BatchCounts) -> None:
    if count.redelivered:
        scope.note(
            f"{count.source}: {count.redelivered:,} lines were delivered before with other values: "
            "from their arrival on the new version counts"
        )
    if count.equal_lines:
        scope.note(
            f"{count.source}: {count.equal_lines:,} lines equal another line of their order in the "
            "same delivery and count, too; if they are duplicates, write 'duplicates: drop'"
        )


def record_quality(
    scope: Scope, plan: list[CleaningBatch], counts: list[BatchCounts], *, in_batches: str
) -> None:
    """Record how often each rule failed in each batch in QUALITY, and note anomalies.

    Args:
        scope: the run.
        plan: what was cleaned.
        counts: what became of the records.
        in_batches: condition, in SQL, that a row belongs to the cleaned batches.
    """
    errors = _errors_by_batch(scope, in_batches)
    failed_before = _failed_before(scope, in_batches)
    by_source = {cleaning.source.name: cleaning for cleaning in plan}
    cleaned_at = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for count in counts:
        cleaning = by_source[count.source]
        batch = BatchQuality(
            checked=count.rows_in - count.duplicates,
            errors=errors.get((count.source, count.batch), {}),
            warnings=count.warnings,
            filled=count.filled_values,
            missing_words={name: n for name, n in count.missing_words.items() if n},
            repaired_ids={name: n for name, n in count.repaired_ids.items() if n},
            values=count.values,
            other_forms=count.other_forms,
        )
        qualities = rule_qualities(
            batch,
            active_rules_of(scope, cleaning.source),
            failed_before=failed_before.get((count.source, cleaning.mapping_hash), {}),
            checked_before=cleaning.checked_before,
        )
        _note_anomalies(scope, count.source, qualities)
        provenance = {
            "_source": count.source,
            "_batch": count.batch,
            "mapping_hash": cleaning.mapping_hash,
            "_cleaned_at": cleaned_at,
        }
        rows += [{**asdict(quality), **provenance} for quality in qualities]
    mappings = sql.among("mapping_hash", {row["mapping_hash"] for row in rows})
    frame = rows_as_frame(scope.spark, QUALITY, rows)
    scope.replace(QUALITY, frame, where=f"{in_batches} AND {mappings}")


def _errors_by_batch(scope: Scope, in_batches: str) -> dict[tuple[str, str], _RuleCounts]:
    """Quarantined records by rule and column, of each source and batch."""
    reasons = (
        scope.own(QUARANTINE).where(in_batches).select("_source", "_batch", F.inline("reasons"))
    )
    # One row per batch, rule and column.
    rows = reasons.groupBy("_source", "_batch", "rule", "column").count().collect()
    errors: dict[tuple[str, str], _RuleCounts] = {}
    for row in rows:
        by_rule = errors.setdefault((row["_source"], row["_batch"]), {})
        by_rule[row["rule"], row["column"]] = row["count"]
    return errors


def _failed_before(scope: Scope, in_batches: str) -> dict[tuple[str, str], _RuleCounts]:
    """Failed records of the other batches by rule and column, of each source and mapping.

    A batch that was cleaned with another mapping says nothing about what is usual with this one.
    """
    rows = (
        scope.raw(QUALITY)
        .where(f"NOT {in_batches}")
        .groupBy("_source", "mapping_hash", "rule", "column")
        .agg(F.sum("failed").alias("failed"))
        .collect()
    )
    failed: dict[tuple[str, str], _RuleCounts] = {}
    for row in rows:
        by_rule = failed.setdefault((row["_source"], row["mapping_hash"]), {})
        by_rule[row["rule"], row["column"]] = row["failed"]
    return failed


def _note_anomalies(scope: Scope, source: str, qualities: list[RuleQuality]) -> None:
    for quality in qualities:
        if quality.anomaly:
            scope.note(
                f"{source}: more than usual ({quality.usual_rate:.1%}): {quality.failed:,} "
                f"of {quality.checked:,} records: {quality.reason}"
            )


def record_replays(scope: Scope, plan: list[CleaningBatch], rejected: DataFrame) -> None:
    """Record in REPLAYS which records leave the quarantine, with their former reasons.

    Args:
        scope: the run.
        plan: what is cleaned.
        rejected: QUARANTINE rows of the cleaned batches.
    """
    replayed = [cleaning for cleaning in plan if cleaning.cleaned_before]
    if not replayed:
        return
    batches = sorted(set[str]().union(*(cleaning.cleaned_before for cleaning in replayed)))
    in_batches = sql.among("_batch", batches)
    leaving = (
        scope.own(QUARANTINE)
        .where(in_batches)
        .join(rejected.select(*_RECORD_KEY), list(_RECORD_KEY), "left_anti")
    )
    hashes = []
    for cleaning in replayed:
        hashes += [F.lit(cleaning.source.name), F.lit(cleaning.mapping_hash)]
    rows = leaving.withColumns(
        {
            "mapping_hash": F.element_at(F.create_map(*hashes), F.col("_source")),
            "_cleaned_at": F.lit(datetime.now(UTC)),
        }
    )
    mappings = sql.among("mapping_hash", {cleaning.mapping_hash for cleaning in replayed})
    count = scope.replace(
        REPLAYS, rows.select(*REPLAYS.column_names), where=f"{in_batches} AND {mappings}"
    )
    scope.note(f"{count:,} records left the quarantine")
