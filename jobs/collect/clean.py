"""Turn bronze records into silver facts; what is not accepted is quarantined with every reason."""

from collections.abc import Iterable
from functools import partial, reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning import missing
from clarion.collect.cleaning import transforms as cleaning
from clarion.collect.identity.resolve import new_identities
from clarion.collect.sources import drift
from clarion.collect.sources.drift import Change
from clarion.collect.sources.mapping import Fill, Fit
from clarion.contracts.bronze import BRONZE, TABLES
from clarion.contracts.ops import BATCHES, FILES, FITS, QUALITY, REPLAYS
from clarion.contracts.silver import CONSENTS, FACTS, IDENTITIES, PRODUCTS, QUARANTINE, REFERENCES
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel import sql
from clarion.kernel.errors import QualityError
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.batches import (
    Task,
    enter_batches,
    enter_quality,
    enter_replays,
    pending,
    rules_of,
)

ACCEPTED = "NOT _duplicate AND size(_reasons) = 0"
REFUSED = "NOT _duplicate AND size(_reasons) > 0"
_FEW = 500_000  # records whose names, some 20 MB, are sent to every task


def run(scope: Scope) -> None:
    tasks = pending(scope)
    if not tasks:
        scope.note("every batch is clean under its mapping")
        return
    batches = sorted({batch for task in tasks for batch in task.batches})
    mine = sql.among("_batch", batches)
    of_products = [
        (task, _kept(scope, task, None)) for task in tasks if task.source.kind.name == "products"
    ]
    products = _known_products(scope, [frame for _, frame in of_products], mine)
    others = [task for task in tasks if task.source.kind.name != "products"]
    judged = of_products + list(
        zip(
            others,
            run_concurrently([partial(_kept, scope, task, products) for task in others]),
            strict=True,
        )
    )
    counts = _counts(scope, judged)
    _refuse_retyped(scope, judged, counts)
    refused = _union(
        cleaning.quarantine(frame.where(REFUSED), kind=task.source.kind) for task, frame in judged
    )
    enter_replays(scope, tasks, refused)
    quarantining = partial(scope.replace, QUARANTINE, refused, where=mine)
    written, quarantined = run_concurrently(
        [partial(_write_facts, scope, judged, mine), quarantining]
    )
    _reconcile(counts, written, quarantined)
    run_concurrently(
        [
            partial(enter_quality, scope, tasks, counts, mine),
            partial(enter_batches, scope, tasks, counts),
        ]
    )


def _known_products(scope: Scope, arriving: list[DataFrame], mine: str) -> DataFrame | None:
    """Products the shop knows, those that arrive now included; None where it has no list."""
    known = [
        frame.where(ACCEPTED).select(F.col("product_ref").alias("product_id")) for frame in arriving
    ]
    if scope.exists(PRODUCTS):
        known.append(scope.own(PRODUCTS).where(f"NOT {mine}").select("product_id"))
    return scope.persist(_union(known).distinct()) if known else None


def _kept(scope: Scope, task: Task, products: DataFrame | None) -> DataFrame:
    return scope.persist(_judged(scope, task, products))


def _judged(scope: Scope, task: Task, products: DataFrame | None) -> DataFrame:
    source = task.source
    records = scope.raw(BRONZE[source.kind.name]).where(F.col("_source") == source.name)
    now = F.col("_batch").isin(list(task.batches))
    if source.duplicates == "keep":
        marked = records.where(now).withColumn("_duplicate", F.lit(False))
    else:
        before = records.where(F.col("_batch").isin(list(task.earlier))) if task.earlier else None
        key = None if source.duplicates == "drop" else source.duplicates
        by_person = any(name in source.kind.people for name in source.kind.key)
        marked = cleaning.marked_duplicates(
            records.where(now),
            before,
            key=key,
            within_days=source.duplicate_days,
            named_by_person=by_person,
            few=task.records <= _FEW,
        )
    how = parse_spec(source)
    rows = cleaning.canonical(marked, how)
    of_kind = rules(scope.config)[source.kind.name]
    judge = partial(
        cleaning.judged,
        parse_spec=how,
        rules=of_kind,
        policies=source.rules,
        required=source.required,
        products=products,
    )
    values = {
        name: F.lit(policy.fill)
        for name, policy in source.missing.items()
        if isinstance(policy, Fill)
    }
    learned = {name: policy for name, policy in source.missing.items() if isinstance(policy, Fit)}
    if learned:
        plain = judge(cleaning.filled(rows, values, how)).where(ACCEPTED)
        values |= {
            name: _learned(scope, task, plain, name, policy) for name, policy in learned.items()
        }
    return judge(cleaning.filled(rows, values, how)).drop("_hash", "_malformed", "_person_removed")


