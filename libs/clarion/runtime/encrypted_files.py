"""How a Parquet file is encrypted, read from the file itself and not from a setting.

A file of Parquet's modular encryption ends with its crypto metadata, the encrypted footer, their
length, and PARE. The metadata name the algorithm, and hold the file's key as it was wrapped. A
wrapped key is a nonce (12 bytes), the key, and a tag (16 bytes), so its length tells the key's.
"""

import base64
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clarion.kernel.errors import LakeError

_OPEN, _ENCRYPTED = b"PAR1", b"PARE"
_END_BYTES = 8  # length and magic
_WRAPPING_BYTES = 12 + 16
_ALGORITHMS = {1: "AES-GCM", 2: "AES-GCM-CTR"}
_TRUE, _FALSE, _BINARY, _STRUCT = 1, 2, 8, 12  # types of Thrift's compact protocol


@dataclass(frozen=True, slots=True)
class Cipher:
    """The encryption of a file.

    Args:
        algorithm: AES-GCM, AES-GCM-CTR (columns without a tag), or none.
        bits: length of the shortest of the keys that protect it: the file's own, and the key
            that wraps that; 0 without encryption.
    """

    algorithm: str
    bits: int

    @property
    def is_strong(self) -> bool:
        """Whether all of it is AES-256-GCM."""
        return self.algorithm == "AES-GCM" and self.bits == 256

    def __str__(self) -> str:
        """Such as AES-256-GCM."""
        return self.algorithm.replace("AES", f"AES-{self.bits}", 1)


NO_CIPHER = Cipher("none", 0)


def cipher_of(file: Path) -> Cipher:
    """How a Parquet file is encrypted.

    Raises:
        LakeError: it is no Parquet file, or its crypto metadata cannot be read.
    """
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - _END_BYTES, 0))
        end = stream.read()
        if end[4:] == _OPEN:
            return NO_CIPHER
        if end[4:] != _ENCRYPTED:
            raise _unreadable(file, "no Parquet file")
        length = struct.unpack("<I", end[:4])[0]
        stream.seek(max(size - _END_BYTES - length, 0))
        try:
            metadata, _ = read_struct(stream.read(length))
            return _cipher_of_metadata(metadata)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise _unreadable(file, str(error)) from error


def _unreadable(file: Path, found: str) -> LakeError:
    return LakeError(
        f"{file} does not say how it is encrypted", found=found, fix="restore it from the backup"
    )


def _cipher_of_metadata(metadata: dict[int, Any]) -> Cipher:
    """The cipher that FileCryptoMetaData state: 1 is the algorithm, 2 are the key's metadata."""
    (number,) = metadata[1]
    material = json.loads(metadata[2])
    wrapped = [material[name] for name in ("wrappedDEK", "wrappedKEK") if name in material]
    bits = min(8 * (len(base64.b64decode(key)) - _WRAPPING_BYTES) for key in wrapped)
    return Cipher(_ALGORITHMS[number], bits)


def read_struct(content: bytes, start: int = 0) -> tuple[dict[int, Any], int]:
    """A struct of Thrift's compact protocol with structs, texts and truth values; and its end.

    Args:
        content: bytes that hold the struct.
        start: where it begins.

    Returns:
        Values by the numbers of their fields, and the place after the struct.

    Raises:
        ValueError: it has a field of another type.
    """
    fields: dict[int, Any] = {}
    number, at = 0, start
    while head := content[at]:
        at += 1
        if not head >> 4:
            raise ValueError(f"a field with a number of its own at byte {at}")
        number += head >> 4
        type_ = head & 0x0F
        if type_ in (_TRUE, _FALSE):
            fields[number] = type_ == _TRUE
        elif type_ == _BINARY:
            length, at = _read_length(content, at)
            fields[number] = content[at : at + length]
            at += length
        elif type_ == _STRUCT:
            fields[number], at = read_struct(content, at)
        else:
            raise ValueError(f"a field of the type {type_} at byte {at}")
    return fields, at + 1


def _read_length(content: bytes, at: int) -> tuple[int, int]:
    """A length in groups of seven bits, the lowest first, and the place after it."""
    length = shift = 0
    while True:
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return length, at
