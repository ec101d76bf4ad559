"""The steps of `rotate`: which keys are old, and which rows get new tokens."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key, PrivacySettings, key_by_name, require_same_key
from clarion.collect.privacy.rotation import (
    replace_record_tokens,
    replace_tokens,
    require_opening_key,
)
from clarion.collect.sources.records import fingerprint
from clarion.contracts.bronze import TABLES
from clarion.contracts.silver import CUSTOMERS
from clarion.contracts.vault import KEYS, PERSONAL_DATA
from clarion.kernel import sql
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope

_PERSONAL_COLUMNS = tuple(column.name for column in CUSTOMERS.columns if column.personal)


def old_keys(scope: Scope, current: Key) -> dict[str, Key]:
    """Old keys under which values are still sealed, by their names, after a check of each.

    Args:
        scope: the run.
        current: the key in use.

    Raises:
        SecretError: one of them is not configured, or is another key of that name; nothing was
            changed.
    """
    vault = scope.raw(PERSONAL_DATA)
    key_ids = sorted(row["key_id"] for row in vault.select("key_id").distinct().collect())
    configured = scope.settings(PrivacySettings).all_keys(scope.config.secret)
    checks = {row["key_id"]: row["check"] for row in scope.raw(KEYS).collect()}
    old = {
        key_id: key_by_name(configured, key_id) for key_id in key_ids if key_id != current.key_id
    }
    for key_id, key in old.items():
        require_same_key(key, checks)
        for row in vault.where(sql.among("key_id", [key_id])).limit(1).collect():
            require_opening_key(bytes(row["sealed"]), token=row["token"], key=key)
    return old


def replace_all_tokens(scope: Scope, tokens: DataFrame, key_ids: tuple[str, ...]) -> dict[str, int]:
    """Replace old tokens in bronze and in CUSTOMERS; returns the changed rows by table.

    Args:
        scope: the run.
        tokens: old_token, token.
        key_ids: names of the old keys.
    """
    changed = {}
    for table in TABLES:
        if scope.exists(table):
            records = replace_record_tokens(
                scope.raw(table), tokens, record_key=table.key, key_ids=key_ids
            )
            # Equal records have equal fingerprints under the new key, too: later records are
            # compared with these.
            renewed = records.withColumn("_hash", fingerprint(F.col("raw")))
            changed[table.name] = scope.merge(table, renewed)
    if scope.exists(CUSTOMERS):
        customers = replace_tokens(
            scope.raw(CUSTOMERS), tokens, columns=_PERSONAL_COLUMNS, key_ids=key_ids
        )
        changed[CUSTOMERS.name] = scope.merge(CUSTOMERS, customers)
    return changed


def retire_keys(scope: Scope, keys: dict[str, Key]) -> None:
    """Mark keys as retired in KEYS."""
    now = datetime.now(UTC)
    rows = [
        {"key_id": key_id, "check": key.check, "retired": True, "_entered_at": now}
        for key_id, key in keys.items()
    ]
    scope.merge(KEYS, rows_as_frame(scope.spark, KEYS, rows))
