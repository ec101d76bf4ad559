"""The step of `clean` that writes accepted rows: identities, facts and declared consents."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.facts import declared_consents, first_facts, silver_facts
from clarion.collect.cleaning.order_states import SaleSettings
from clarion.collect.cleaning.order_versions import arrival_of_versions
from clarion.collect.identity.surrogates import new_identities
from clarion.contracts.silver import CONSENTS, FACTS, IDENTITIES
from clarion.lake.frames import union_all
from clarion.runtime.scope import Scope
from clarion.workflows.cleaning import CleanedRows
from clarion.workflows.cleaning_records import BatchCounts


def write_facts(
    scope: Scope, cleaned: list[CleanedRows], counts: list[BatchCounts], *, in_batches: str
) -> int:
    """Write identities and every silver table once; returns the rows of accepted records.

    Args:
        scope: the run.
        cleaned: rows of each source.
        counts: what became of the records.
        in_batches: condition, in SQL, that a row belongs to the cleaned batches.
    """
    first_by_source = {
        one.cleaning.source.name: scope.persist(
            first_facts(one.accepted, kind=one.cleaning.source.kind)
        )
        for one in cleaned
        if one.cleaning.source.kind.column("customer_ref") is not None
    }
    _merge_identities(scope, cleaned, first_by_source)
    identities = scope.raw(IDENTITIES)

    with_versions = {count.source for count in counts if count.redelivered}
    facts_by_table: dict[str, list[DataFrame]] = {}
    declared = []
    for one in cleaned:
        source = one.cleaning.source
        table = FACTS[source.kind.silver]
        own_identities = identities.where(F.col("namespace") == source.namespace)
        facts = silver_facts(
            one.accepted,
            own_identities,
            kind=source.kind,
            columns=table.column_names,
            # Without states, each line counts, and no line is compared with another.
            sale_settings=scope.settings(SaleSettings) if "status" in source.columns else None,
            arrivals=_arrivals(scope, one) if source.name in with_versions else None,
        )
        facts_by_table.setdefault(table.short_name, []).append(facts)
        consent = source.consent
        is_declared = consent is not None and consent.basis == "declared" and consent.purposes
        if consent is not None and is_declared and source.name in first_by_source:
            consents = declared_consents(
                first_by_source[source.name],
                own_identities,
                purposes=tuple(consent.purposes),
                columns=CONSENTS.column_names,
            )
            declared.append(consents)

    recorded = facts_by_table.pop("consents", [])
    writes = [
        partial(scope.replace, FACTS[name], union_all(frames), where=in_batches)
        for name, frames in facts_by_table.items()
    ]
    rows_written = sum(scope.run_concurrently(writes))
    return rows_written + _write_consents(scope, recorded, declared, in_batches=in_batches)


def _arrivals(scope: Scope, cleaned: CleanedRows) -> DataFrame | None:
    """When the source's deliveries had arrived; None where it states that of each record."""
    source = cleaned.cleaning.source
    if "arrived_at" in source.columns:
        return None
    newest = cleaned.rows.groupBy("_batch", "_file").agg(F.max(source.kind.time).alias("at"))
    return arrival_of_versions(newest, cleaned.cleaning.taken_for, scope.time_zone)


def _merge_identities(
    scope: Scope, cleaned: list[CleanedRows], first_by_source: dict[str, DataFrame]
) -> None:
    """Give every new name of a customer its surrogate in IDENTITIES."""
    identities = []
    for one in cleaned:
        source = one.cleaning.source
        names = []
        if source.name in first_by_source:
            first = first_by_source[source.name]
            names.append(
                first.select(F.col("customer_ref").alias("ref"), F.col("at").alias("seen_at"))
            )
        for column in ("from_ref", "to_ref"):
            if source.kind.column(column) is not None:
                seen_at = F.col(source.kind.time).alias("seen_at")
                names.append(one.accepted.select(F.col(column).alias("ref"), seen_at))
        identities += [new_identities(frame, namespace=source.namespace) for frame in names]
    if identities:
        distinct = (
            union_all(identities)
            .groupBy("namespace", "ref")
            .agg(
                F.first("customer_id").alias("customer_id"),
                F.min("first_seen_at").alias("first_seen_at"),
            )
        )
        scope.merge(IDENTITIES, distinct, update=False)


def _write_consents(
    scope: Scope, recorded: list[DataFrame], declared: list[DataFrame], *, in_batches: str
) -> int:
    """Write recorded and declared consents; returns the recorded ones, which were records."""
    if not declared and not recorded:
        return 0
    new = _new_declared_consents(scope, declared, in_batches=in_batches)
    rows = scope.replace(CONSENTS, union_all([*recorded, *new]), where=in_batches)
    return rows if not declared else sum(frame.count() for frame in recorded)


def _new_declared_consents(
    scope: Scope, declared: list[DataFrame], *, in_batches: str
) -> list[DataFrame]:
    """Declared consents that no other batch has: the first of each customer and purpose.

    One that is older than that of another batch is new: it counts for the days in between.
    """
    if not declared:
        return []
    first = (
        union_all(declared)
        .groupBy("customer_id", "purpose")
        .agg(F.min_by(F.struct("*"), F.struct("at", "_batch", "record_id")).alias("row"))
        .select("row.*")
    )
    of_other_batches = (
        scope.own(CONSENTS)
        .where(f"basis = 'declared' AND NOT {in_batches}")
        .groupBy("customer_id", "purpose")
        .agg(F.min("at").alias("_declared_at"))
    )
    new = first.join(of_other_batches, ["customer_id", "purpose"], "left").where(
        "_declared_at IS NULL OR at < _declared_at"
    )
    return [new.select(*CONSENTS.column_names)]
