"""Keys by reference: one secret, from which the look-up key and the sealing key are derived."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clarion.config import settings
from clarion.kernel.errors import SecretError

_MIN_BYTES = 32


@settings("privacy")
class PrivacySettings:
    """Where the key is and what it is called."""

    key: str
    key_id: str
    retired: Mapping[str, str]

    def current_key(self, secret: Callable[[str], str]) -> "Key":
        """The key in use.

        Args:
            secret: returns the secret of a reference.
        """
        return Key.derive(secret(self.key), key_id=self.key_id)

    def all_keys(self, secret: Callable[[str], str]) -> dict[str, "Key"]:
        """The key in use and the retired ones that are configured, by their names.

        Args:
            secret: returns the secret of a reference.
        """
        retired = {
            key_id: Key.derive(secret(reference), key_id=key_id)
            for key_id, reference in self.retired.items()
        }
        return {**retired, self.key_id: self.current_key(secret)}


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key in use; it is never printed."""

    key_id: str
    lookup: bytes
    sealing: bytes

    @classmethod
    def derive(cls, secret: str, *, key_id: str) -> "Key":
        """Two independent 256-bit keys from a secret, by HKDF (RFC 5869).

        Args:
            secret: at least 256 bits in hexadecimal.
            key_id: the key's name.

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
        if len(material) < _MIN_BYTES:
            raise SecretError(
                "the privacy key is too short",
                found=f"{len(material) * 8} bits",
                fix="use 64 hexadecimal digits or more",
            )

        def expand(purpose: bytes) -> bytes:
            info = b"clarion/" + purpose
            return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(material)

        return cls(key_id, expand(b"lookup"), expand(b"sealing"))

    @property
    def check(self) -> str:
        """A fingerprint of the key that tells nothing about it: 64 bits of an HMAC."""
        return hmac.new(self.lookup, b"clarion/check", hashlib.sha256).hexdigest()[:16]


def key_by_name(keys: Mapping[str, Key], key_id: str) -> Key:
    """A configured key by its name.

    Args:
        keys: configured keys, by their names.
        key_id: the name.

    Raises:
        SecretError: no such key is configured.
    """
    if key_id not in keys:
        raise SecretError(
            f"values are sealed with the key '{key_id}', which is not configured",
            found=f"configured keys: {', '.join(keys)}",
            fix=f"add it to privacy.retired, such as {{{key_id}: file:PATH}}",
        )
    return keys[key_id]


def require_same_key(key: Key, checks: Mapping[str, str]) -> None:
    """Stop where a key is not the one that the lake knows by its name.

    Args:
        key: a configured key.
        checks: fingerprints of the lake's keys, by their names.

    Raises:
        SecretError: it is another one; its tokens would join with nothing, and it could open
            nothing.
    """
    if checks.get(key.key_id, key.check) != key.check:
        raise SecretError(
            f"the privacy key '{key.key_id}' is not the one with which this lake was sealed",
            found=f"a key whose check is {key.check}; the lake's is {checks[key.key_id]}",
            fix="refer to the lake's key; a new key needs a new privacy.key_id, with the old one "
            "under privacy.retired, and then 'clarion run rotate'",
        )
