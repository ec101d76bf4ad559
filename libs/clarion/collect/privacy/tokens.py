"""From personal values to tokens and sealed values, inside Arrow functions: no key ever stands in a plan."""

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.forms import canonical, canonical_phone
from clarion.collect.privacy.keys import Key

arrow_udf: Any = F.arrow_udf  # type: ignore[attr-defined]  # missing from PySpark 4.1's hints
SOURCE = "source:"  # prefix of the field under which a source column's own text is sealed
TOKEN = "token:"  # prefix of the raw column that holds the token of a mapped personal column


def token_of(value: str, *, field: str, key: Key) -> str:
    """The look-up token of a value: HMAC-SHA-256 over field and canonical value, with the key's name in front."""
    code = hmac.new(
        key.lookup, f"{field}\x1f{canonical(field, value)}".encode(), hashlib.sha256
    ).hexdigest()
    return f"{key.key_id}.{code[:40]}"


def seal(value: str, *, token: str, key: Key) -> bytes:
    """Nonce (12 bytes) and AES-256-GCM ciphertext; the token is bound to it, so that values cannot be swapped."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key.sealing).encrypt(nonce, value.encode(), token.encode())


def unseal(sealed: bytes, *, token: str, key: Key) -> str:
    """The value of a sealed cell.

    Raises:
        cryptography.exceptions.InvalidTag: the cell, its token or the key do not belong together.
    """
    return AESGCM(key.sealing).decrypt(sealed[:12], sealed[12:], token.encode()).decode()


def tokenise(field: str, key: Key) -> Callable[[Column], Column]:
    """A column function from values of a field to tokens; null stays null."""

    @arrow_udf("string")  # type: ignore[untyped-decorator]
    def tokens(values: pa.Array) -> pa.Array:
        return pa.array(
            [
                None if value is None else token_of(value, field=field, key=key)
                for value in values.to_pylist()
            ],
            pa.string(),
        )

    made: Callable[[Column], Column] = tokens
    return made


def phone_form(country: str) -> Callable[[Column], Column]:
    """A column function from phone numbers as people write them to their one form; null stays null."""

    @arrow_udf("string")  # type: ignore[untyped-decorator]
    def forms(values: pa.Array) -> pa.Array:
        return pa.array(
            [
                None if value is None else canonical_phone(value, country=country)
                for value in values.to_pylist()
            ],
            pa.string(),
        )

    made: Callable[[Column], Column] = forms
    return made


def sealed_values(values: DataFrame, *, key: Key) -> DataFrame:
    """PERSONAL_DATA rows for distinct values.

    Args:
        values: field, token, value.
        key: the key in use.
    """
    bound = key

    @arrow_udf("binary")  # type: ignore[untyped-decorator]
    def seal_all(tokens: pa.Array, texts: pa.Array) -> pa.Array:
        pairs = zip(tokens.to_pylist(), texts.to_pylist(), strict=True)
        return pa.array([seal(text, token=token, key=bound) for token, text in pairs], pa.binary())

    return (
        values.where("value IS NOT NULL")
        .groupBy("token", "field")
        .agg(F.min("value").alias("value"))
        .select(
            "token",
            "field",
            F.lit(key.key_id).alias("key_id"),
            seal_all("token", "value").alias("sealed"),
        )
    )
