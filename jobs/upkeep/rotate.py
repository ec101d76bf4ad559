"""Seal personal values anew with the key in use, and give every layer their new tokens; no surrogate changes."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key, PrivacySettings, refuse_other
from clarion.collect.privacy.rotation import at_hand, opens, renewed, renewed_records, resealed
from clarion.collect.sources.records import fingerprint
from clarion.contracts import Table
from clarion.contracts.bronze import TABLES
from clarion.contracts.silver import CUSTOMERS
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.kernel import sql
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.intake import sealing_key

PERSONAL = tuple(column.name for column in CUSTOMERS.columns if column.personal)


def run(scope: Scope) -> None:
    """Every step can be repeated: what stands under the new key is not touched again, and old values go last."""
    current = sealing_key(scope)
    old = _old_keys(scope, current)
    if not old:
        scope.note(f"everything is sealed with {current.key_id}")
        return
    theirs = sql.among("key_id", old)
    values = scope.persist(resealed(scope.raw(PERSONAL_DATA).where(theirs), old=old, new=current))
    scope.merge(PERSONAL_DATA, values.drop("old_token"), update=False)
    tokens, names = values.select("old_token", "token"), tuple(old)
    changed = {
        table.name: _renew_bronze(scope, table, tokens, names)
        for table in TABLES
        if scope.exists(table)
    }
    if scope.exists(CUSTOMERS):
        changed[CUSTOMERS.name] = scope.merge(
            CUSTOMERS, renewed(scope.raw(CUSTOMERS), tokens, columns=PERSONAL, keys=names)
        )
    now = datetime.now(UTC)
    entries = [
        {"key_id": key_id, "check": key.check, "retired": True, "_entered_at": now}
        for key_id, key in old.items()
    ]
    scope.merge(KEYS, rows_as_frame(scope.spark, KEYS, entries))
    # Last: as long as an old value is there, a run that was broken off is taken up again.
    scope.delete(PERSONAL_DATA, where=theirs)
    scope.note(
        f"{values.count():,} values are sealed with {current.key_id}; "
        + ", ".join(f"{name}: {rows:,} rows" for name, rows in changed.items() if rows)
    )
    if kept := scope.raw(SUPPRESSED).where(theirs).count():
        scope.note(
            f"{kept:,} names of people who were erased are recognised by {', '.join(old)}: keep that under privacy.retired"
        )


def _old_keys(scope: Scope, current: Key) -> dict[str, Key]:
    """Keys by which values are sealed still, after a look whether those at hand are they.

    Raises:
        SecretError: one of them is not at hand, or is another key of that name; nothing was changed.
    """
    used = sorted(
        row["key_id"] for row in scope.raw(PERSONAL_DATA).select("key_id").distinct().collect()
    )
    known = scope.settings(PrivacySettings).known(scope.config.secret)
    checks = {row["key_id"]: row["check"] for row in scope.raw(KEYS).collect()}
    old = {key_id: at_hand(known, key_id) for key_id in used if key_id != current.key_id}
    for key_id, key in old.items():
        refuse_other(key, checks)
        for one in scope.raw(PERSONAL_DATA).where(sql.among("key_id", [key_id])).limit(1).collect():
            opens(bytes(one["sealed"]), token=one["token"], key=key)
    return old


def _renew_bronze(scope: Scope, table: Table, tokens: DataFrame, names: tuple[str, ...]) -> int:
    records = renewed_records(scope.raw(table), tokens, place=table.key, keys=names)
    # Equal records have equal fingerprints under the new key, too: those that come tomorrow are held against these.
    return scope.merge(table, records.withColumn("_hash", fingerprint(F.col("raw"))))


JOB = Job(
    name="rotate",
    summary=__doc__,
    reads=(),
    reads_earlier=(*TABLES, CUSTOMERS, PERSONAL_DATA, KEYS, SUPPRESSED),
    writes=(*TABLES, CUSTOMERS, PERSONAL_DATA, KEYS),
    purpose="collection",
    settings=(PrivacySettings,),
    part="upkeep",
    apart_from=("ingest", "monitor", "clean", "resolve"),
    run=run,
)
