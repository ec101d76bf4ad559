"""A part of a source that is taken as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """A file, a range of a table's rows, or a range of a topic's partition.

    Args:
        path: the file's path, or a name for the range that holds no secret.
        bytes: length of a file; 0 for a range.
        content_hash: SHA-256 of a file's content, or of what names the range.
        modified_ns: when the file was last written, in nanoseconds since 1970;
            None where the store does not say.
        header: first line of a CSV file, schema of a Parquet file; empty for other formats.
        position: bounds of a range as JSON; None for a file.
    """

    path: str
    bytes: int
    content_hash: str
    modified_ns: int | None = None
    header: str = ""
    position: str | None = None
