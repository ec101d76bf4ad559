"""Reads CSV files, and those whose cells are separated by runs of blanks."""

import csv
import re
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as fs
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from clarion.collect.sources import file_store
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.inference.layout import safe_names
from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.protocol import SKIPPED
from clarion.collect.sources.readers.values import joined_text, text_map
from clarion.kernel.errors import SourceError

_MAX_HEADER_BYTES = 1 << 16
_NO_SEPARATOR = "\x1f"  # in no text: each line is one cell
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class CsvReader(FileReader):
    """CSV files; a line may name the columns, and `layout` says which lines are no records."""

    @property
    def has_header(self) -> bool:
        """Whether a line names the columns."""
        return self.source.options.get("header") == "true"

    def read_header(self, file_system: fs.FileSystem, path: str) -> str:
        """The line that names the columns, or the first."""
        with file_system.open_input_stream(path) as stream:  # decompressed by the file's ending
            start = bytes(stream.read(_MAX_HEADER_BYTES))
        encoding = self.source.options.get("encoding", "")
        # Headers are only compared: one letter a byte is enough where a letter has no zeros.
        is_wide = encoding.upper().startswith(("UTF-16", "UTF-32"))
        text = start.decode(encoding if is_wide else "latin-1", errors="replace")
        lines = [line for line in _LINE_END.split(text) if line.strip()]
        index = self.source.layout.lines_before
        return lines[index] if index < len(lines) else ""

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """The columns of a file, as Spark names them.

        Raises:
            SourceError: the file is not what its mapping says.
        """
        if not self.source.leading_lines and not self.source.separates_by_blanks:
            return super(CsvReader, self).column_names(chunk)
        header = file_store.examine_file(
            chunk.path, source=self.source.name, read_header=self.read_header
        ).header
        if not header:
            raise SourceError(
                f"{self.source.name}: {chunk.path} ends before its records",
                found=f"layout: {{lines_before: {self.source.layout.lines_before}}}",
                fix="deliver the file again, or correct 'layout'",
            )
        encoding = self.source.options.get("encoding", "UTF-8")
        if not encoding.upper().startswith(("UTF-16", "UTF-32")):
            header = header.encode("latin-1").decode(encoding, errors="replace")
        cells = self._cells(header.removeprefix("\ufeff"))
        if self.source.layout.trailing_separator:
            cells.append("")
        return safe_names(cells) if self.has_header else safe_names([""] * len(cells))

    def _cells(self, line: str) -> list[str]:
        if self.source.separates_by_blanks:
            return line.split()
        separator = self.source.options.get("sep", ",")
        quote = self.source.options.get("quote", '"')
        return next(csv.reader([line], delimiter=separator, quotechar=quote))

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The lines; one that does not fit the columns is malformed, or skipped by the layout."""
        names = ("_line",) if self.source.separates_by_blanks else columns
        fields = [T.StructField(name, T.StringType()) for name in (*names, "_malformed")]
        # enforceSchema=false: a file whose header differs from the first one's is refused,
        # not read by position.
        options = {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": "_malformed",
            "enforceSchema": "false",
        }
        if self.source.leading_lines:  # files with other names are in groups of their own
            options["header"] = "false"
        if self.source.separates_by_blanks:
            options |= {"sep": _NO_SEPARATOR, "quote": "", "maxCharsPerColumn": "-1"}
        frame = loader.options(**options).format("csv").schema(T.StructType(fields)).load(paths)
        malformed = F.when(F.col("_malformed").isNotNull(), "yes")
        if self.source.separates_by_blanks:
            cells = F.split(F.trim("_line"), r"\s+")
            frame = frame.select(
                *(F.get(cells, F.lit(index)).alias(name) for index, name in enumerate(columns)),
                F.when(F.size(cells) != len(columns), "yes").alias("_malformed"),
                "_metadata",
            )
            malformed = F.col("_malformed")
        return ParsedFiles(
            frame,
            raw=text_map(frame, columns),
            text=joined_text(frame, columns),
            malformed=self._unless_skipped(malformed),
        )

    def _unless_skipped(self, malformed: Column) -> Column:
        skip = self.source.layout.skip
        return F.when(F.expr(skip), SKIPPED).otherwise(malformed) if skip else malformed
