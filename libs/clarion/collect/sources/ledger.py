"""What the ledger says of a source's chunks, and what follows for the next run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Literal

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest

State = Literal["planned", "taken", "replaced", "undone"]
_STATES: tuple[State, ...] = ("planned", "taken", "replaced", "undone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A chunk as the ledger has it.

    Args:
        chunk: the file or range.
        batch: the batch that it was taken in.
        state: the last state that it came to.
        columns: its columns.
        taken_at: when that state was recorded.
        records: how many records it held.
        as_of: as-of day of the run that took it; None where none was recorded.
    """

    chunk: SourceChunk
    batch: str
    state: State
    columns: tuple[str, ...]
    taken_at: datetime
    records: int = 0
    as_of: date | None = None


def latest_entries(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Entry]]:
    """The chunks of each source, each in the last state it came to.

    Args:
        rows: of FILES.
    """
    last: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (row["_source"], row["_file"], row["_batch"])
        if key not in last or _STATES.index(row["state"]) > _STATES.index(last[key]["state"]):
            last[key] = row

    by_source: dict[str, list[Entry]] = {}
    for row in last.values():
        by_source.setdefault(row["_source"], []).append(_entry(row))
    return by_source


def _entry(row: Mapping[str, Any]) -> Entry:
    chunk = SourceChunk(
        row["_file"],
        row["bytes"],
        row["content_hash"],
        row["modified_ns"],
        position=row["position"],
    )
    return Entry(
        chunk=chunk,
        batch=row["_batch"],
        state=row["state"],
        columns=tuple(row["columns"]),
        taken_at=row["_taken_at"],
        records=row["records"] or 0,
        as_of=row.get("as_of"),
    )


def batch_contents(entries: Sequence[Entry]) -> dict[str, str]:
    """The batches that were taken, each with a fingerprint of the chunks it still has."""
    batches: dict[str, list[tuple[str, str, str | None]]] = {}
    for entry in entries:
        if entry.state == "planned":
            continue
        chunks = batches.setdefault(entry.batch, [])
        if entry.state == "taken":
            chunks.append((entry.chunk.path, entry.chunk.content_hash, entry.chunk.position))
    return {batch: digest(sorted(chunks, key=str))[:16] for batch, chunks in batches.items()}


def planned_batches(entries: Sequence[Entry]) -> list[tuple[SourceChunk, ...]]:
    """What an interrupted run planned and did not finish, to be retried batch by batch."""
    unfinished = sorted(
        (entry for entry in entries if entry.state == "planned"),
        key=lambda entry: (entry.batch, entry.chunk.path),
    )
    groups = groupby(unfinished, key=lambda entry: entry.batch)
    return [tuple(entry.chunk for entry in group) for _, group in groups]


def changed_file_error(source: Source, path: str) -> SourceError:
    """A file is not what it was when it was taken."""
    return SourceError(
        f"{source.name}: {path} was changed after it was taken",
        found="another content",
        fix="deliver the change as a new file, or say in the mapping what it means: "
        "'changed: version' keeps both, 'changed: replace' the last",
    )


def replaced_entries(
    source: Source, chunks: Sequence[SourceChunk], entries: Sequence[Entry], *, batch: str
) -> tuple[Entry, ...]:
    """Earlier entries of the same files, which these replace under `changed: replace`."""
    if source.changed != "replace":
        return ()
    paths = {chunk.path for chunk in chunks}
    return tuple(
        entry
        for entry in entries
        if entry.state == "taken" and entry.chunk.path in paths and entry.batch != batch
    )


def latest_columns(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Columns of the chunk that was taken last; empty for none."""
    taken = [entry for entry in entries if entry.state == "taken"]
    return max(taken, key=lambda entry: (entry.taken_at, entry.chunk.path)).columns if taken else ()
