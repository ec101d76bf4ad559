"""Turn bronze records into silver facts; what is not accepted is quarantined with every reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.cleaning import transforms as cleaning
from clarion.contracts.bronze import BRONZE, TABLES
from clarion.contracts.ops import BATCHES, FILES
from clarion.contracts.silver import CONSENTS, FACTS, IDENTITIES, PRODUCTS, QUARANTINE
from clarion.identity.resolve import new_identities
from clarion.kernel import sql
from clarion.kernel.errors import QualityError
from clarion.kernel.parallel import together
from clarion.ops.job import Job, Params, previous
from clarion.ops.scope import Scope, rows_as_frame
from clarion.ops.shop import reading, sources
from clarion.sources.mapping import Fill, Source

ACCEPTED = "NOT _duplicate AND size(_reasons) = 0"
REFUSED = "NOT _duplicate AND size(_reasons) > 0"


@dataclass(frozen=True, slots=True)
class Task:
    """The batches of one source that are to be cleaned."""

    source: Source
    batches: tuple[str, ...]
    earlier: tuple[str, ...]


def run(scope: Scope, params: Params) -> None:
    tasks = _pending(scope)
    if not tasks:
        scope.note("every batch is clean under its mapping")
        return
    batches = sorted({batch for task in tasks for batch in task.batches})
    mine = sql.among("_batch", batches)
    of_products = [(task, _kept(scope, task, None)) for task in tasks if task.source.kind.name == "products"]
    products = _known_products(scope, [frame for _, frame in of_products], mine)
    others = [task for task in tasks if task.source.kind.name != "products"]
    judged = of_products + list(zip(others, together([partial(_kept, scope, task, products) for task in others]), strict=True))
    counts = _counts(judged)
    refused = _union(cleaning.quarantine(frame.where(REFUSED), kind=task.source.kind) for task, frame in judged)
    quarantining = partial(scope.replace, QUARANTINE, refused, where=mine)
    written, quarantined = together([partial(_write_facts, scope, judged, mine), quarantining])
    _reconcile(counts, written, quarantined)
    _enter_batches(scope, tasks, counts)


def _pending(scope: Scope) -> list[Task]:
    """Batches in bronze that were not yet cleaned under their mapping as it is now."""
    taken = scope.read(FILES).where("state = 'taken'").select("_source", "_batch").distinct()
    found = {(row["_source"], row["_batch"]) for row in taken.collect()}
    done = {(row["_source"], row["_batch"], row["mapping_hash"]) for row in scope.read(BATCHES).collect()}
    tasks = []
    for source in sources(scope.config):
        batches = sorted(batch for name, batch in found if name == source.name and (name, batch, source.fingerprint) not in done)
        if batches:
            cleaned = {batch for name, batch, _ in done if name == source.name}
            tasks.append(Task(source, tuple(batches), tuple(sorted(cleaned.difference(batches)))))
    return tasks


def _known_products(scope: Scope, arriving: list[DataFrame], mine: str) -> DataFrame | None:
    """Products the shop knows, those that arrive now included; None where it has no list."""
    known = [frame.where(ACCEPTED).select(F.col("product_ref").alias("product_id")) for frame in arriving]
    if scope.lake.exists(PRODUCTS):
        known.append(scope.lake.read(PRODUCTS).where(f"NOT {mine}").select("product_id"))
    return scope.keep(_union(known).distinct()) if known else None


def _kept(scope: Scope, task: Task, products: DataFrame | None) -> DataFrame:
    return scope.keep(_judged(scope, task, products))


def _judged(scope: Scope, task: Task, products: DataFrame | None) -> DataFrame:
    source = task.source
    records = scope.read(BRONZE[source.kind.name]).where(F.col("_source") == source.name)
    now = F.col("_batch").isin(list(task.batches))
    if source.duplicates == "keep":
        marked = records.where(now).withColumn("_duplicate", F.lit(False))
    else:
        before = records.where(F.col("_batch").isin(list(task.earlier))) if task.earlier else None
        key = None if source.duplicates == "drop" else source.duplicates
        by_person = any(name in source.kind.people for name in source.kind.key)
        marked = cleaning.marked_duplicates(records.where(now), before, key=key, named_by_person=by_person)
    how = reading(source)
    rows = cleaning.canonical(marked, how)
    fills = {name: policy.fill for name, policy in source.missing.items() if isinstance(policy, Fill)}
    refused = [name for name, policy in source.missing.items() if policy == "refuse"]
    kept = [name for name, policy in source.missing.items() if policy == "keep" and name not in source.kind.required]
    required = tuple(name for name in dict.fromkeys((*source.kind.required, *refused)) if name not in kept)
    filled = cleaning.filled(rows, fills, how)
    return cleaning.judged(filled, how, policies=source.rules, required=required, products=products).drop("_hash", "_broken", "_stripped")


def _counts(judged: list[tuple[Task, DataFrame]]) -> list[dict[str, object]]:
    """Rows per source and batch by their fate; one pass, which also computes the frames that are kept."""

    def per_batch(task: Task, frame: DataFrame) -> DataFrame:
        fills = [sql.text(name) for name, policy in task.source.missing.items() if isinstance(policy, Fill)]
        uses = ", ".join(f"{name}, count_if({ACCEPTED} AND array_contains(_filled, {name}))" for name in fills)
        sums = {
            "rows_in": "count(*)",
            "accepted": f"count_if({ACCEPTED})",
            "quarantined": f"count_if({REFUSED})",
            "duplicates": "count_if(_duplicate)",
            "warned": f"count_if({ACCEPTED} AND size(_warnings) > 0)",
            "filled": f"CAST(map({uses}) AS map<string,bigint>)",
        }
        return frame.groupBy("_source", "_batch").agg(*(F.expr(value).alias(name) for name, value in sums.items()))

    counted = [row.asDict() for row in _union(per_batch(task, frame) for task, frame in judged).collect()]
    seen = {row["_batch"] for row in counted}
    none = dict.fromkeys(("rows_in", "accepted", "quarantined", "duplicates", "warned"), 0)
    # A file may hold no record at all: its batch is clean, too.
    empty = [{"_source": task.source.name, "_batch": batch, **none, "filled": {}} for task, _ in judged for batch in task.batches if batch not in seen]
    return counted + empty


def _enter_identities(scope: Scope, judged: list[tuple[Task, DataFrame]]) -> None:
    frames = []
    for task, frame in judged:
        kind = task.source.kind
        for ref in ("customer_ref", "from_ref", "to_ref"):
            if kind.column(ref) is not None:
                names = frame.where(ACCEPTED).select(F.col(ref).alias("ref"), F.col(kind.time).alias("seen_at"))
                frames.append(new_identities(names, namespace=task.source.namespace))
    if frames:
        entered = _union(frames).groupBy("namespace", "ref").agg(F.first("customer_id").alias("customer_id"), F.min("first_seen_at").alias("first_seen_at"))
        scope.merge(IDENTITIES, entered, update=False)


def _write_facts(scope: Scope, judged: list[tuple[Task, DataFrame]], mine: str) -> int:
    """Enter new names, then write each silver table once; returns the rows that stand for accepted records."""
    _enter_identities(scope, judged)
    identities = scope.read(IDENTITIES)
    by_table: dict[str, list[DataFrame]] = {}
    declared = []
    for task, frame in judged:
        source, accepted = task.source, frame.where(ACCEPTED)
        names = identities.where(F.col("namespace") == source.namespace)
        table = FACTS[source.kind.silver]
        by_table.setdefault(table.short_name, []).append(cleaning.facts(accepted, names, kind=source.kind, columns=table.column_names))
        if source.consent is not None and source.consent.basis == "declared" and source.consent.purposes and source.kind.column("customer_ref") is not None:
            purposes = tuple(source.consent.purposes)
            declared.append(cleaning.declared_consents(accepted, names, kind=source.kind, purposes=purposes, columns=CONSENTS.column_names))
    writes = [partial(scope.replace, FACTS[name], _union(frames), where=mine) for name, frames in by_table.items() if name != "consents"]
    written = sum(together(writes))
    recorded = by_table.get("consents", [])
    if declared or recorded:
        stated = scope.replace(CONSENTS, _union([*recorded, *_news(scope, declared, mine)]), where=mine)
        written += stated if not declared else sum(frame.count() for frame in recorded)
    return written


def _news(scope: Scope, declared: list[DataFrame], mine: str) -> list[DataFrame]:
    """Declared consents that earlier batches have not stated; one a customer and purpose."""
    if not declared:
        return []
    first = _union(declared).groupBy("customer_id", "purpose").agg(F.min_by(F.struct("*"), F.struct("at", "_batch", "record_id")).alias("row")).select("row.*")
    before = scope.lake.read(CONSENTS).where(f"NOT {mine}").select("customer_id", "purpose")
    return [first.join(before, ["customer_id", "purpose"], "left_anti").select(*CONSENTS.column_names)]


def _reconcile(counts: list[dict[str, object]], written: int, quarantined: int) -> None:
    """Rows in = accepted + quarantined + duplicates, held against what was really written."""
    total = {name: sum(int(str(row[name])) for row in counts) for name in ("rows_in", "accepted", "quarantined", "duplicates")}
    if total["rows_in"] != written + quarantined + total["duplicates"]:
        raise QualityError(
            "rows do not reconcile",
            found=f"{total['rows_in']} in, {written} accepted, {quarantined} quarantined, {total['duplicates']} duplicates",
            fix="a defect: please report it with the mapping",
        )


def _enter_batches(scope: Scope, tasks: list[Task], counts: list[dict[str, object]]) -> None:
    by_name = {task.source.name: task.source for task in tasks}
    rows = []
    for row in counts:
        source = by_name[str(row["_source"])]
        scope.note(
            f"{source.name}: {row['rows_in']:,} in = {row['accepted']:,} accepted + {row['quarantined']:,} quarantined + {row['duplicates']:,} duplicates"
        )
        extra = {"kind": source.kind.name, "mapping_hash": source.fingerprint, "_cleaned_at": datetime.now(UTC)}
        rows.append({**row, **extra, "filled": row["filled"] or {}})
    batches = sorted({str(row["_batch"]) for row in counts})
    scope.replace(BATCHES, rows_as_frame(scope.spark, BATCHES, rows), where=sql.among("_batch", batches))


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)


JOB = Job(
    name="clean",
    summary=__doc__,
    reads=(*TABLES, FILES, previous(BATCHES), previous(IDENTITIES)),
    writes=(*FACTS.values(), QUARANTINE, IDENTITIES, BATCHES),
    purpose="collection",
    run=run,
)
