"""Reads CSV files."""

from dataclasses import dataclass
from typing import Any

import pyarrow.fs as fs
from pyspark.sql import functions as F
from pyspark.sql import types as T

from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.values import joined_text, text_map

_MAX_HEADER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class CsvReader(FileReader):
    """CSV files; the first line may name the columns."""

    @property
    def has_header(self) -> bool:
        """Whether the first line names the columns."""
        return self.source.options.get("header") == "true"

    def read_header(self, file_system: fs.FileSystem, path: str) -> str:
        """The first line."""
        with file_system.open_input_stream(path) as stream:  # decompressed by the file's ending
            start = bytes(stream.read(_MAX_HEADER_BYTES))
        # Headers are only compared: one letter a byte is enough for every encoding.
        return start.split(b"\n", 1)[0].rstrip(b"\r").decode("latin-1")

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The lines; one that does not fit the columns is malformed."""
        fields = [T.StructField(name, T.StringType()) for name in (*columns, "_malformed")]
        # enforceSchema=false: a file whose header differs from the first one's is refused,
        # not read by position.
        options = {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": "_malformed",
            "enforceSchema": "false",
        }
        frame = loader.options(**options).format("csv").schema(T.StructType(fields)).load(paths)
        return ParsedFiles(
            frame,
            raw=text_map(frame, columns),
            text=joined_text(frame, columns),
            malformed=F.when(F.col("_malformed").isNotNull(), "yes"),
        )
