"""What readers of files share: new files, verification, streams of a folder and their errors."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pyarrow.fs as fs
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources import file_store
from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.ledger import Entry, changed_file_error
from clarion.collect.sources.mapping import Secrets, Source
from clarion.collect.sources.readers.protocol import RateLimits
from clarion.collect.sources.readers.values import with_position
from clarion.kernel.errors import SourceError

_OTHER_HEADER = re.compile(r"Header: ([^\n]*)\n\s*Schema: ([^\n]*)\n.*?CSV file: (\S+)", re.DOTALL)
_OTHER_WIDTH = re.compile(r"Header length: (\d+), schema size: (\d+)\s+CSV file: (\S+)")
_OTHER_SHAPE = (
    "deliver files of another shape into a folder with a mapping of their own; a stream continues "
    "when this file is delivered again, under its name, with the columns of the first"
)
_DAMAGED = re.compile(
    r"(?:FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|while reading file)"
    r"[^\n]*?((?:file|s3a?|abfss?|gs):[^\s'\"]+?)[.']?\s"
)


@dataclass(frozen=True, slots=True)
class ParsedFiles:
    """Files as Spark reads them.

    Args:
        frame: a row per record.
        raw: the record as a map of text.
        text: all text of the record.
        malformed: 'yes' where the record cannot be parsed, else null.
    """

    frame: DataFrame
    raw: Column
    text: Column
    malformed: Column


@dataclass(frozen=True, slots=True)
class FileReader(ABC):
    """Reads a source file by file; a format says how its files are parsed."""

    records_name_columns: ClassVar[bool] = False
    numbers_records: ClassVar[bool] = False
    is_repeatable: ClassVar[bool] = True
    copies_files: ClassVar[bool] = False
    chunk_noun: ClassVar[str] = "files"

    spark: SparkSession
    source: Source
    secrets: Secrets

    @abstractmethod
    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The records of files.

        Args:
            loader: Spark's batch or stream reader, with the mapping's options.
            paths: the files, or one folder of a stream.
            columns: the columns of the files.
        """

    def read_header(self, file_system: fs.FileSystem, path: str) -> str:
        """What a file states of its columns; empty where a format has no header."""
        return ""

    @property
    def has_header(self) -> bool:
        """Whether files with different headers belong to different batches."""
        return False

    def split_start(self) -> Column:
        """Where the split of the file begins that a record was read from."""
        return F.col("_metadata.file_block_start")

    def examine(self, path: str) -> SourceChunk:
        """The file's length, fingerprint and header."""
        return file_store.examine_file(path, source=self.source.name, read_header=self.read_header)

    def first_file(self) -> SourceChunk:
        """The first file by name.

        Raises:
            SourceError: there is none, or it is damaged.
        """
        return self.examine(
            file_store.find_files(self.source.where, source=self.source.name)[0].path
        )

    def find_new(
        self, entries: Sequence[Entry], *, note: Callable[[str], None]
    ) -> list[tuple[SourceChunk, ...]]:
        """Files that were not taken yet.

        A file whose length and time are unchanged is not read again.

        Raises:
            SourceError: a file was changed after it was taken, under `changed: refuse`.
        """
        in_force = [entry for entry in entries if entry.state != "replaced"]
        hashes = {entry.chunk.content_hash for entry in in_force}
        undone = {entry.chunk.content_hash for entry in in_force if entry.state == "undone"}
        by_time = sorted(in_force, key=lambda entry: entry.taken_at)
        latest = {entry.chunk.path: entry.chunk for entry in by_time}

        by_header: dict[str, list[SourceChunk]] = {}
        for listed in file_store.find_files(self.source.where, source=self.source.name):
            before = latest.get(listed.path)
            if before is not None and _looks_unchanged(before, listed):
                continue
            file = self.examine(listed.path)
            if before is not None and file.content_hash == before.content_hash:
                continue
            if before is not None and self._refuses_change(before, undone):
                raise changed_file_error(self.source, file.path)
            if file.content_hash in hashes:
                holds = "was undone" if file.content_hash in undone else "another file held"
                note(f"{self.source.name}: {file.path} holds what {holds}; it is not taken again")
                continue
            hashes.add(file.content_hash)
            by_header.setdefault(file.header if self.has_header else "", []).append(file)
        return [tuple(group) for group in by_header.values()]

    def _refuses_change(self, before: SourceChunk, undone: set[str]) -> bool:
        return self.source.changed == "refuse" and before.content_hash not in undone

    def verify(self, chunk: SourceChunk) -> SourceChunk:
        """A planned file, as it is now.

        Raises:
            SourceError: it was changed since.
        """
        file = self.examine(chunk.path)
        if file.content_hash != chunk.content_hash:
            raise changed_file_error(self.source, chunk.path)
        return file

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """The columns of a file, as Spark reads them.

        Raises:
            SourceError: the file is not what its mapping says.
        """
        try:
            reader = self.spark.read.format(self.source.format).options(**self.source.options)
            return tuple(reader.load(escape_path(chunk.path)).columns)
        except (Py4JJavaError, PySparkException) as error:
            raise self.explain(error, path=chunk.path) from error

    def read(self, chunks: Sequence[SourceChunk], columns: tuple[str, ...]) -> DataFrame:
        """The records of some files; see Reader."""
        paths = [escape_path(chunk.path) for chunk in chunks]
        loader = self.spark.read.options(**self.source.options)
        return with_position(self._records(self.parse(loader, paths, columns)))

    def stream_columns(self) -> tuple[str, ...]:
        """The columns of the first file."""
        first = file_store.find_files(self.source.where, source=self.source.name)[0]
        return self.column_names(first)

    def follow(self, columns: tuple[str, ...], *, limits: RateLimits) -> DataFrame:
        """The records of the folder's files as a stream.

        Raises:
            SourceError: the folder's name is a pattern.
        """
        folder, pattern = _folder_and_pattern(self.source.where)
        options = {
            "pathGlobFilter": pattern,
            "recursiveFileLookup": "true",
            "maxFilesPerTrigger": str(limits.files),
        }
        loader = self.spark.readStream.options(**options).options(**self.source.options)
        return self._records(self.parse(loader, folder, columns))

    def stream_chunks(self, records: DataFrame) -> tuple[SourceChunk, ...]:
        """The files that one batch of the stream holds."""
        rows = records.select("_file").distinct().collect()
        return tuple(self.examine(path_of(row["_file"])) for row in rows)

    def explain(self, error: Exception, *, path: str) -> Exception:
        """What a person can do about a file that cannot be read; else the error itself."""
        text = str(error)
        if match := _OTHER_HEADER.search(text):
            header, schema, file = (part.strip() for part in match.groups())
            return SourceError(
                f"{file}: its header differs from that of the source's first file",
                found=f"{header}, where {schema.removesuffix(', _malformed')} was expected",
                fix=_OTHER_SHAPE,
            )
        if match := _OTHER_WIDTH.search(text):
            header, schema, file = match.groups()
            return SourceError(
                f"{file}: its header differs from that of the source's first file",
                found=f"{header} columns, where {schema} were expected",
                fix=_OTHER_SHAPE,
            )
        damaged = _DAMAGED.search(text)
        if damaged or isinstance(error, PySparkException):
            file = damaged.group(1) if damaged else path
            return SourceError(
                f"{self.source.name}: {file} cannot be read as {self.source.format}",
                found=cause(error),
                fix="deliver the file again, or correct 'format'",
            )
        return error

    def _records(self, parsed: ParsedFiles) -> DataFrame:
        return parsed.frame.select(
            parsed.raw.alias("raw"),
            parsed.text.alias("_text"),
            parsed.malformed.alias("_malformed"),
            F.col("_metadata.file_path").alias("_file"),
            self.split_start().alias("_block"),
        )


def path_of(uri: str) -> str:
    """The path as the ledger has it, from the URI that Spark's metadata gives."""
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def escape_path(path: str) -> str:
    """A path that Spark does not take for a pattern."""
    return "".join(f"\\{letter}" if letter in "[]{}*?" else letter for letter in path)


def _looks_unchanged(before: SourceChunk, listed: SourceChunk) -> bool:
    return listed.bytes == before.bytes and before.modified_ns in (None, listed.modified_ns)


def _folder_and_pattern(where: str) -> tuple[str, str]:
    path = PurePosixPath(where)
    if set("*?[") & set(str(path.parent)):
        raise SourceError(
            f"{where} cannot be followed",
            found="a pattern in the folder's name",
            fix="name one folder and a file pattern",
        )
    return str(path.parent), path.name
