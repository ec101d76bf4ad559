"""Take what is new in the shop's sources into bronze, each record once, with persons protected on the way in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.sources import (
    drift,
    files,
    ledger,
    records,
    tables,
    topics,
)
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.drift import Change
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.records import FileStats
from clarion.contracts.bronze import BRONZE, TABLES
from clarion.contracts.ops import FILES
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import sources
from clarion.kernel import sql
from clarion.kernel.errors import SourceError, first_line
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.intake import allowed, ledger_rows, needs_consent, write_bronze


@dataclass(frozen=True, slots=True)
class Batch:
    """Portions of one source that are taken together.

    Args:
        source: where they come from.
        portions: files, or ranges of a table or topic.
        columns: their columns; empty where each record states its own.
        absent: columns that those before had and that these may lack.
        before: columns of the portions before; empty for the first.
        replaces: earlier takes of the same files, whose place these take.
        planned: whether a run that died planned it before.
    """

    source: Source
    chunks: tuple[SourceChunk, ...]
    columns: tuple[str, ...]
    absent: tuple[str, ...]
    before: tuple[str, ...]
    replaces: tuple[Entry, ...]
    planned: bool

    @property
    def name(self) -> str:
        """Equal for the same portions of the same source, so that a repeat replaces what a dead run left."""
        return _name(self.source, self.chunks)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A batch whose records were looked at once."""

    batch: Batch
    records: DataFrame
    found: FileStats
    changes: tuple[Change, ...]


def run(scope: Scope) -> None:
    entries = ledger.standing(row.asDict() for row in scope.raw(FILES).collect())
    batches = [
        batch
        for source in sources(scope.config)
        if source.mode == "batch"
        for batch in _batches(scope, source, entries.get(source.name, []))
    ]
    if not batches:
        scope.note("nothing new")
        return
    # Nothing is written before everything was looked at.
    surveyed = run_concurrently([partial(_file_stats, scope, batch) for batch in batches])
    _enter(scope, [item for item in surveyed if not item.batch.planned], "planned")
    # Consents first: the other kinds are held against them.
    for consents in (True, False):
        chosen = [
            item for item in surveyed if (item.batch.source.kind.name == "consents") is consents
        ]
        people = _consenting(scope, [item.batch.source for item in chosen])
        run_concurrently(
            [
                partial(_take, scope, item, people.get(item.batch.source.namespace))
                for item in chosen
            ]
        )
    _enter(scope, surveyed, "taken")


def _batches(scope: Scope, source: Source, entries: list[Entry]) -> list[Batch]:
    """What a dead run left planned, then what is new."""
    groups = ledger.planned(source, entries)
    if source.of_files:
        groups += ledger.new_files(source, entries, note=scope.note)
    else:
        before = [entry.chunk for entry in sorted(entries, key=lambda entry: entry.taken_at)]
        find = topics.new if source.format == "kafka" else tables.new
        groups += [
            group for group in [find(scope.spark, source, before, scope.config.secret)] if group
        ]
    batches, known = [], ledger.last_columns(entries)
    for group in groups:
        batches.append(
            _batch(
                scope,
                source,
                tuple(sorted(group, key=lambda chunk: chunk.path)),
                entries,
                known,
            )
        )
        known = batches[-1].columns
    return batches


def _batch(
    scope: Scope,
    source: Source,
    chunks: tuple[SourceChunk, ...],
    entries: list[Entry],
    before: tuple[str, ...],
) -> Batch:
    """The portions with their columns, after every expression of the mapping was understood over them."""
    columns = records.columns_of(scope.spark, source, chunks[0], scope.config.secret)
    if columns:
        drift.refuse(source, drift.compared(source, before, columns, file=chunks[0].path))
    absent = (
        tuple(name for name in before if name not in columns)
        if columns and source.drift.missing == "null"
        else ()
    )
    _understand(scope, source, (*columns, *absent))
    name = _name(source, chunks)
    planned = any(entry.batch == name for entry in entries)
    return Batch(
        source,
        chunks,
        columns,
        absent,
        before,
        ledger.replaced(source, chunks, entries, batch=name),
        planned,
    )


