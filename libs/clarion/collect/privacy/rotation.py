"""From an old key to the one in use: values sealed again, and old tokens replaced everywhere."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import seal, token_of, unseal
from clarion.kernel.errors import SecretError

_SCHEMA = pa.schema(
    {
        "old_token": pa.string(),
        "token": pa.string(),
        "field": pa.string(),
        "key_id": pa.string(),
        "sealed": pa.binary(),
    }
)
_DDL = "old_token string, token string, field string, key_id string, sealed binary"


def require_opening_key(sealed: bytes, *, token: str, key: Key) -> None:
    """Stop where a key does not open what was sealed under its name.

    Args:
        sealed: a sealed value.
        token: its token.
        key: the configured key of that name.

    Raises:
        SecretError: it is another key.
    """
    try:
        unseal(sealed, token=token, key=key)
    except InvalidTag as error:
        raise SecretError(
            f"the key '{key.key_id}' does not open what was sealed under that name",
            found="another key",
            fix="refer to the key with which it was sealed; nothing was changed",
        ) from error


def reseal_values(values: DataFrame, *, old: Mapping[str, Key], new: Key) -> DataFrame:
    """The values, sealed again with a new key.

    Args:
        values: PERSONAL_DATA rows under old keys.
        old: these keys, by their names.
        new: the key in use.

    Returns:
        PERSONAL_DATA rows under the new key, with old_token.
    """

    def reseal(row: Mapping[str, Any]) -> dict[str, Any]:
        value = unseal(row["sealed"], token=row["token"], key=old[row["key_id"]])
        token = token_of(value, field=row["field"], key=new)
        return {
            "old_token": row["token"],
            "token": token,
            "field": row["field"],
            "key_id": new.key_id,
            "sealed": seal(value, token=token, key=new),
        }

    def reseal_batches(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            rows = [reseal(row) for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)

    return values.select("token", "field", "key_id", "sealed").mapInArrow(reseal_batches, _DDL)


def _is_token_of(value: Column, key_ids: tuple[str, ...]) -> Column:
    """Whether a text is a token of one of these keys."""
    pattern = rf"^({'|'.join(key_ids)})[.][0-9a-f]{{40}}$"
    return F.coalesce(F.regexp_like(value, F.lit(pattern)), F.lit(False))


def replace_tokens(
    rows: DataFrame, tokens: DataFrame, *, columns: tuple[str, ...], key_ids: tuple[str, ...]
) -> DataFrame:
    """The rows that hold a token of an old key, with the new tokens.

    Args:
        rows: any rows.
        tokens: old_token, token.
        columns: columns that may hold a token.
        key_ids: names of the old keys.
    """
    has_old_token = F.lit(False)
    for name in columns:
        has_old_token = has_old_token | _is_token_of(F.col(name), key_ids)
    replaced = rows.where(has_old_token)
    for name in columns:
        pairs = tokens.select(F.col("old_token").alias(name), F.col("token").alias("_new"))
        joined = replaced.join(pairs, name, "left")
        replaced = joined.withColumn(name, F.coalesce("_new", name)).drop("_new")
    return replaced.select(*rows.columns)


def replace_record_tokens(
    records: DataFrame, tokens: DataFrame, *, record_key: tuple[str, ...], key_ids: tuple[str, ...]
) -> DataFrame:
    """The records that hold a token of an old key anywhere, with the new tokens.

    Args:
        records: BRONZE records with raw (a map).
        tokens: old_token, token.
        record_key: columns that identify a record.
        key_ids: names of the old keys.
    """
    is_old = F.exists(F.map_values("raw"), lambda value: _is_token_of(value, key_ids))
    old_records = records.where(is_old)
    entries = old_records.select(
        *record_key, F.posexplode(F.map_entries("raw")).alias("position", "entry")
    )
    new_entry = F.struct(
        "position",
        F.col("entry.key").alias("key"),
        F.coalesce("token", F.col("entry.value")).alias("value"),
    )
    by_record = (
        entries.join(tokens, F.col("entry.value") == F.col("old_token"), "left")
        .groupBy(*record_key)
        .agg(F.sort_array(F.collect_list(new_entry)).alias("entries"))
    )
    raw = F.map_from_entries(
        F.transform("entries", lambda item: F.struct(item["key"], item["value"]))
    )
    new_raw = by_record.select(*record_key, raw.alias("raw"))
    return old_records.drop("raw").join(new_raw, list(record_key)).select(*records.columns)
