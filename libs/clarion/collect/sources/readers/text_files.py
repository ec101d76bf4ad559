"""Reads text files, such as logs."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import functions as F

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.values import no_text


@dataclass(frozen=True, slots=True)
class TextReader(FileReader):
    """Text files; each line is a record with the one column `_line`."""

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """`_line`."""
        return ("_line",)

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The lines."""
        line = F.col("value")
        raw = F.create_map(F.lit("_line"), line)
        frame = loader.format("text").load(paths)
        return ParsedFiles(frame, raw=raw, text=line, malformed=no_text())
