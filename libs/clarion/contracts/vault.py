"""Vault: sealed personal values, their keys, and the suppression list.

Only intake, rotation, the scan and erasure may name these tables.
"""

from clarion.contracts.core import Column, Table

PERSONAL_DATA = Table(
    name="vault.personal_data",
    grain="one personal value",
    key=("token",),
    columns=(
        Column("token", "string", "look-up token: HMAC-SHA-256 of field and value under the key"),
        Column(
            "field",
            "string",
            "phone, mail, name, address or id_number; source:NAME for a column of the source",
        ),
        Column("key_id", "string", "key it is sealed with"),
        Column("sealed", "binary", "nonce and AES-256-GCM ciphertext", personal=True),
    ),
    owner="privacy",
)
KEYS = Table(
    name="vault.keys",
    grain="one key by which values were sealed",
    key=("key_id",),
    columns=(
        Column("key_id", "string", "its name, the prefix of every token"),
        Column("check", "string", "fingerprint: another key of that name has another one"),
        Column("retired", "boolean", "true when nothing is sealed with it any more"),
        Column("_entered_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
SUPPRESSED = Table(
    name="vault.suppressed",
    grain="one name or personal value of an erased person, which ingest removes",
    key=("token",),
    columns=(
        Column("token", "string", "look-up token of the name or value", personal=True),
        Column(
            "field",
            "string",
            "what it is: a personal column, or ref, device or member with its namespace",
        ),
        Column("key_id", "string", "key of the token, which must stay available"),
        Column("_erased_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
TABLES = (PERSONAL_DATA, KEYS, SUPPRESSED)
