"""What ingest and monitor share: they write records to bronze with their persons protected."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import parse_records, without_faulty_ids
from clarion.collect.identity.consent import consenting_customers
from clarion.collect.privacy.keys import Key, PrivacySettings, require_same_key
from clarion.collect.privacy.persons import remove_persons
from clarion.collect.privacy.protect import protect_records
from clarion.collect.privacy.suppression import SuppressionList, make_suppression_list
from clarion.collect.privacy.tokens import sealed_values
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.drift import Change
from clarion.collect.sources.ledger import State
from clarion.collect.sources.manifests import DeclaredFiles
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.records import FileStats, fingerprint
from clarion.contracts.bronze import BRONZE
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import parse_spec, sources
from clarion.kernel import sql
from clarion.kernel.errors import SourceError
from clarion.lake.frames import rows_as_frame, union_all
from clarion.runtime.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeBatch:
    """Chunks of one source that enter bronze at once.

    Args:
        source: where they come from.
        name: the batch's name.
        chunks: files, or ranges of a table or topic.
        columns: their columns; empty where each record states its own.
        stats: what was counted in them.
        declared: what manifests say of files.
        absent: columns that earlier chunks had and that these lack.
        changes: columns that changed since the chunks before.
    """

    source: Source
    name: str
    chunks: tuple[SourceChunk, ...]
    columns: tuple[str, ...]
    stats: FileStats
    declared: DeclaredFiles
    absent: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Protection:
    """What persons in arriving records are protected with.

    Args:
        key: seals personal values; None where no source has any.
        suppression_list: who was erased and must not enter again; None for nobody.
    """

    key: Key | None
    suppression_list: SuppressionList | None


def protection_of(scope: Scope, sources_read: Iterable[Source]) -> Protection:
    """The protection of some sources, looked up once.

    Raises:
        SecretError: the key, or one that recognises an erased person, is missing or another one.
    """
    read = list(sources_read)
    return Protection(
        sealing_key(scope) if any(source.seals_values for source in read) else None,
        suppression_list(scope) if any(source.kind.people for source in read) else None,
    )


def write_bronze(
    scope: Scope,
    batch: IntakeBatch,
    numbered: DataFrame,
    protection: Protection,
    *,
    people: DataFrame | None = None,
) -> None:
    """Write one batch of records to bronze; a repeat replaces it.

    Args:
        scope: the run.
        batch: what the records belong to.
        numbered: raw, _malformed, _file, _file_hash, _row.
        protection: of the batch's source.
        people: names (ref) of those who consent to collection;
            None where the source does not ask for it.
    """
    source = batch.source
    columns = (*batch.columns, *batch.absent)
    safe = numbered.withColumn("_person_removed", F.lit(False))
    if source.seals_values:
        key = protection.key
        assert key is not None, "protection_of looks it up for such a source"
        safe, values = protect_records(safe, source, source_columns=columns, key=key)
        scope.merge(PERSONAL_DATA, sealed_values(values, key=key), update=False)
    erased = protection.suppression_list if source.kind.people else None
    if people is not None or erased is not None:
        safe = remove_persons(
            safe,
            source,
            source_columns=columns,
            consenting=people,
            suppression_list=erased,
        )
    rows = safe.select(
        "raw",
        "_malformed",
        fingerprint(F.col("raw")).alias("_hash"),
        "_person_removed",
        F.lit(source.name).alias("_source"),
        "_file",
        "_file_hash",
        "_row",
        F.lit(batch.name).alias("_batch"),
        F.lit(datetime.now(UTC)).alias("_ingested_at"),
    )
    scope.replace(BRONZE[source.kind.name], rows, where=sql.among("_batch", [batch.name]))


def sealing_key(scope: Scope) -> Key:
    """The key in use; it is the key that its name stands for.

    Raises:
        SecretError: the lake was sealed with another key of that name.
    """
    key = scope.settings(PrivacySettings).current_key(scope.config.secret)
    checks = {row["key_id"]: row["check"] for row in scope.own(KEYS).collect()}
    if key.key_id not in checks:
        row = {
            "key_id": key.key_id,
            "check": key.check,
            "retired": False,
            "_entered_at": datetime.now(UTC),
        }
        scope.merge(KEYS, rows_as_frame(scope.spark, KEYS, [row]), update=False)
    require_same_key(key, checks)
    return key


def suppression_list(scope: Scope) -> SuppressionList | None:
    """Who was erased and must not enter again; None for nobody.

    Raises:
        SecretError: a key that recognises someone is missing.
    """
    if not scope.exists(SUPPRESSED):
        return None
    rows = scope.raw(SUPPRESSED).select("token", "key_id").collect()
    return make_suppression_list(
        {row["token"]: row["key_id"] for row in rows},
        scope.settings(PrivacySettings).all_keys(scope.config.secret),
    )


def ledger_rows(batch: IntakeBatch, *, state: State, as_of: date) -> list[dict[str, Any]]:
    """Rows of FILES for the chunks of one batch, taken by a run of an as-of day."""
    stats = batch.stats
    return [
        {
            "_source": batch.source.name,
            "_file": chunk.path,
            "bytes": chunk.bytes,
            "content_hash": chunk.content_hash,
            "_batch": batch.name,
            "state": state,
            "columns": list(batch.columns or stats.columns.get(chunk.path, ())),
            "_taken_at": datetime.now(UTC),
            "records": stats.records.get(chunk.path, 0),
            "declared": batch.declared.records_of(chunk.path),
            "modified_ns": chunk.modified_ns,
            "position": chunk.position,
            "as_of": as_of,
            "drift": [
                (change.change, change.column)
                for change in batch.changes
                if change.file == chunk.path
            ],
        }
        for chunk in batch.chunks
    ]


def needs_consent(source: Source) -> bool:
    """Whether people must have consented to collection for their records to keep their names."""
    return (
        source.consent is not None
        and source.consent.basis == "recorded"
        and source.kind.name != "consents"
    )


def consenting_people(scope: Scope, source: Source) -> DataFrame | None:
    """Names (ref) of the customers who consent to collection; None where the source does not ask.

    Every statement that has arrived counts.

    Raises:
        SourceError: the source asks, and no source holds consents.
    """
    if not needs_consent(source):
        return None
    statements = [
        other
        for other in sources(scope.config)
        if other.kind.name == "consents" and other.namespace == source.namespace
    ]
    if not statements:
        raise SourceError(
            f"{source.name} rests on recorded consent",
            found="no consents source in its mapping",
            fix="map the kind 'consents', or declare the basis",
        )
    records = scope.own(BRONZE["consents"])
    rows = union_all(
        _typed_statements(one, records).select(
            "customer_ref", "purpose", "channel", "granted", "at"
        )
        for one in statements
    )
    is_complete = "customer_ref IS NOT NULL AND granted IS NOT NULL"
    stated = rows.where(is_complete).withColumns(
        {"customer_id": F.col("customer_ref"), "basis": F.lit("recorded")}
    )
    return consenting_customers(stated, purpose="collection").select(
        F.col("customer_id").alias("ref")
    )


def _typed_statements(source: Source, records: DataFrame) -> DataFrame:
    """The statements of a consents source; null where an id is damaged."""
    spec = parse_spec(source)
    of_source = records.where(F.col("_source") == source.name)
    return without_faulty_ids(parse_records(of_source, spec), spec)
