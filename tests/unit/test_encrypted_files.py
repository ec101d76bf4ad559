"""How a file is encrypted is read from the file: another cipher or a short key is told apart."""

import base64
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.seals import is_sealed
from clarion.collect.privacy.tokens import seal
from clarion.kernel.errors import LakeError
from clarion.runtime.encrypted_files import NO_CIPHER, Cipher, cipher_of

TABLE = pa.table({"order_id": ["ORDER-4711"], "price": [10.5]})
KEY = Key.derive("ab" * 32, key_id="k1")


class Keys(pe.KmsClient):  # type: ignore[misc]
    """Wraps keys of files with a master key of the test."""

    def __init__(self, _config: pe.KmsConnectionConfig) -> None:
        super().__init__()
        self.master = AESGCM(bytes(32))

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        nonce = os.urandom(12)
        return base64.b64encode(
            nonce + self.master.encrypt(nonce, key_bytes, master_key_identifier.encode())
        )

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        raw = base64.b64decode(wrapped_key)
        return self.master.decrypt(raw[:12], raw[12:], master_key_identifier.encode())


def _write(file: Path, **settings: object) -> Path:
    """A file that another implementation of Parquet encrypts."""
    chosen = {
        "footer_key": "e1",
        "column_keys": {"e1": ["order_id", "price"]},
        "encryption_algorithm": "AES_GCM_V1",
        "data_key_length_bits": 256,
        "double_wrapping": False,
        **settings,
    }
    configuration = pe.EncryptionConfiguration(**chosen)
    properties = pe.CryptoFactory(Keys).file_encryption_properties(
        pe.KmsConnectionConfig(), configuration
    )
    with pq.ParquetWriter(file, TABLE.schema, encryption_properties=properties) as writer:
        writer.write_table(TABLE)
    return file


@pytest.mark.covers("Q8")
@pytest.mark.parametrize(
    ("settings", "cipher", "name"),
    [
        ({}, Cipher("AES-GCM", 256), "AES-256-GCM"),
        ({"data_key_length_bits": 128}, Cipher("AES-GCM", 128), "AES-128-GCM"),
        # The key that wraps the file's key is as important, and here it has 128 bits.
        ({"double_wrapping": True}, Cipher("AES-GCM", 128), "AES-128-GCM"),
        ({"encryption_algorithm": "AES_GCM_CTR_V1"}, Cipher("AES-GCM-CTR", 256), "AES-256-GCM-CTR"),
        # Columns are encrypted, and names and statistics can be read.
        ({"plaintext_footer": True}, NO_CIPHER, "none"),
    ],
)
def test_the_cipher_and_the_length_of_the_key_are_read_from_the_file(
    tmp_path: Path, settings: dict[str, object], cipher: Cipher, name: str
) -> None:
    found = cipher_of(_write(tmp_path / "a.parquet", **settings))
    assert (found, str(found)) == (cipher, name)
    assert found.is_strong == (name == "AES-256-GCM")


@pytest.mark.covers("Q8")
def test_a_readable_file_has_no_cipher(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet")
    assert cipher_of(tmp_path / "a.parquet") == NO_CIPHER
    assert not NO_CIPHER.is_strong


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    whole = _write(tmp_path / "a.parquet").read_bytes()
    for content in (b"", b"nothing at all", whole[:-1], b"\x15\x02" + b"\x02\x00\x00\x00PARE"):
        (tmp_path / "b.parquet").write_bytes(content)
        with pytest.raises(LakeError, match=r"b\.parquet does not say how it is encrypted"):
            cipher_of(tmp_path / "b.parquet")


@pytest.mark.covers("Q8")
def test_a_cell_of_the_vault_is_sealed_with_a_key_of_256_bits() -> None:
    nonce = os.urandom(12)
    short = nonce + AESGCM(KEY.sealing[:16]).encrypt(nonce, b"anna", b"t1")
    sealed = seal("anna", token="t1", key=KEY)
    assert is_sealed(sealed, token="t1", key=KEY)
    assert len(sealed) == 12 + len("anna") + 16
    assert not is_sealed(short, token="t1", key=KEY), "a key of 128 bits"
    assert not is_sealed(b"anna", token="t1", key=KEY), "readable"
    assert not is_sealed(sealed, token="t2", key=KEY), "the cell of another token"
    halved = Key("k1", KEY.lookup, KEY.sealing[:16])
    assert not is_sealed(short, token="t1", key=halved), "a key that has 128 bits itself"
