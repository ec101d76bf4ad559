"""Core tables encrypted where they lie: Parquet's modular encryption, AES-256, for storage that does not encrypt by itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from clarion.collect.privacy.keys import Key
from clarion.config import Config, settings
from clarion.contracts import TABLES
from clarion.contracts.vault import KEYS
from clarion.kernel.errors import ConfigError, LakeError, SecretError
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame

JAR = Path(__file__).parent / "java" / "table-crypto.jar"
_SIGNS = ("ParquetCryptoRuntimeException", "TagVerificationException", "KeyAccessDeniedException")


@settings("encryption")
class EncryptionSettings:
    """Where the master key is, what it is called, and which tables are encrypted with it."""

    key: str | None
    key_id: str
    retired: Mapping[str, str]
    tables: tuple[str, ...]


def spark_settings(config: Config) -> dict[str, str]:
    """What Spark must know to encrypt and decrypt; empty where nothing is encrypted. A key itself is no setting of Spark.

    Raises:
        ConfigError: an unknown table, or a reference that executors cannot follow.
        SecretError: the key is not there, or is no key of 256 bits.
    """
    chosen = config.section(EncryptionSettings)
    if chosen.key is None:
        return {}
    for name in chosen.tables:
        if name not in TABLES:
            raise ConfigError(
                f"encryption.tables: there is no table '{name}'", fix="see 'clarion tables'"
            )
    places = {**chosen.retired, chosen.key_id: chosen.key}
    for place in places.values():
        if not place.startswith(("env:", "file:")):
            raise ConfigError(
                "an encryption key is read by each executor",
                found=place,
                fix="refer to env:NAME or file:PATH; Databricks encrypts its own storage",
            )
    current = _master(config, chosen)
    return {
        "parquet.crypto.factory.class": "clarion.TableCrypto",
        "parquet.encryption.kms.client.class": "clarion.MasterKeys",
        "parquet.encryption.uniform.key": chosen.key_id,
        "parquet.encryption.data.key.length.bits": "256",
        "parquet.encryption.kek.length.bits": "256",
        # Unwrapped keys are remembered under this name for ten minutes: another key must not find them.
        "parquet.encryption.key.access.token": current.check,
        "clarion.encryption.folders": ",".join(
            f"/{name.replace('.', '/')}/" for name in chosen.tables
        ),
        **{f"clarion.encryption.key.{key_id}": place for key_id, place in places.items()},
    }


def _master(config: Config, chosen: EncryptionSettings) -> Key:
    secret = config.secret(str(chosen.key))
    if len(secret) != 64:
        raise SecretError(
            "the encryption key is not 256 bits in hexadecimal",
            fix="make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return Key.derive(secret, key_id=f"encryption:{chosen.key_id}")


def verify(lake: Lake, config: Config) -> None:
    """Hold the encryption key against the one of its name in this lake, and enter it where it is new.

    Raises:
        SecretError: it is another one; what it wrote, the right one could not read.
    """
    chosen = config.section(EncryptionSettings)
    if chosen.key is None:
        return
    key = _master(config, chosen)
    known = {
        row["key_id"]: row["check"]
        for row in lake.read(KEYS).where("key_id LIKE 'encryption:%'").collect()
    }
    if key.key_id not in known:
        row = {
            "key_id": key.key_id,
            "check": key.check,
            "retired": False,
            "_entered_at": datetime.now(UTC),
        }
        lake.merge(KEYS, rows_as_frame(lake.spark, KEYS, [row]), update=False)
    elif known[key.key_id] != key.check:
        raise SecretError(
            f"the encryption key '{chosen.key_id}' is not the one with which this lake's tables are encrypted",
            found=f"a key whose check is {key.check}; the lake's is {known[key.key_id]}",
            fix="refer to the key of then; a new key needs a new encryption.key_id, with the old one under encryption.retired",
        )


def translated(error: BaseException) -> LakeError | None:
    """What a person can mend about files that cannot be decrypted; None for any other error."""
    told = str(error)
    if not any(sign in told for sign in _SIGNS):
        return None
    causes = [
        line.partition(":")[2].strip()
        for line in told.splitlines()
        if line.startswith("Caused by") and any(sign in line for sign in _SIGNS)
    ]
    return LakeError(
        "a table is encrypted and cannot be opened",
        found=causes[-1] if causes else told.splitlines()[0],
        fix="refer to the key it was written with: encryption.key, encryption.key_id, and older ones under encryption.retired",
    )
