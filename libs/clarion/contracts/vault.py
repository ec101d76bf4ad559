"""Vault: personal values, sealed, their keys, and who is kept out. Only ingest, delivery, rotation and erasure may name these tables."""

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
            "phone, mail, name, address or id_number; source:NAME for a column of the source as it stood",
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
        Column("key_id", "string", "what it is called, in front of every token"),
        Column("check", "string", "what tells it from another key of that name"),
        Column("retired", "boolean", "true when nothing is sealed with it any more"),
        Column("_entered_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
SUPPRESSED = Table(
    name="vault.suppressed",
    grain="one name or personal value of someone who was erased and is kept out ever after",
    key=("token",),
    columns=(
        Column("token", "string", "look-up token of the name or value", personal=True),
        Column(
            "field",
            "string",
            "what it is: a personal column, or ref, device or member with its namespace",
        ),
        Column("key_id", "string", "key of the token, which must stay at hand"),
        Column("_erased_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
TABLES = (PERSONAL_DATA, KEYS, SUPPRESSED)
