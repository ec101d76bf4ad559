"""Reads Excel workbooks (.xlsx)."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.collect.sources import workbooks
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.workbooks import SheetOptions
from clarion.kernel.errors import SourceError

arrow_udf: Any = F.arrow_udf  # type: ignore[attr-defined]  # missing from PySpark 4.1's hints
_RECORD = "struct<cells:array<string>,malformed:string>"


@dataclass(frozen=True, slots=True)
class XlsxReader(FileReader):
    """One sheet of each workbook; its first row names the columns."""

    @property
    def has_header(self) -> bool:
        """Workbooks with different columns belong to different batches."""
        return True

    @property
    def sheet_options(self) -> SheetOptions:
        """Which part of a workbook is read."""
        return SheetOptions.of(self.source.options, where=self.source.name)

    def examine(self, path: str) -> SourceChunk:
        """The workbook's length, fingerprint and columns.

        Raises:
            SourceError: it is too large, or cannot be read.
        """
        chunk = FileReader.examine(self, path)
        if chunk.bytes > workbooks.MAX_MB << 20:
            raise SourceError(
                f"{self.source.name}: {path} is too large a workbook",
                found=f"{chunk.bytes >> 20:,} MB; at most {workbooks.MAX_MB}",
                fix="save it as CSV, or in parts",
            )
        return chunk

    def read_header(self, file_system: fs.FileSystem, path: str) -> str:
        """The columns."""
        with file_system.open_input_file(path) as file:
            return json.dumps(workbooks.column_names(file, self.sheet_options, path=path))

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """The columns of the sheet."""
        return tuple(json.loads(chunk.header or self.examine(chunk.path).header))

    def split_start(self) -> Column:
        """0: a workbook is never split."""
        return F.lit(0).cast("bigint")

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The rows; one with more cells than columns, or that cannot be read, is malformed."""
        frame = loader.format("binaryFile").load(paths)
        rows = _records(self.sheet_options, columns)("content", "path")
        frame = frame.select("_metadata", F.explode(rows).alias("row"))
        names = F.array(*(F.lit(name) for name in columns))
        return ParsedFiles(
            frame,
            raw=F.map_from_arrays(names, "row.cells"),
            text=F.concat_ws("", "row.cells"),
            malformed=F.col("row.malformed"),
        )


def _records(options: SheetOptions, columns: tuple[str, ...]) -> Callable[..., Column]:
    """A column function from the bytes of workbooks to their records."""
    width = len(columns)

    @arrow_udf(f"array<{_RECORD}>")  # type: ignore[untyped-decorator]
    def records(contents: pa.Array, paths: pa.Array) -> pa.Array:
        found = [
            _sheet_records(content.as_py(), path, options, width)
            for content, path in zip(contents, paths.to_pylist(), strict=True)
        ]
        record = pa.struct([("cells", pa.list_(pa.string())), ("malformed", pa.string())])
        return pa.array(found, pa.list_(record))

    return records  # type: ignore[no-any-return]


def _sheet_records(
    content: bytes, path: str, options: SheetOptions, width: int
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    rows = workbooks.read_sheet(io.BytesIO(content), options, path=path)
    try:
        if options.has_header:
            next(rows)
        for cells in rows:
            padded = [*cells, *[None] * (width - len(cells))]
            malformed = "yes" if len(cells) > width else None
            found.append({"cells": padded[:width], "malformed": malformed})
    except Exception:  # damaged below its beginning: counted as a record that cannot be read
        found.append({"cells": [None] * width, "malformed": "yes"})
    return found