def _name(source: Source, chunks: Sequence[SourceChunk]) -> str:
    return digest(
        source.name,
        [
            (chunk.path, chunk.content_hash, *([chunk.position] if chunk.position else []))
            for chunk in chunks
        ],
    )[:16]


def _understand(scope: Scope, source: Source, columns: tuple[str, ...]) -> None:
    names = columns or source.columns_used(
        tuple(name for expression in source.columns.values() for name in expression.names)
    )
    empty = scope.spark.createDataFrame([], ", ".join(f"{sql.name(name)} string" for name in names))
    for name, expression in source.columns.items():
        try:
            # Beside the record's own columns nothing but a value of each record is understood: no sum over all of them.
            empty.select("*", F.expr(expression.try_sql).alias("_value")).schema  # noqa: B018
        except (AnalysisException, ParseException) as error:
            reason = first_line(error)
            raise SourceError(
                f"mapping {source.name}: {name}: {expression.sql}",
                found=f"{reason} The source has: {', '.join(names)}",
                fix="name a column that it has",
            ) from error


def _file_stats(scope: Scope, batch: Batch) -> Surveyed:
    source = batch.source
    found = records.read(scope.spark, source, batch.chunks, batch.columns, scope.config.secret)
    if not source.of_files:
        found = scope.persist(found)  # a table may answer otherwise the second time
    file_stats = records.file_stats(found, source, batch.chunks)
    records.refuse_unreadable(source, file_stats)
    stated = {batch.chunks[0].path: batch.columns} if batch.columns else file_stats.names
    changes = [
        change
        for path, names in stated.items()
        for change in drift.compared(source, batch.before, names, file=path)
    ]
    drift.refuse(source, tuple(changes))
    for words in dict.fromkeys(change.words for change in changes):
        scope.note(f"{source.name}: {words}")
    return Surveyed(batch, found, file_stats, tuple(changes))


def _consenting(scope: Scope, chosen: list[Source]) -> dict[str, DataFrame]:
    """Those who consent to collection, by namespace, looked up once for all sources that ask."""
    asking = {source.namespace: source for source in chosen if needs_consent(source)}
    found = {namespace: allowed(scope, source) for namespace, source in asking.items()}
    return {
        namespace: scope.persist(people)
        for namespace, people in found.items()
        if people is not None
    }


def _take(scope: Scope, item: Surveyed, people: DataFrame | None) -> None:
    batch = item.batch
    asked = people if needs_consent(batch.source) else None
    if batch.source.format == "binary":
        run_concurrently(
            [
                partial(files.copy, chunk.path, scope.file(chunk.content_hash))
                for chunk in batch.chunks
            ]
        )
    columns = (*batch.columns, *batch.absent)
    write_bronze(
        scope,
        batch.source,
        records.numbered(item.records, item.found),
        batch=batch.name,
        columns=columns,
        people=asked,
    )
    for entry in batch.replaces:
        where = f"{sql.among('_batch', [entry.batch])} AND {sql.among('_file', [entry.chunk.path])} AND {sql.among('_source', [batch.source.name])}"
        scope.delete(BRONZE[batch.source.kind.name], where=where)
    scope.say(
        f"{batch.source.name}: {item.found.all_records:,} records from {len(batch.chunks)} {'files' if batch.source.of_files else 'ranges'}"
    )


def _enter(scope: Scope, surveyed: list[Surveyed], state: str) -> None:
    """Put down a step of each portion's life; of those they replace, too."""
    rows = []
    for item in surveyed:
        batch = item.batch
        rows += ledger_rows(
            batch.source,
            batch.chunks,
            batch=batch.name,
            columns=batch.columns,
            state=state,
            found=item.found,
            changes=item.changes,
        )
        for entry in batch.replaces if state == "taken" else ():
            rows += ledger_rows(
                batch.source,
                (entry.chunk,),
                batch=entry.batch,
                columns=entry.columns,
                state="replaced",
                found=item.found,
            )
    if rows:
        scope.append(FILES, rows_as_frame(scope.spark, FILES, rows))


JOB = Job(
    name="ingest",
    summary=__doc__,
    reads=(),
    reads_earlier=(FILES, SUPPRESSED),
    writes=(*TABLES, FILES, PERSONAL_DATA, KEYS),
    purpose="collection",
    settings=(PrivacySettings,),
    run=run,
)
