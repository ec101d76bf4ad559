"""Reads files of any content, such as pictures, as their name, time, length and fingerprint."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.values import no_text

_MEDIA_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "log": "text/plain",
    "txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class BinaryReader(FileReader):
    """Whole files; each is one record, and its bytes stay out of it."""

    copies_files: ClassVar[bool] = True

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """What is recorded of each file."""
        return ("path", "modified_at", "bytes", "content_hash", "media_type")

    def split_start(self) -> Column:
        """0: a file is never split."""
        return F.lit(0).cast("bigint")

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """A record per file."""
        frame = loader.format("binaryFile").load(paths)
        return ParsedFiles(frame, raw=_file_record(), text=F.col("path"), malformed=no_text())


def _file_record() -> Column:
    ending = F.lower(F.regexp_extract("path", r"\.([^./]+)$", 1))
    media_types = F.create_map(*(F.lit(part) for pair in _MEDIA_TYPES.items() for part in pair))
    values = {
        "path": F.col("path"),
        "modified_at": F.date_format("modificationTime", "yyyy-MM-dd HH:mm:ss.SSSSSS"),
        "bytes": F.col("length").cast("string"),
        "content_hash": F.sha2("content", 256),
        "media_type": F.coalesce(
            F.try_element_at(media_types, ending), F.lit("application/octet-stream")
        ),
    }
    return F.create_map(*(part for name, value in values.items() for part in (F.lit(name), value)))