def _learned(scope: Scope, task: Task, accepted: DataFrame, column: str, policy: Fit) -> Column:
    """What stands in for a column's missing values, learned from rows accepted before the as-of day, these batches' included."""
    kind = task.source.kind
    names = [column, *policy.by]
    silver = {name: REFERENCES.get(name, name) for name in names}
    table = FACTS[kind.silver]
    day = F.to_utc_timestamp(F.lit(str(scope.as_of)), scope.time_zone)
    earlier = (
        scope.own(table)
        .where(F.col("_source") == task.source.name)
        .where(~F.col("_batch").isin(list(task.batches)))
    )
    mine = accepted.where(F.col(kind.time) < day).select(*names)
    before = earlier.where(
        (F.col(kind.time) < day)
        & ~F.array_contains(F.coalesce("filled_columns", F.array()), column)
    )
    known = mine.unionByName(before.select(*(F.col(silver[name]).alias(name) for name in names)))
    entries = missing.learned(known, column=column, statistic=policy.fit, by=policy.by)
    kept = [
        {
            "_batch": batch, "_source": task.source.name, "column": column, "statistic": entry.statistic, "group": list(entry.group),
            "value": entry.value, "rows": entry.rows,
        }
        for batch in task.batches for entry in entries
    ]  # fmt: skip
    of_these = f"{sql.among('_batch', task.batches)} AND {sql.among('_source', [task.source.name])} AND {sql.among('column', [column])}"
    scope.replace(FITS, rows_as_frame(scope.spark, FITS, kept), where=of_these)
    return missing.stand_in(entries, by=policy.by, type_=str(dict(accepted.dtypes)[column]))


def _counts(scope: Scope, judged: list[tuple[Task, DataFrame]]) -> list[dict[str, object]]:
    """Rows per source and batch by their fate; one pass, which also computes the frames that are kept."""

    def per_batch(task: Task, frame: DataFrame) -> DataFrame:
        fills = [
            sql.text(name)
            for name, policy in task.source.missing.items()
            if isinstance(policy, Fill | Fit)
        ]
        uses = ", ".join(
            f"{name}, count_if({ACCEPTED} AND array_contains(_filled, {name}))" for name in fills
        )
        warning = [
            sql.text(rule.name)
            for rule in rules_of(scope, task)
            if rule.warns(task.source.rules.get(rule.column))
        ]
        marks = ", ".join(
            f"{name}, count_if({ACCEPTED} AND array_contains(_warnings, {name}))"
            for name in dict.fromkeys(warning)
        )
        sums = {
            "rows_in": "count(*)",
            "accepted": f"count_if({ACCEPTED})",
            "quarantined": f"count_if({REFUSED})",
            "duplicates": "count_if(_duplicate)",
            "unreadable": f"count_if({REFUSED} AND array_contains(_reasons.rule, 'unreadable'))",
            "warned": f"count_if({ACCEPTED} AND size(_warnings) > 0)",
            "filled_values": f"CAST(map({uses}) AS map<string,bigint>)",
            "warnings": f"CAST(map({marks}) AS map<string,bigint>)",
        }
        return frame.groupBy("_source", "_batch").agg(
            *(F.expr(value).alias(name) for name, value in sums.items())
        )

    counted = [
        row.asDict() for row in _union(per_batch(task, frame) for task, frame in judged).collect()
    ]
    seen = {row["_batch"] for row in counted}
    none = dict.fromkeys(
        ("rows_in", "accepted", "quarantined", "duplicates", "warned", "unreadable"), 0
    )
    # A file may hold no record at all: its batch is clean, too.
    empty = [
        {"_source": task.source.name, "_batch": batch, **none, "filled_values": {}, "warnings": {}}
        for task, _ in judged
        for batch in task.batches
        if batch not in seen
    ]
    return counted + empty


_SOME = 5  # fewer values say nothing about a column's type


def _refuse_retyped(
    scope: Scope, judged: list[tuple[Task, DataFrame]], counts: list[dict[str, Any]]
) -> None:
    """Stop before any fact is written where a file has columns of which not one value can be read as its mapping reads them.

    Raises:
        SourceError: the mapping does not let that pass.
    """
    smallest = {
        (task.source.name, batch): records
        for task, _ in judged
        for batch, records in task.smallest.items()
    }
    # A column that a tenth of a file's records fill makes so many of them unreadable; fewer are single bad values.
    suspects = {
        (row["_source"], row["_batch"])
        for row in counts
        if row["unreadable"] >= max(_SOME, smallest[row["_source"], row["_batch"]] / 10)
    }
    for task, frame in judged:
        batches = [batch for batch in task.batches if (task.source.name, batch) in suspects]
        if not batches:
            continue
        mine = frame.where(F.col("_batch").isin(batches))
        unread = (
            mine.where(REFUSED)
            .select("_file", F.inline("_reasons"))
            .where("rule = 'unreadable'")
            .groupBy("_file", "column")
            .count()
            .collect()
        )
        columns = sorted({row["column"] for row in unread})
        read = (
            mine.where("NOT _duplicate")
            .groupBy("_file")
            .agg(*(F.count(name).alias(name) for name in columns))
            .collect()
        )
        known = {(row["_file"], name) for row in read for name in columns if row[name]}
        changes = [
            Change("retyped", row["column"], row["_file"])
            for row in unread
            if row["count"] >= _SOME and (row["_file"], row["column"]) not in known
        ]
        for change in changes:
            scope.note(f"{task.source.name}: {change.words}")
        drift.refuse(task.source, tuple(changes))


