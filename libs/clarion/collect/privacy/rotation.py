"""From an old key to the one in use: values sealed anew, and every old token with the one that takes its place."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import seal, token_of, unseal
from clarion.kernel.errors import SecretError

_SCHEMA = "old_token string, token string, field string, key_id string, sealed binary"


def at_hand(keys: Mapping[str, Key], key_id: str) -> Key:
    """A key by its name.

    Raises:
        SecretError: nothing refers to it.
    """
    if key_id not in keys:
        raise SecretError(
            f"values are sealed with the key '{key_id}', which is not at hand",
            found=f"keys at hand: {', '.join(keys)}",
            fix=f"name it under privacy.retired, such as {{{key_id}: file:PATH}}",
        )
    return keys[key_id]


def opens(sealed: bytes, *, token: str, key: Key) -> None:
    """Make sure that a key opens what was sealed under its name.

    Raises:
        SecretError: it is another key.
    """
    try:
        unseal(sealed, token=token, key=key)
    except InvalidTag as error:
        raise SecretError(
            f"the key '{key.key_id}' does not open what was sealed under that name",
            found="another key",
            fix="refer to the key of then; nothing was changed",
        ) from error


def resealed(values: DataFrame, *, old: Mapping[str, Key], new: Key) -> DataFrame:
    """The values under a new key.

    Args:
        values: PERSONAL_DATA rows under old keys.
        old: these keys, by their names.
        new: the key in use.

    Returns:
        PERSONAL_DATA rows under the new key, with old_token.
    """

    def renew(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            rows = []
            for row in batch.to_pylist():
                value = unseal(row["sealed"], token=row["token"], key=old[row["key_id"]])
                token = token_of(value, field=row["field"], key=new)
                rows.append(
                    (
                        row["token"],
                        token,
                        row["field"],
                        new.key_id,
                        seal(value, token=token, key=new),
                    )
                )
            columns = list(zip(*rows, strict=True)) if rows else [()] * 5
            types = (pa.string(), pa.string(), pa.string(), pa.string(), pa.binary())
            names = ("old_token", "token", "field", "key_id", "sealed")
            yield pa.RecordBatch.from_arrays(
                [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)],
                names=list(names),
            )

    return values.select("token", "field", "key_id", "sealed").mapInArrow(renew, _SCHEMA)


def is_token_of(value: Column, keys: tuple[str, ...]) -> Column:
    """Whether a text is a token of one of these keys."""
    return F.coalesce(
        F.regexp_like(value, F.lit(rf"^({'|'.join(keys)})[.][0-9a-f]{{40}}$")), F.lit(False)
    )


def renewed(
    frame: DataFrame, tokens: DataFrame, *, columns: tuple[str, ...], keys: tuple[str, ...]
) -> DataFrame:
    """The rows that hold a token of an old key, with the new ones in their place.

    Args:
        frame: any rows.
        tokens: old_token, token.
        columns: those that may hold one.
        keys: names of the old keys.
    """
    holds = F.lit(False)
    for name in columns:
        holds = holds | is_token_of(F.col(name), keys)
    found = frame.where(holds)
    for name in columns:
        pairs = tokens.select(F.col("old_token").alias(name), F.col("token").alias("_new"))
        found = (
            found.join(pairs, name, "left").withColumn(name, F.coalesce("_new", name)).drop("_new")
        )
    return found.select(*frame.columns)


def renewed_records(
    bronze: DataFrame, tokens: DataFrame, *, place: tuple[str, ...], keys: tuple[str, ...]
) -> DataFrame:
    """The records that hold a token of an old key anywhere, with the new ones in their place.

    Args:
        bronze: records with raw (a map).
        tokens: old_token, token.
        place: columns that name a record.
        keys: names of the old keys.
    """
    touched = bronze.where(F.exists(F.map_values("raw"), lambda value: is_token_of(value, keys)))
    entries = touched.select(*place, F.posexplode(F.map_entries("raw")).alias("position", "entry"))
    new = entries.join(tokens, F.col("entry.value") == F.col("old_token"), "left")
    entry = F.struct(
        "position",
        F.col("entry.key").alias("key"),
        F.coalesce("token", F.col("entry.value")).alias("value"),
    )
    gathered = new.groupBy(*place).agg(F.sort_array(F.collect_list(entry)).alias("entries"))
    raw = F.map_from_entries(
        F.transform("entries", lambda item: F.struct(item["key"], item["value"]))
    )
    return (
        touched.drop("raw")
        .join(gathered.select(*place, raw.alias("raw")), list(place))
        .select(*bronze.columns)
    )
