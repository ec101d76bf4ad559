"""What a reader of a source format can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pyspark.sql import DataFrame, SparkSession

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Source

SKIPPED = "skipped"  # in `_malformed`: a line that is no record
RECORD_COLUMNS = ("raw", "_text", "_malformed", "_file", "_block", "_place")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How much one batch of a stream takes at most.

    Args:
        files: files of a folder.
        messages: messages of a topic.
    """

    files: int
    messages: int


class Reader(Protocol):
    """Finds and reads the records of one source.

    Attributes:
        records_name_columns: whether each record states its own columns, as JSON objects do.
        numbers_records: whether `_place` is the record's number in its whole chunk.
        is_repeatable: whether a second read gives the same records.
        copies_files: whether the lake gets a copy of each file.
        chunk_noun: what messages call the chunks.
    """

    records_name_columns: ClassVar[bool]
    numbers_records: ClassVar[bool]
    is_repeatable: ClassVar[bool]
    copies_files: ClassVar[bool]
    chunk_noun: ClassVar[str]

    @property
    def spark(self) -> SparkSession:
        """The session."""
        ...

    @property
    def source(self) -> Source:
        """The source that it reads."""
        ...

    def find_new(
        self, entries: Sequence[Entry], *, note: Callable[[str], None]
    ) -> list[tuple[SourceChunk, ...]]:
        """Chunks that the ledger does not have yet, in groups with the same columns.

        Args:
            entries: the source's chunks in the ledger.
            note: receives what the user should know.

        Raises:
            SourceError: the source cannot be reached, or it changed what was taken before.
        """
        ...

    def verify(self, chunk: SourceChunk) -> SourceChunk:
        """A chunk that an earlier run planned, as it is now.

        Raises:
            SourceError: it was changed since.
        """
        ...

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """The columns of a chunk; empty where each record states its own.

        Raises:
            SourceError: the chunk cannot be read.
        """
        ...

    def read(self, chunks: Sequence[SourceChunk], columns: tuple[str, ...]) -> DataFrame:
        """The records of some chunks.

        Returns:
            raw (map of text), _text (the record's whole text), _malformed ('yes', 'skipped' for a
            line that is no record, or null), _file,
            _block (start of the split), _place (rises with the record's number in its block).
        """
        ...

    def stream_columns(self) -> tuple[str, ...]:
        """The columns of the stream that `follow` starts."""
        ...

    def follow(self, columns: tuple[str, ...], *, limits: RateLimits) -> DataFrame:
        """The records as a stream, in the shape of `read`; `_place` may be missing.

        Raises:
            SourceError: the source cannot be followed.
        """
        ...

    def stream_chunks(self, records: DataFrame) -> tuple[SourceChunk, ...]:
        """The chunks that one batch of the stream holds."""
        ...

    def explain(self, error: Exception, *, path: str) -> Exception:
        """What a person can do about a failed read; the error itself where it has no advice."""
        ...
