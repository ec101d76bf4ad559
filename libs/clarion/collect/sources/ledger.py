"""What of a source is new, held against what the ledger says was taken."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from clarion.collect.sources import files
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A portion as the ledger has it."""

    chunk: SourceChunk
    batch: str
    state: str
    columns: tuple[str, ...]
    taken_at: datetime
    records: int = 0


_STEPS = ("planned", "taken", "replaced", "undone")


def standing(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Entry]]:
    """The portions of each source, each in the last state it came to.

    Args:
        rows: of FILES.
    """
    last: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (row["_source"], row["_file"], row["_batch"])
        if key not in last or _STEPS.index(row["state"]) > _STEPS.index(last[key]["state"]):
            last[key] = row
    found: dict[str, list[Entry]] = {}
    for row in last.values():
        chunk = SourceChunk(
            row["_file"],
            row["bytes"],
            row["content_hash"],
            row["modified_ns"],
            position=row["position"],
        )
        entry = Entry(
            chunk=chunk,
            batch=row["_batch"],
            state=row["state"],
            columns=tuple(row["columns"]),
            taken_at=row["_taken_at"],
            records=row["records"] or 0,
        )
        found.setdefault(row["_source"], []).append(entry)
    return found


def held(entries: Sequence[Entry]) -> dict[str, str]:
    """The batches that were taken, each with a fingerprint of what it still holds."""
    batches: dict[str, list[tuple[str, str, str | None]]] = {}
    for entry in entries:
        if entry.state != "planned":
            now = batches.setdefault(entry.batch, [])
            if entry.state == "taken":
                now.append((entry.chunk.path, entry.chunk.content_hash, entry.chunk.position))
    return {batch: digest(sorted(now, key=str))[:16] for batch, now in batches.items()}


def planned(source: Source, entries: Sequence[Entry]) -> list[tuple[SourceChunk, ...]]:
    """What a dead run planned and did not finish, batch by batch, to be taken again as it was planned.

    Raises:
        SourceError: a planned file was changed meanwhile.
    """
    left = sorted(
        (entry for entry in entries if entry.state == "planned"),
        key=lambda entry: (entry.batch, entry.chunk.path),
    )
    groups = []
    for _, group in groupby(left, key=lambda entry: entry.batch):
        chunks = tuple(entry.chunk for entry in group)
        groups.append(
            tuple(_again(source, chunk) for chunk in chunks) if source.of_files else chunks
        )
    return groups


def _again(source: Source, chunk: SourceChunk) -> SourceChunk:
    found = files.examine(chunk.path, source=source.name, form=source.format)
    if found.content_hash != chunk.content_hash:
        raise changed(source, chunk.path)
    return found


def new_files(
    source: Source, entries: Sequence[Entry], *, note: Callable[[str], None]
) -> list[tuple[SourceChunk, ...]]:
    """Files that were not taken yet, in groups that have their columns in common.

    A file whose length and time are as they were is not read again.

    Raises:
        SourceError: a file was changed after it was taken, under `changed: refuse`.
    """
    standing = [entry for entry in entries if entry.state != "replaced"]
    hashes = {entry.chunk.content_hash for entry in standing}
    undone = {entry.chunk.content_hash for entry in standing if entry.state == "undone"}
    latest = {
        entry.chunk.path: entry.chunk
        for entry in sorted(standing, key=lambda entry: entry.taken_at)
    }
    new = []
    for found in files.find(source.where, source=source.name):
        before = latest.get(found.path)
        if (
            before is not None
            and found.bytes == before.bytes
            and before.modified_ns in (None, found.modified_ns)
        ):
            continue
        file = files.examine(found.path, source=source.name, form=source.format)
        if before is not None and file.content_hash == before.content_hash:
            continue
        if before is not None and source.changed == "refuse" and before.content_hash not in undone:
            raise changed(source, file.path)
        if file.content_hash in hashes:
            note(
                f"{source.name}: {file.path} holds what {'was undone' if file.content_hash in undone else 'another file held'}; it is not taken again"
            )
            continue
        hashes.add(file.content_hash)
        new.append(file)
    headed = source.format == "parquet" or (
        source.format == "csv" and source.options.get("header") == "true"
    )
    by_header: dict[str, list[SourceChunk]] = {}
    for file in new:
        by_header.setdefault(file.header if headed else "", []).append(file)
    return [tuple(group) for group in by_header.values()]


def changed(source: Source, path: str) -> SourceError:
    """A file is not what it was when it was taken."""
    return SourceError(
        f"{source.name}: {path} was changed after it was taken",
        found="another content",
        fix="deliver the change as a new file, or say in the mapping what it means: 'changed: version' keeps both, 'changed: replace' the last",
    )


def replaced(
    source: Source, chunks: Sequence[SourceChunk], entries: Sequence[Entry], *, batch: str
) -> tuple[Entry, ...]:
    """Earlier takes of the same files, whose place these take under `changed: replace`."""
    if source.changed != "replace":
        return ()
    paths = {chunk.path for chunk in chunks}
    return tuple(
        entry
        for entry in entries
        if entry.state == "taken" and entry.chunk.path in paths and entry.batch != batch
    )


def last_columns(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Columns of the portion that was taken last; empty for none."""
    taken = [entry for entry in entries if entry.state == "taken"]
    return max(taken, key=lambda entry: (entry.taken_at, entry.chunk.path)).columns if taken else ()
