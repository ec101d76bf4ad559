"""The steps of ingest: find what is new, read it once, write it to bronze, record it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from pyspark.sql import DataFrame

from clarion.collect.sources import drift, file_store, ledger
from clarion.collect.sources.checks import check_mapping
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.drift import Change
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.manifests import DeclaredFiles, declared_files
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.readers.protocol import Reader
from clarion.collect.sources.records import FileStats, file_stats, number_records, refuse_unreadable
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import FILES, UNDELIVERED
from clarion.declarations.shop import sources
from clarion.kernel import sql
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope
from clarion.workflows.intake import (
    IntakeBatch,
    Protection,
    consenting_people,
    ledger_rows,
    needs_consent,
    protection_of,
    write_bronze,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """Chunks of one source that are taken at once.

    Args:
        reader: who reads them.
        name: equal for the same chunks, so that a repeat replaces what an interrupted run left.
        chunks: files, or ranges of a table or topic.
        columns: their columns; empty where each record states its own.
        absent: columns that earlier chunks had and that these may lack.
        before: columns of the chunks before; empty for the first.
        declared: what manifests say of files.
        replaces: earlier entries of the same files, which these replace.
        is_planned: whether an interrupted run planned it before.
    """

    reader: Reader
    name: str
    chunks: tuple[SourceChunk, ...]
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    before: tuple[str, ...]
    declared: DeclaredFiles
    replaces: tuple[Entry, ...]
    is_planned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBatch:
    """A batch whose records were read once and counted.

    Args:
        batch: what is written.
        records: its records.
        replaces: earlier entries of the same files, which these replace.
        is_planned: whether an interrupted run planned it before.
        message: what the user reads once it is written.
        copies_files: whether the lake gets a copy of each file.
    """

    batch: IntakeBatch
    records: DataFrame
    replaces: tuple[Entry, ...]
    is_planned: bool
    message: str
    copies_files: bool

    @property
    def source(self) -> Source:
        """Where the records come from."""
        return self.batch.source


def find_batches(scope: Scope) -> list[NewBatch]:
    """What is to be taken from all batch sources.

    Raises:
        SourceError: a source cannot be reached, changed, or does not fit its mapping.
    """
    entries = ledger.latest_entries(row.asDict() for row in scope.raw(FILES).collect())
    # At the same time: each is hashed, and Spark reads the header of what is new.
    found = scope.run_concurrently(
        partial(_batches_of, scope, source, entries.get(source.name, []))
        for source in sources(scope.config)
        if source.mode == "batch"
    )
    return list(chain.from_iterable(found))


def _batches_of(scope: Scope, source: Source, entries: list[Entry]) -> list[NewBatch]:
    """What an interrupted run left planned, then what is new."""
    reader = reader_of(scope.spark, source, scope.config.secret)
    groups = [
        tuple(reader.verify(chunk) for chunk in chunks)
        for chunks in ledger.planned_batches(entries)
    ]
    groups += reader.find_new(entries, note=scope.note)
    if not groups:
        return []
    declared = declared_files(source)
    batches: list[NewBatch] = []
    before = ledger.latest_columns(entries)
    for group in groups:
        chunks = tuple(sorted(group, key=lambda chunk: chunk.path))
        batches.append(_new_batch(reader, chunks, entries, declared, before=before))
        before = batches[-1].columns
    return batches


def _new_batch(
    reader: Reader,
    chunks: tuple[SourceChunk, ...],
    entries: list[Entry],
    declared: DeclaredFiles,
    *,
    before: tuple[str, ...],
) -> NewBatch:
    """The chunks with their columns, over which every expression of the mapping is valid."""
    source = reader.source
    columns = reader.column_names(chunks[0])
    absent: tuple[str, ...] = ()
    if columns:
        drift.refuse_changes(source, _changes(reader, before, columns, file=chunks[0].path))
        absent = source.absent(columns)
        if source.drift.missing == "null":
            lost = (name for name in before if name not in columns)
            absent = tuple(dict.fromkeys((*absent, *lost)))
    check_mapping(reader.spark, source, (*columns, *absent))
    name = _batch_name(source, chunks)
    return NewBatch(
        reader=reader,
        name=name,
        chunks=chunks,
        columns=columns,
        absent=absent,
        before=before,
        declared=declared,
        replaces=ledger.replaced_entries(source, chunks, entries, batch=name),
        is_planned=any(entry.batch == name for entry in entries),
    )


def _changes(
    reader: Reader, before: tuple[str, ...], now: tuple[str, ...], *, file: str
) -> tuple[Change, ...]:
    return drift.compare_columns(
        before, now, file=file, records_name_columns=reader.records_name_columns
    )


def _batch_name(source: Source, chunks: Sequence[SourceChunk]) -> str:
    parts = [
        (chunk.path, chunk.content_hash, *([chunk.position] if chunk.position else []))
        for chunk in chunks
    ]
    return digest(source.name, parts)[:16]


def read_batch(scope: Scope, new: NewBatch) -> ReadBatch:
    """The records of a batch, counted.

    Raises:
        SourceError: they are malformed, or their columns changed, and the mapping refuses that.
    """
    reader = new.reader
    source = reader.source
    records = reader.read(new.chunks, new.columns)
    if not reader.is_repeatable:
        records = scope.persist(records)
    stats = file_stats(reader, records, chunks=new.chunks)
    refuse_unreadable(reader, stats)

    columns = {new.chunks[0].path: new.columns} if new.columns else stats.columns
    changes: list[Change] = []
    for path, names in columns.items():
        changes += _changes(reader, new.before, names, file=path)
    drift.refuse_changes(source, tuple(changes))
    for text in dict.fromkeys(change.text for change in changes):
        scope.note(f"{source.name}: {text}")

    batch = IntakeBatch(
        source=source,
        name=new.name,
        chunks=new.chunks,
        columns=new.columns,
        absent=new.absent,
        stats=stats,
        declared=new.declared,
        changes=tuple(changes),
    )
    return ReadBatch(
        batch=batch,
        records=records,
        replaces=new.replaces,
        is_planned=new.is_planned,
        message=f"{source.name}: {stats.total:,} records "
        f"from {len(new.chunks)} {reader.chunk_noun}{_skipped_lines(stats)}",
        copies_files=reader.copies_files,
    )


def _skipped_lines(stats: FileStats) -> str:
    return f"; {stats.skipped:,} lines are no records, by its layout" if stats.skipped else ""


def write_batches(scope: Scope, batches: list[ReadBatch]) -> None:
    """Write batches to bronze, with the persons in them protected."""
    protection = protection_of(scope, [item.source for item in batches])
    # Consents first: the other kinds look them up.
    consents = [item for item in batches if item.source.kind.name == "consents"]
    others = [item for item in batches if item.source.kind.name != "consents"]
    for of_kinds in (consents, others):
        people = _consenting_by_namespace(scope, [item.source for item in of_kinds])
        scope.run_concurrently(
            partial(_write_batch, scope, item, protection, people.get(item.source.namespace))
            for item in of_kinds
        )


def _consenting_by_namespace(scope: Scope, read: list[Source]) -> dict[str, DataFrame]:
    """Who consents to collection, by namespace, looked up once for all sources that ask."""
    asking = {source.namespace: source for source in read if needs_consent(source)}
    people: dict[str, DataFrame] = {}
    for namespace, source in asking.items():
        consenting = consenting_people(scope, source)
        if consenting is not None:
            people[namespace] = scope.persist(consenting)
    return people


def _write_batch(
    scope: Scope, item: ReadBatch, protection: Protection, people: DataFrame | None
) -> None:
    batch = item.batch
    if item.copies_files:
        copies = [(chunk.path, scope.file(chunk.content_hash)) for chunk in batch.chunks]
        scope.run_concurrently([partial(file_store.copy_file, path, to) for path, to in copies])
    write_bronze(
        scope,
        batch,
        number_records(item.records, batch.stats),
        protection,
        people=people if needs_consent(item.source) else None,
    )
    for entry in item.replaces:
        conditions = (
            sql.among("_batch", [entry.batch]),
            sql.among("_file", [entry.chunk.path]),
            sql.among("_source", [item.source.name]),
        )
        scope.delete(BRONZE[item.source.kind.name], where=" AND ".join(conditions))
    scope.say(item.message)


def record_batches(scope: Scope, batches: list[ReadBatch], *, state: ledger.State) -> None:
    """Record the state of each chunk in the ledger, and of those they replace."""
    rows: list[dict[str, Any]] = []
    for item in batches:
        rows += ledger_rows(item.batch, state=state, as_of=scope.as_of)
        for entry in item.replaces if state == "taken" else ():
            earlier = replace(
                item.batch,
                name=entry.batch,
                chunks=(entry.chunk,),
                columns=entry.columns,
                changes=(),
            )
            rows += ledger_rows(earlier, state="replaced", as_of=scope.as_of)
    if rows:
        scope.append(FILES, rows_as_frame(scope.spark, FILES, rows))


def record_undelivered(scope: Scope) -> None:
    """Record the files that manifests declare and that never came, as of the run's day."""
    declaring = [
        one
        for one in sources(scope.config)
        if one.mode == "batch" and one.is_of_files and one.manifest
    ]
    if not declaring:
        return
    names = [source.name for source in declaring]
    known = scope.own(FILES).where(sql.among("_source", names)).select("_source", "_file")
    taken = [(row["_source"], row["_file"]) for row in known.collect()]
    rows: list[dict[str, Any]] = []
    for source in declaring:
        listed = file_store.find_files(source.where, source=source.name)
        there = [file.path for file in listed]
        there += [path for name, path in taken if name == source.name]
        rows += [
            {
                "as_of": scope.as_of,
                "_source": source.name,
                "_file": file.path,
                "declared": file.records,
            }
            for file in declared_files(source).not_among(there)
        ]
    scope.replace(UNDELIVERED, rows_as_frame(scope.spark, UNDELIVERED, rows))
    for row in rows:
        scope.note(f"{row['_source']}: a manifest declares {row['_file']}, which was not delivered")
