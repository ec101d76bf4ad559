"""The step of `scan` that reads from files and cells how core tables and the vault are kept."""

from collections import Counter

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.seals import count_unsealed
from clarion.contracts import TABLES
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel.errors import QualityError
from clarion.runtime.encrypted_files import cipher_of
from clarion.runtime.encryption import EncryptionSettings
from clarion.runtime.scope import Scope


def require_ciphers(scope: Scope) -> None:
    """Stop where something that must be encrypted is not, or not with AES-256-GCM.

    That is every cell of the vault; and with `encryption.key`, every file of `encryption.tables`,
    those of older versions included, where the lake is a folder.

    Raises:
        QualityError: a file or a cell has another cipher, a shorter key or none.
    """
    files, weak_files = _weak_files(scope)
    weak = [*weak_files, *_weak_cells(scope)]
    if weak:
        raise QualityError(
            "what must be encrypted is not AES-256-GCM",
            found="; ".join(weak),
            fix="write the tables again under encryption.key and end their history "
            "(docs/runbooks/keys.md); get cells of the vault back from the backup",
        )
    if files:
        scope.note(f"{files:,} files of encrypted tables are AES-256-GCM")


def _weak_files(scope: Scope) -> tuple[int, list[str]]:
    """How many files were read, and what is wrong, by table and cipher."""
    section = scope.settings(EncryptionSettings)
    if section.key is None:
        return 0, []
    checked = 0
    weak: Counter[tuple[str, str]] = Counter()
    for name in section.tables:
        for file in scope.maintenance.data_files(TABLES[name]):
            cipher = cipher_of(file)
            checked += 1
            if not cipher.is_strong:
                weak[name, str(cipher)] += 1
    found = [f"{name}: {files:,} files, cipher {cipher}" for (name, cipher), files in weak.items()]
    return checked, found


def _weak_cells(scope: Scope) -> list[str]:
    """What is wrong in the vault, by key."""
    if not scope.exists(PERSONAL_DATA):
        return []
    vault = scope.raw(PERSONAL_DATA)
    if vault.isEmpty():
        return []
    keys = scope.settings(PrivacySettings).all_keys(scope.config.secret)
    return [
        f"{PERSONAL_DATA.name}: {row['cells']:,} cells that the key {row['key_id']} does not open"
        for row in count_unsealed(vault, keys).collect()
    ]