def _first_facts(scope: Scope, judged: list[tuple[Task, DataFrame]]) -> dict[str, DataFrame]:
    """By source, when each customer was first seen in each file; identities and consents both start from it."""
    with_people = [
        (task, frame)
        for task, frame in judged
        if task.source.kind.column("customer_ref") is not None
    ]
    return {
        task.source.name: scope.persist(
            cleaning.first_facts(frame.where(ACCEPTED), kind=task.source.kind)
        )
        for task, frame in with_people
    }


def _enter_identities(
    scope: Scope, judged: list[tuple[Task, DataFrame]], first: dict[str, DataFrame]
) -> None:
    frames = []
    for task, frame in judged:
        kind = task.source.kind
        seen = (
            [
                first[task.source.name].select(
                    F.col("customer_ref").alias("ref"), F.col("at").alias("seen_at")
                )
            ]
            if task.source.name in first
            else []
        )
        for ref in ("from_ref", "to_ref"):
            if kind.column(ref) is not None:
                seen.append(
                    frame.where(ACCEPTED).select(
                        F.col(ref).alias("ref"), F.col(kind.time).alias("seen_at")
                    )
                )
        frames += [new_identities(names, namespace=task.source.namespace) for names in seen]
    if frames:
        entered = (
            _union(frames)
            .groupBy("namespace", "ref")
            .agg(
                F.first("customer_id").alias("customer_id"),
                F.min("first_seen_at").alias("first_seen_at"),
            )
        )
        scope.merge(IDENTITIES, entered, update=False)


def _write_facts(scope: Scope, judged: list[tuple[Task, DataFrame]], mine: str) -> int:
    """Enter new names, then write each silver table once; returns the rows that stand for accepted records."""
    first = _first_facts(scope, judged)
    _enter_identities(scope, judged, first)
    identities = scope.raw(IDENTITIES)
    by_table: dict[str, list[DataFrame]] = {}
    declared = []
    for task, frame in judged:
        source, accepted = task.source, frame.where(ACCEPTED)
        names = identities.where(F.col("namespace") == source.namespace)
        table = FACTS[source.kind.silver]
        by_table.setdefault(table.short_name, []).append(
            cleaning.facts(accepted, names, kind=source.kind, columns=table.column_names)
        )
        if (
            source.name in first
            and source.consent is not None
            and source.consent.basis == "declared"
            and source.consent.purposes
        ):
            purposes = tuple(source.consent.purposes)
            declared.append(
                cleaning.declared_consents(
                    first[source.name], names, purposes=purposes, columns=CONSENTS.column_names
                )
            )
    writes = [
        partial(scope.replace, FACTS[name], _union(frames), where=mine)
        for name, frames in by_table.items()
        if name != "consents"
    ]
    written = sum(run_concurrently(writes))
    recorded = by_table.get("consents", [])
    if declared or recorded:
        stated = scope.replace(
            CONSENTS, _union([*recorded, *_news(scope, declared, mine)]), where=mine
        )
        written += stated if not declared else sum(frame.count() for frame in recorded)
    return written


def _news(scope: Scope, declared: list[DataFrame], mine: str) -> list[DataFrame]:
    """Declared consents that earlier batches have not stated; one a customer and purpose."""
    if not declared:
        return []
    first = (
        _union(declared)
        .groupBy("customer_id", "purpose")
        .agg(F.min_by(F.struct("*"), F.struct("at", "_batch", "record_id")).alias("row"))
        .select("row.*")
    )
    before = scope.own(CONSENTS).where(f"NOT {mine}").select("customer_id", "purpose")
    return [
        first.join(before, ["customer_id", "purpose"], "left_anti").select(*CONSENTS.column_names)
    ]


def _reconcile(counts: list[dict[str, object]], written: int, quarantined: int) -> None:
    """Rows in = accepted + quarantined + duplicates, held against what was really written."""
    total = {
        name: sum(int(str(row[name])) for row in counts)
        for name in ("rows_in", "accepted", "quarantined", "duplicates")
    }
    if total["rows_in"] != written + quarantined + total["duplicates"]:
        raise QualityError(
            "rows do not reconcile",
            found=f"{total['rows_in']} in, {written} accepted, {quarantined} quarantined, {total['duplicates']} duplicates",
            fix="a defect: please report it with the mapping",
        )


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)


JOB = Job(
    name="clean",
    summary=__doc__,
    reads=(*TABLES, FILES),
    reads_earlier=(BATCHES, QUALITY, IDENTITIES),
    writes=(*FACTS.values(), QUARANTINE, IDENTITIES, BATCHES, QUALITY, REPLAYS, FITS),
    purpose="collection",
    run=run,
)
