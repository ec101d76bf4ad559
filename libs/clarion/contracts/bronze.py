"""Bronze: every row that arrived, as it arrived."""

from clarion.contracts.core import Column, Table
from clarion.contracts.sources import KINDS

_COLUMNS = (
    Column(
        "raw",
        "map<string,string>",
        "the record's columns as the source has them, personal ones as tokens",
    ),
    Column(
        "_malformed",
        "string",
        "'yes' where the record does not have the mapping's format",
        nullable=True,
    ),
    Column("_hash", "string", "fingerprint of the record's columns; equal for exact duplicates"),
    Column(
        "_person_removed",
        "boolean",
        "true where the person was removed for lack of consent to collection",
    ),
    Column("_source", "string", "mapping and source kind it came through"),
    Column("_file", "string", "file it stood in"),
    Column("_file_hash", "string", "SHA-256 of that file's content"),
    Column("_row", "bigint", "number of the record in its file, from 1, whatever the split"),
    Column("_batch", "string", "batch that brought it"),
    Column("_ingested_at", "timestamp", "when the batch was taken (wall clock)"),
)

BRONZE = {
    kind.name: Table(
        name=f"bronze.{kind.name}",
        grain=f"one record of a source of the kind {kind.name}",
        key=("_source", "_file", "_row", "_batch"),
        slice=("_batch",),
        columns=_COLUMNS,
        owner="data",
    )
    for kind in KINDS.values()
}
TABLES = tuple(BRONZE.values())
