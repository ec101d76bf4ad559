"""Which batches of bronze are to be cleaned, and what they need to know of earlier ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from clarion.collect.cleaning.order_states import SaleSettings
from clarion.collect.cleaning.reasons import active_rules
from clarion.collect.cleaning.rules import Rule
from clarion.collect.sources import ledger
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Source
from clarion.contracts.ops import BATCHES, FILES
from clarion.contracts.silver import ORDER_LINES
from clarion.declarations.shop import parse_spec, rules, sources
from clarion.kernel.ids import digest
from clarion.runtime.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningBatch:
    """The batches of one source that one run of `clean` cleans.

    Args:
        source: the source.
        mapping_hash: fingerprint of its mapping and rules.
        contents: the batches, each with the fingerprint of the source chunks it holds.
        earlier: batches of the source that stay as they were cleaned, and may hold the first of
            what is a duplicate in these.
        cleaned_before: those of the batches that were cleaned before.
        smallest_files: records of the smallest file of each batch.
        checked_before: records of the source's other batches, without duplicates.
        records: records of the batches.
        taken_for: as-of day of the run that took each batch, where it was recorded.
    """

    source: Source
    mapping_hash: str
    contents: tuple[tuple[str, str], ...]
    earlier: tuple[str, ...]
    cleaned_before: tuple[str, ...]
    smallest_files: Mapping[str, int]
    checked_before: int
    records: int
    taken_for: Mapping[str, date]

    @property
    def batches(self) -> tuple[str, ...]:
        """Names of the batches."""
        return tuple(batch for batch, _ in self.contents)


def plan_cleaning(scope: Scope) -> list[CleaningBatch]:
    """Batches of bronze that were not yet cleaned with their present mapping and content.

    Args:
        scope: the run.

    Returns:
        One entry per source that has such batches.
    """
    latest_entries = ledger.latest_entries(row.asDict() for row in scope.raw(FILES).collect())
    cleaned = [row.asDict() for row in scope.raw(BATCHES).collect()]
    planned = [
        _plan_source(
            scope,
            source,
            latest_entries.get(source.name, []),
            {row["_batch"]: row for row in cleaned if row["_source"] == source.name},
        )
        for source in sources(scope.config)
    ]
    return [batch for batch in planned if batch is not None]


def _plan_source(
    scope: Scope, source: Source, entries: list[Entry], cleaned: Mapping[str, Mapping[str, Any]]
) -> CleaningBatch | None:
    contents = ledger.batch_contents(entries)
    mapping_hash = cleaning_fingerprint(scope, source)
    up_to_date = {
        batch
        for batch, row in cleaned.items()
        if row["mapping_hash"] == mapping_hash
        and row["content_hash"] in (None, contents.get(batch))
    }
    batches = set(contents) - up_to_date
    if any(
        batch in cleaned and cleaned[batch]["content_hash"] != contents[batch] for batch in batches
    ):
        # A file left its batch: what other batches have as its duplicate or as a newer version may
        # now be the first.
        batches |= {
            batch for batch, row in cleaned.items() if row["duplicates"] or row["redelivered"]
        }
    if not batches:
        return None
    unchanged = {batch: row for batch, row in cleaned.items() if batch not in batches}
    return CleaningBatch(
        source=source,
        mapping_hash=mapping_hash,
        contents=tuple((batch, contents[batch]) for batch in sorted(batches)),
        earlier=earlier_batches(source, entries, batches, set(unchanged)),
        cleaned_before=tuple(sorted(batches.intersection(cleaned))),
        smallest_files=_smallest_files(entries),
        checked_before=sum(row["rows_in"] - row["duplicates"] for row in unchanged.values()),
        records=sum(entry.records for entry in entries if entry.batch in batches),
        taken_for={
            entry.batch: entry.as_of for entry in entries if entry.as_of and entry.batch in batches
        },
    )


def earlier_batches(
    source: Source, entries: list[Entry], batches: set[str], others: set[str]
) -> tuple[str, ...]:
    """Those of the other batches that these are compared with for duplicates.

    All of them, or as far back as the mapping says.

    Args:
        source: the source.
        entries: its ledger entries.
        batches: batches that are cleaned.
        others: batches that stay as they were cleaned.
    """
    if source.duplicate_days is None:
        return tuple(sorted(others))
    by_time = sorted(entries, key=lambda entry: entry.taken_at, reverse=True)
    first_taken_at = {entry.batch: entry.taken_at for entry in by_time}
    since = min(first_taken_at[batch] for batch in batches) - timedelta(days=source.duplicate_days)
    return tuple(sorted(batch for batch in others if first_taken_at[batch] >= since))


def _smallest_files(entries: list[Entry]) -> dict[str, int]:
    smallest: dict[str, int] = {}
    for entry in entries:
        smallest[entry.batch] = min(smallest.get(entry.batch, entry.records), entry.records)
    return smallest


def cleaning_fingerprint(scope: Scope, source: Source) -> str:
    """Equal for mappings and rules that clean alike."""
    parts: list[Any] = [source.fingerprint, rules(scope.config)[source.kind.name]]
    if source.kind.name == "orders":
        # With their columns, so that a lake of an earlier version is cleaned again.
        parts += [scope.settings(SaleSettings), ORDER_LINES.column_names]
    return digest(*parts)


def active_rules_of(scope: Scope, source: Source) -> list[Rule]:
    """Rules that records of a source can fail under its mapping."""
    declared = rules(scope.config)[source.kind.name]
    return active_rules(declared, parse_spec(source), source.rules)
