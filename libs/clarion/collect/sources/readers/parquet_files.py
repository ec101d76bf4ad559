"""Reads Parquet files."""

from dataclasses import dataclass
from typing import Any

import pyarrow.fs as fs
import pyarrow.parquet as pq

from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.values import joined_text, no_text, text_map


@dataclass(frozen=True, slots=True)
class ParquetReader(FileReader):
    """Parquet files; nested values become JSON text."""

    @property
    def has_header(self) -> bool:
        """Every Parquet file has a schema."""
        return True

    def read_header(self, file_system: fs.FileSystem, path: str) -> str:
        """The schema."""
        with file_system.open_input_file(path) as file:
            return str(pq.read_schema(file).remove_metadata())

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The rows."""
        frame = loader.format("parquet").load(paths)
        return ParsedFiles(
            frame,
            raw=text_map(frame, columns),
            text=joined_text(frame, columns),
            malformed=no_text(),
        )
