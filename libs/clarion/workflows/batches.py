"""What is to be cleaned, and what is put down about it: batches, rules broken, records that left the quarantine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning import transforms as cleaning
from clarion.collect.cleaning.quality import Tally, entries
from clarion.collect.cleaning.rules import Rule
from clarion.collect.sources import ledger
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Source
from clarion.contracts.ops import BATCHES, FILES, QUALITY, REPLAYS
from clarion.contracts.silver import QUARANTINE
from clarion.declarations.shop import parse_spec, rules, sources
from clarion.kernel import sql
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope

_RECORD_KEY = QUARANTINE.key


@dataclass(frozen=True, slots=True)
class Task:
    """The batches of one source that are to be cleaned.

    Args:
        source: the source.
        contents: the batches, each with the fingerprint of the portions it holds.
        earlier: batches of the source that stay as they were cleaned and may hold the first of what is a duplicate in these.
        again: those of the batches that were cleaned before.
        smallest: records of the smallest file of each batch.
        checked_before: records of the source's other batches, duplicates aside.
        records: records of the batches.
    """

    source: Source
    contents: tuple[tuple[str, str], ...]
    earlier: tuple[str, ...]
    again: tuple[str, ...]
    smallest: Mapping[str, int]
    checked_before: int
    records: int

    @property
    def batches(self) -> tuple[str, ...]:
        return tuple(batch for batch, _ in self.contents)


def pending(scope: Scope) -> list[Task]:
    """Batches in bronze that were not yet cleaned under their mapping, and with the portions they hold, as both are now."""
    standing = ledger.standing(row.asDict() for row in scope.raw(FILES).collect())
    done = scope.raw(BATCHES).collect()
    tasks = []
    for source in sources(scope.config):
        mine = ledger.held(standing.get(source.name, []))
        cleaned = {row["_batch"]: row for row in done if row["_source"] == source.name}
        fresh = {
            batch for batch, row in cleaned.items() if row["mapping_hash"] == fingerprint(scope, source) and row["content_hash"] in (None, mine.get(batch))
        }  # fmt: skip
        batches = set(mine) - fresh
        if any(
            batch in cleaned and cleaned[batch]["content_hash"] != mine[batch] for batch in batches
        ):
            # A file left its batch: what other batches dropped as its duplicate may be the first of its kind now.
            batches |= {batch for batch, row in cleaned.items() if row["duplicates"]}
        if batches:
            task = Task(
                source,
                tuple((batch, mine[batch]) for batch in sorted(batches)),
                earlier=batches_within(
                    source, standing[source.name], batches, set(cleaned) - batches
                ),
                again=tuple(sorted(batches.intersection(cleaned))),
                smallest=_smallest(standing[source.name]),
                checked_before=sum(
                    row["rows_in"] - row["duplicates"]
                    for batch, row in cleaned.items()
                    if batch not in batches
                ),
                records=sum(
                    entry.records for entry in standing[source.name] if entry.batch in batches
                ),
            )
            tasks.append(task)
    return tasks


def batches_within(
    source: Source, entries: list[Entry], batches: set[str], others: set[str]
) -> tuple[str, ...]:
    """Those of the other batches that are held against these for duplicates: all, or as far back as the mapping says."""
    if source.duplicate_days is None:
        return tuple(sorted(others))
    taken = {
        entry.batch: entry.taken_at
        for entry in sorted(entries, key=lambda entry: entry.taken_at, reverse=True)
    }
    since = min(taken[batch] for batch in batches) - timedelta(days=source.duplicate_days)
    return tuple(sorted(batch for batch in others if taken[batch] >= since))


def _smallest(entries: list[Entry]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        found[entry.batch] = min(found.get(entry.batch, entry.records), entry.records)
    return found


def fingerprint(scope: Scope, source: Source) -> str:
    """Equal for mappings and rules that clean alike."""
    return digest(source.fingerprint, rules(scope.config)[source.kind.name])


def rules_of(scope: Scope, task: Task) -> list[Rule]:
    """Rules that records of a source can break under its mapping."""
    source = task.source
    return cleaning.in_force(
        rules(scope.config)[source.kind.name], parse_spec(source), source.rules
    )


def enter_batches(scope: Scope, tasks: list[Task], counts: list[dict[str, object]]) -> None:
    by_name = {task.source.name: task for task in tasks}
    rows = []
    for row in counts:
        task = by_name[str(row["_source"])]
        source, held = task.source, dict(task.contents)[str(row["_batch"])]
        scope.note(
            f"{source.name}: {row['rows_in']:,} in = {row['accepted']:,} accepted + {row['quarantined']:,} quarantined + {row['duplicates']:,} duplicates"
        )
        extra = {
            "kind": source.kind.name,
            "mapping_hash": fingerprint(scope, source),
            "content_hash": held,
            "_cleaned_at": datetime.now(UTC),
        }
        rows.append({**row, **extra, "filled_values": row["filled_values"] or {}})
    batches = sorted({str(row["_batch"]) for row in counts})
    scope.replace(
        BATCHES, rows_as_frame(scope.spark, BATCHES, rows), where=sql.among("_batch", batches)
    )


def enter_quality(scope: Scope, tasks: list[Task], counts: list[dict[str, Any]], mine: str) -> None:
    """How often each rule was broken in each batch, beside how often it usually is."""
    refused = scope.own(QUARANTINE).where(mine).select("_source", "_batch", F.inline("reasons"))
    errors = (
        refused.groupBy("_source", "_batch", "rule", "column").count().collect()
    )  # one row a rule and batch
    # A batch's state under another mapping says nothing about what is usual under this one.
    before = (
        scope.raw(QUALITY)
        .where(f"NOT {mine}")
        .groupBy("_source", "mapping_hash", "rule", "column")
        .agg(F.sum("failed").alias("failed"))
        .collect()
    )
    by_name, at, rows = (
        {task.source.name: task for task in tasks},
        datetime.now(UTC),
        list[dict[str, Any]](),
    )
    for row in counts:
        source, batch = row["_source"], row["_batch"]
        broken = {
            (error["rule"], error["column"]): error["count"]
            for error in errors
            if (error["_source"], error["_batch"]) == (source, batch)
        }
        tally = Tally(
            row["rows_in"] - row["duplicates"],
            broken,
            row["warnings"] or {},
            row["filled_values"] or {},
        )
        state = (source, fingerprint(scope, by_name[source].source))
        usual = {
            (item["rule"], item["column"]): item["failed"]
            for item in before
            if (item["_source"], item["mapping_hash"]) == state
        }
        checked = by_name[source].checked_before
        for entry in entries(
            tally, rules_of(scope, by_name[source]), usual=usual, checked_before=checked
        ):
            rows.append(
                {
                    **entry,
                    "_source": source,
                    "_batch": batch,
                    "mapping_hash": fingerprint(scope, by_name[source].source),
                    "_cleaned_at": at,
                }
            )
            if entry["anomaly"]:
                scope.note(
                    f"{source}: more than usual ({entry['usual_rate']:.1%}): {entry['failed']:,} of {entry['checked']:,} records: {entry['reason']}"
                )
    states = sql.among("mapping_hash", {row["mapping_hash"] for row in rows})
    scope.replace(QUALITY, rows_as_frame(scope.spark, QUALITY, rows), where=f"{mine} AND {states}")


def enter_replays(scope: Scope, tasks: list[Task], refused: DataFrame) -> None:
    """Put down which records leave the quarantine; nobody else would remember why they stood there."""
    again = [task for task in tasks if task.again]
    if not again:
        return
    batches = sql.among("_batch", sorted({batch for task in again for batch in task.again}))
    leaving = (
        scope.own(QUARANTINE)
        .where(batches)
        .join(refused.select(*_RECORD_KEY), list(_RECORD_KEY), "left_anti")
    )
    states = F.create_map(
        *(
            F.lit(part)
            for task in again
            for part in (task.source.name, fingerprint(scope, task.source))
        )
    )
    rows = leaving.withColumns(
        {
            "mapping_hash": F.element_at(states, F.col("_source")),
            "_cleaned_at": F.lit(datetime.now(UTC)),
        }
    )
    hashes = sql.among("mapping_hash", {fingerprint(scope, task.source) for task in again})
    left = scope.replace(
        REPLAYS, rows.select(*REPLAYS.column_names), where=f"{batches} AND {hashes}"
    )
    scope.note(f"{left:,} records left the quarantine")
