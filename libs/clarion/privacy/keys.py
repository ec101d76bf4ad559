"""Keys by reference: one secret, from which the look-up key and the sealing key are derived."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clarion.config import settings
from clarion.kernel.errors import SecretError


@settings("privacy")
class PrivacySettings:
    """Where the key is and what it is called."""

    key: str
    key_id: str


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key in use; it is never printed."""

    key_id: str
    lookup: bytes
    sealing: bytes

    @classmethod
    def derive(cls, secret: str, *, key_id: str) -> "Key":
        """Two independent 256-bit keys from a secret of at least 256 bits in hexadecimal (HKDF, RFC 5869).

        Raises:
            SecretError: the secret is too short or not hexadecimal.
        """
        try:
            material = bytes.fromhex(secret)
        except ValueError as error:
            raise SecretError("the privacy key is not hexadecimal", fix="make one with: python -c 'import secrets; print(secrets.token_hex(32))'") from error
        if len(material) < 32:
            raise SecretError("the privacy key is too short", found=f"{len(material) * 8} bits", fix="use 64 hexadecimal digits or more")

        def expand(purpose: bytes) -> bytes:
            return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"clarion/" + purpose).derive(material)

        return cls(key_id, expand(b"lookup"), expand(b"sealing"))
