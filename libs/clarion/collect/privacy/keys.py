"""Keys by reference: one secret, from which the look-up key and the sealing key are derived."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
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
    retired: Mapping[str, str]

    def current(self, secret: Callable[[str], str]) -> "Key":
        """The key in use.

        Args:
            secret: gives what a reference refers to.
        """
        return Key.derive(secret(self.key), key_id=self.key_id)

    def known(self, secret: Callable[[str], str]) -> dict[str, "Key"]:
        """The key in use and the retired ones that are still referred to, by their names."""
        old = {
            key_id: Key.derive(secret(reference), key_id=key_id)
            for key_id, reference in self.retired.items()
        }
        return {**old, self.key_id: self.current(secret)}


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
            raise SecretError(
                "the privacy key is not hexadecimal",
                fix="make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
            ) from error
        if len(material) < 32:
            raise SecretError(
                "the privacy key is too short",
                found=f"{len(material) * 8} bits",
                fix="use 64 hexadecimal digits or more",
            )

        def expand(purpose: bytes) -> bytes:
            return HKDF(
                algorithm=hashes.SHA256(), length=32, salt=None, info=b"clarion/" + purpose
            ).derive(material)

        return cls(key_id, expand(b"lookup"), expand(b"sealing"))

    @property
    def check(self) -> str:
        """What tells this key from another of its name, and nothing about it: 64 bits of an HMAC."""
        return hmac.new(self.lookup, b"clarion/check", hashlib.sha256).hexdigest()[:16]


def refuse_other(key: Key, checks: Mapping[str, str]) -> None:
    """Stop where a key is not the one by whose name values were sealed.

    Args:
        key: a key at hand.
        checks: what tells the lake's keys apart, by their names.

    Raises:
        SecretError: it is another one; its tokens would join with nothing, and nothing could be opened.
    """
    if checks.get(key.key_id, key.check) != key.check:
        raise SecretError(
            f"the privacy key '{key.key_id}' is not the one with which this lake was sealed",
            found=f"a key whose check is {key.check}; the lake's is {checks[key.key_id]}",
            fix="refer to the key of then; a new key needs a new privacy.key_id, with the old one under privacy.retired, and then 'clarion run rotate'",
        )
