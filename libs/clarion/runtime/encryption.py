"""Encryption of core tables in storage that does not encrypt by itself: Parquet's own, AES-256."""

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

JAR = Path(__file__).parent / "java" / "clarion.jar"
_SIGNS = ("ParquetCryptoRuntimeException", "TagVerificationException", "KeyAccessDeniedException")


@settings("encryption")
class EncryptionSettings:
    """Reference and name of the master key, and the tables that are encrypted with it."""

    key: str | None
    key_id: str
    retired: Mapping[str, str]
    tables: tuple[str, ...]


def spark_settings(config: Config) -> dict[str, str]:
    """Spark settings by which it encrypts and decrypts; empty where nothing is encrypted.

    They contain references to keys, and no key.

    Raises:
        ConfigError: an unknown table, or a reference that executors cannot follow.
        SecretError: the key does not exist, or has not 256 bits.
    """
    section = config.section(EncryptionSettings)
    if section.key is None:
        return {}
    for name in section.tables:
        if name not in TABLES:
            raise ConfigError(
                f"encryption.tables: there is no table '{name}'", fix="see 'clarion tables'"
            )
    references = {**section.retired, section.key_id: section.key}
    for reference in references.values():
        if not reference.startswith(("env:", "file:")):
            raise ConfigError(
                "an encryption key is read by each executor",
                found=reference,
                fix="refer to env:NAME or file:PATH; Databricks encrypts its own storage",
            )
    current = _master_key(config, section)
    return {
        "parquet.crypto.factory.class": "clarion.TableCrypto",
        "parquet.encryption.kms.client.class": "clarion.MasterKeys",
        "parquet.encryption.uniform.key": section.key_id,
        "parquet.encryption.data.key.length.bits": "256",
        "parquet.encryption.kek.length.bits": "256",
        # Unwrapped keys are cached under this name for ten minutes; another key has another name.
        "parquet.encryption.key.access.token": current.check,
        "clarion.encryption.folders": ",".join(
            f"/{name.replace('.', '/')}/" for name in section.tables
        ),
        **{
            f"clarion.encryption.key.{key_id}": reference
            for key_id, reference in references.items()
        },
    }


def _master_key(config: Config, section: EncryptionSettings) -> Key:
    secret = config.secret(str(section.key))
    if len(secret) != 64:
        raise SecretError(
            "the encryption key is not 256 bits in hexadecimal",
            fix="make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return Key.derive(secret, key_id=f"encryption:{section.key_id}")


def verify(lake: Lake, config: Config) -> None:
    """Compare the encryption key with the lake's key of that name; a new name is recorded.

    Raises:
        SecretError: it is another key; the right one could not read what it writes.
    """
    section = config.section(EncryptionSettings)
    if section.key is None:
        return
    key = _master_key(config, section)
    checks = {
        row["key_id"]: row["check"]
        for row in lake.read(KEYS).where("key_id LIKE 'encryption:%'").collect()
    }
    if key.key_id not in checks:
        row = {
            "key_id": key.key_id,
            "check": key.check,
            "retired": False,
            "_entered_at": datetime.now(UTC),
        }
        lake.merge(KEYS, rows_as_frame(lake.spark, KEYS, [row]), update=False)
    elif checks[key.key_id] != key.check:
        raise SecretError(
            f"the encryption key '{section.key_id}' is not the one that encrypted this lake",
            found=f"a key whose check is {key.check}; the lake's is {checks[key.key_id]}",
            fix="refer to the earlier key; a new key needs a new encryption.key_id, "
            "with the old one under encryption.retired",
        )


def decryption_error(error: BaseException) -> LakeError | None:
    """An error of ours for a table that cannot be decrypted; None for any other error."""
    text = str(error)
    if not any(sign in text for sign in _SIGNS):
        return None
    causes = [
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.startswith("Caused by") and any(sign in line for sign in _SIGNS)
    ]
    return LakeError(
        "a table is encrypted and cannot be opened",
        found=causes[-1] if causes else text.splitlines()[0],
        fix="refer to the key it was written with: encryption.key, encryption.key_id, "
        "and older ones under encryption.retired",
    )
