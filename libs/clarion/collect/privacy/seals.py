"""Whether cells of the vault are what they should be: values sealed with AES-256-GCM."""

from collections.abc import Mapping

import pyarrow as pa
from cryptography.exceptions import InvalidTag
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import arrow_udf, unseal

_KEY_BYTES = 32


def is_sealed(cell: bytes, *, token: str, key: Key) -> bool:
    """Whether a cell opens by AES-GCM with a key of 256 bits; readable text does not.

    Args:
        cell: of the vault.
        token: its token.
        key: the key whose name the row states.
    """
    try:
        unseal(cell, token=token, key=key)
    except (InvalidTag, ValueError):  # another key, another length of key, or no ciphertext
        return False
    return len(key.sealing) == _KEY_BYTES


def count_unsealed(vault: DataFrame, keys: Mapping[str, Key]) -> DataFrame:
    """Cells that are not sealed with AES-256-GCM under the key that their row names.

    Args:
        vault: rows of PERSONAL_DATA.
        keys: configured keys, by their names; other rows are left out.

    Returns:
        key_id, cells; without the keys whose cells are all sealed.
    """

    @arrow_udf("boolean")  # type: ignore[untyped-decorator]
    def is_open(key_ids: pa.Array, tokens: pa.Array, cells: pa.Array) -> pa.Array:
        rows = zip(key_ids.to_pylist(), tokens.to_pylist(), cells.to_pylist(), strict=True)
        return pa.array(
            [not is_sealed(cell, token=token, key=keys[key_id]) for key_id, token, cell in rows],
            pa.bool_(),
        )

    known = vault.where(F.col("key_id").isin(*keys))
    unsealed = known.where(is_open("key_id", "token", "sealed"))
    return unsealed.groupBy("key_id").agg(F.count("*").alias("cells"))
