"""From personal values to tokens and sealed values.

All of it runs inside Arrow functions, so that no key is ever part of a plan.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.forms import canonical_phone, canonical_value
from clarion.collect.privacy.keys import Key

arrow_udf: Any = F.arrow_udf  # type: ignore[attr-defined]  # missing from PySpark 4.1's hints
SOURCE_PREFIX = "source:"  # of the field under which a source column's own text is sealed
TOKEN_PREFIX = "token:"  # of the raw column that holds the token of a mapped personal column
_NONCE_BYTES = 12


def token_of(value: str, *, field: str, key: Key) -> str:
    """The look-up token of a value.

    HMAC-SHA-256 over field and canonical value, with the key's name in front.

    Args:
        value: the personal value.
        field: its field; equal values of two fields have two tokens.
        key: the key in use.
    """
    message = f"{field}\x1f{canonical_value(field, value)}".encode()
    code = hmac.new(key.lookup, message, hashlib.sha256).hexdigest()
    return f"{key.key_id}.{code[:40]}"


def seal(value: str, *, token: str, key: Key) -> bytes:
    """Nonce (12 bytes) and AES-256-GCM ciphertext of a value.

    Args:
        value: the personal value.
        token: its token; it is bound to the ciphertext, so that values cannot be swapped.
        key: the key in use.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.sealing).encrypt(nonce, value.encode(), token.encode())


def unseal(sealed: bytes, *, token: str, key: Key) -> str:
    """The value of a sealed cell.

    Args:
        sealed: nonce and ciphertext.
        token: the value's token.
        key: the key with which it was sealed.

    Raises:
        cryptography.exceptions.InvalidTag: the cell, its token and the key do not fit together.
    """
    nonce = sealed[:_NONCE_BYTES]
    ciphertext = sealed[_NONCE_BYTES:]
    return AESGCM(key.sealing).decrypt(nonce, ciphertext, token.encode()).decode()


def tokenise(field: str, key: Key) -> Callable[[Column], Column]:
    """A column function from values of a field to tokens; null stays null.

    Args:
        field: the personal field.
        key: the key in use.
    """

    @arrow_udf("string")  # type: ignore[untyped-decorator]
    def tokens(values: pa.Array) -> pa.Array:
        return _map_text(values, lambda value: token_of(value, field=field, key=key))

    function: Callable[[Column], Column] = tokens
    return function


def phone_form(country: str) -> Callable[[Column], Column]:
    """A column function from phone numbers to their canonical form; null stays null.

    Args:
        country: ISO code of the country whose numbers need no country code.
    """

    @arrow_udf("string")  # type: ignore[untyped-decorator]
    def phones(values: pa.Array) -> pa.Array:
        return _map_text(values, lambda value: canonical_phone(value, country=country))

    function: Callable[[Column], Column] = phones
    return function


def _map_text(values: pa.Array, function: Callable[[str], str]) -> pa.Array:
    texts = [None if value is None else function(value) for value in values.to_pylist()]
    return pa.array(texts, pa.string())


def sealed_values(values: DataFrame, *, key: Key) -> DataFrame:
    """PERSONAL_DATA rows for distinct values.

    Args:
        values: field, token, value.
        key: the key in use.
    """

    @arrow_udf("binary")  # type: ignore[untyped-decorator]
    def seal_all(tokens: pa.Array, texts: pa.Array) -> pa.Array:
        pairs = zip(tokens.to_pylist(), texts.to_pylist(), strict=True)
        return pa.array([seal(text, token=token, key=key) for token, text in pairs], pa.binary())

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
