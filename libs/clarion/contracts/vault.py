"""Vault: personal values, sealed. Only ingest and delivery may name these tables."""

from clarion.contracts.core import Column, Table

PERSONAL_DATA = Table(
    name="vault.personal_data",
    grain="one personal value",
    key=("token",),
    columns=(
        Column("token", "string", "look-up token: HMAC-SHA-256 of field and value under the key"),
        Column("field", "string", "phone, mail, name, address or id_number"),
        Column("key_id", "string", "key it is sealed with"),
        Column("sealed", "binary", "nonce and AES-256-GCM ciphertext", personal=True),
    ),
    owner="privacy",
)
TABLES = (PERSONAL_DATA,)
