"""Take the shop's files into bronze, each once, with persons protected on the way in."""

from dataclasses import dataclass
from functools import partial

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.bronze import TABLES
from clarion.contracts.ops import FILES
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel import sql
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest
from clarion.kernel.parallel import together
from clarion.ops.intake import allowed, enter, ledger_rows, needs_consent
from clarion.ops.job import Job, Params, previous
from clarion.ops.scope import Scope, rows_as_frame
from clarion.ops.shop import sources
from clarion.privacy.keys import PrivacySettings
from clarion.sources import files, records
from clarion.sources.files import SourceFile
from clarion.sources.mapping import Source


@dataclass(frozen=True, slots=True)
class Batch:
    """Files of one source that are taken together."""

    source: Source
    files: tuple[SourceFile, ...]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Equal for the same files through the same source, so that a repeat replaces what a dead run left."""
        return digest(self.source.name, [(file.path, file.content_hash) for file in self.files])[:16]


def run(scope: Scope, params: Params) -> None:
    ledger = [row.asDict() for row in scope.read(FILES).select("_source", "_file", "bytes", "content_hash", "_batch", "state").collect()]
    batches = [batch for source in sources(scope.config) if source.mode == "batch" for batch in _batches(scope, source, ledger)]
    if not batches:
        scope.note("no new files")
        return
    # Nothing is written before every file was looked at.
    surveyed = list(zip(batches, together([partial(_survey, scope, batch) for batch in batches]), strict=True))
    _enter(scope, batches, "planned")
    # Consents first: the other kinds are held against them.
    for consents in (True, False):
        chosen = [item for item in surveyed if (item[0].source.kind.name == "consents") is consents]
        people = _consenting(scope, [batch.source for batch, _ in chosen])
        together([partial(_take, scope, batch, found, survey, people.get(batch.source.namespace)) for batch, (found, survey) in chosen])
    _enter(scope, batches, "taken")


def _batches(scope: Scope, source: Source, ledger: list[dict[str, object]]) -> list[Batch]:
    """What a dead run left planned, then what is new."""
    mine = [row for row in ledger if row["_source"] == source.name]
    taken = {row["content_hash"] for row in mine}
    known = {row["_file"]: row for row in mine}
    planned: dict[str, list[SourceFile]] = {}
    for row in mine:
        if row["state"] == "planned":
            file = files.examine(str(row["_file"]), source=source.name)
            if file.content_hash != row["content_hash"]:
                raise _changed(source, file.path)
            planned.setdefault(str(row["_batch"]), []).append(file)
    new = []
    for path, size in files.find(source.where, source=source.name):
        if path in known:
            if size != known[path]["bytes"]:
                raise _changed(source, path)
            continue
        file = files.examine(path, source=source.name)
        if file.content_hash in taken:
            scope.note(f"{source.name}: {path} holds what another file held; it is not taken again")
            continue
        taken.add(file.content_hash)
        new.append(file)
    groups = [*planned.values(), new]
    return [Batch(source, tuple(sorted(group, key=lambda file: file.path)), _columns(scope, source, group)) for group in groups if group]


def _changed(source: Source, path: str) -> SourceError:
    return SourceError(f"{source.name}: {path} was changed after it was taken", found="another length or content", fix="deliver the change as a new file")


def _columns(scope: Scope, source: Source, group: list[SourceFile]) -> tuple[str, ...]:
    """The files' columns, after every expression of the mapping was understood over them."""
    columns = records.columns_of(scope.spark, source, group[0].path)
    names = columns or source.columns_used(tuple(name for expression in source.columns.values() for name in expression.names))
    empty = scope.spark.createDataFrame([], ", ".join(f"`{name}` string" for name in names))
    for name, expression in source.columns.items():
        try:
            empty.select(F.expr(expression.soft)).schema  # noqa: B018
        except AnalysisException as error:
            reason = str(error).splitlines()[0]
            raise SourceError(
                f"mapping {source.name}: {name}: {expression.sql}",
                found=f"{reason} The files have: {', '.join(names)}",
                fix="name a column that the files have",
            ) from error
    return columns


def _survey(scope: Scope, batch: Batch) -> tuple[DataFrame, records.Survey]:
    found = records.read(scope.spark, batch.source, tuple(file.path for file in batch.files), batch.columns)
    survey = records.survey(found, batch.files)
    records.refuse_unreadable(batch.source, survey)
    return found, survey


def _consenting(scope: Scope, chosen: list[Source]) -> dict[str, DataFrame]:
    """Those who consent to collection, by namespace, looked up once for all sources that ask."""
    asking = {source.namespace: source for source in chosen if needs_consent(source)}
    found = {namespace: allowed(scope, source) for namespace, source in asking.items()}
    return {namespace: scope.keep(people) for namespace, people in found.items() if people is not None}


def _take(scope: Scope, batch: Batch, found: DataFrame, survey: records.Survey, people: DataFrame | None) -> None:
    asked = people if needs_consent(batch.source) else None
    enter(scope, batch.source, records.numbered(found, survey), batch=batch.name, columns=batch.columns, people=asked)
    scope.say(f"{batch.source.name}: {survey.records:,} records from {len(batch.files)} files")


def _enter(scope: Scope, batches: list[Batch], state: str) -> None:
    rows = [row for batch in batches for row in ledger_rows(batch.source, batch.files, batch=batch.name, columns=batch.columns, state=state)]
    names = [batch.name for batch in batches]
    scope.replace(FILES, rows_as_frame(scope.spark, FILES, rows), where=sql.among("_batch", names))


JOB = Job(
    name="ingest",
    summary=__doc__,
    reads=(previous(FILES),),
    writes=(*TABLES, FILES, PERSONAL_DATA),
    purpose="collection",
    settings=(PrivacySettings,),
    run=run,
)
