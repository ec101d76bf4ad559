"""The first records of a file, read without Spark: CSV, JSON or Parquet, compressed or not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from clarion.collect.sources import workbooks
from clarion.collect.sources.inference.delimited import read_delimited
from clarion.collect.sources.inference.encodings import Encoding, find_encoding
from clarion.collect.sources.inference.file_bytes import FileParts, read_parts
from clarion.collect.sources.inference.layout import MAX_RECORDS
from clarion.collect.sources.workbooks import SheetOptions
from clarion.kernel.errors import SourceError, first_line
from clarion.kernel.text import shape

_COMPRESSIONS = (".gz", ".zst")

Values = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file.

    Args:
        format: csv, json or parquet.
        options: of Spark's reader.
        columns: values as text, by column.
        lines: number of the line on which each record begins; empty where a format has no lines.
        layout: which lines of a text file are no records, as a mapping states it.
        has_odd_lines: whether some lines have more or fewer cells than there are columns.
        notes: what a person should look at.
    """

    format: str
    options: Mapping[str, Any]
    columns: Mapping[str, Values]
    lines: Sequence[int] = ()
    layout: Mapping[str, Any] = field(default_factory=dict)
    has_odd_lines: bool = False
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many records there are."""
        return max((len(values) for values in self.columns.values()), default=0)


def sample_file(path: str) -> Sample:
    """Some thousand records of a CSV, JSON, Parquet or Excel file.

    Of CSV files they are the first, and some of each megabyte.

    Raises:
        SourceError: there is no such file, it is empty or damaged, or it has another format.
    """
    file = Path(path)
    if not file.is_file():
        raise SourceError(f"{path} is no file", fix="name one file of the source")
    ending = file.suffix
    if ending in _COMPRESSIONS and len(file.suffixes) > 1:
        ending = file.suffixes[-2]
    if ending == ".parquet":
        return _sample_parquet(file)
    with file.open("rb") as start:
        if workbooks.is_workbook(start.read(8)):
            return _sample_workbook(file)
    parts = read_parts(file)
    encoding = _encoding_of(parts)
    content = parts.start[encoding.mark :].decode(encoding.codec, errors="replace")
    is_json = content.lstrip().startswith(("{", "[{"))
    if is_json or ending in (".json", ".jsonl", ".ndjson"):
        return _sample_json(content, path, is_whole=parts.is_whole)
    read = read_delimited(parts, encoding, content, path=path)
    return Sample(
        "csv",
        read.options,
        _refuse_empty(read.columns, path),
        read.lines,
        read.layout,
        read.has_odd_lines,
        read.notes,
    )


def _encoding_of(parts: FileParts) -> Encoding:
    """By what was read of the file; where that is plain ASCII, by its lines that are not."""
    raw = b"\n".join([parts.start, *(part for _, part in parts.parts)])
    if not raw.isascii() or not parts.beyond_ascii:
        return find_encoding(raw)
    numbers = [number for number, _ in parts.beyond_ascii]
    return find_encoding(b"\n".join(line for _, line in parts.beyond_ascii), numbers)


def _sample_parquet(file: Path) -> Sample:
    try:
        batch = next(pq.ParquetFile(file).iter_batches(MAX_RECORDS), None)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{file} cannot be read as parquet",
            found=first_line(error),
            fix="deliver the file again",
        ) from error
    columns: dict[str, Values] = {}
    if batch is not None:
        for name in batch.schema.names:
            columns[name] = [_text(item) for item in batch.column(name).to_pylist()]
    return Sample("parquet", {}, _refuse_empty(columns, str(file)))


def _sample_workbook(file: Path) -> Sample:
    """The first visible sheet; its name is an option where there are others."""
    path = str(file)
    with file.open("rb") as content:
        names = workbooks.sheet_names(content, path=path)
        options = {"sheet": names[0]} if len(names) > 1 else {}
        sheet = SheetOptions(sheet=options.get("sheet", ""))
        content.seek(0)
        header = workbooks.column_names(content, sheet, path=path)
        content.seek(0)
        cells = [*islice(workbooks.read_sheet(content, sheet, path=path), MAX_RECORDS + 1)]
    columns = {
        name: [row[index] if index < len(row) else None for row in cells[1:]]
        for index, name in enumerate(header)
    }
    return Sample("xlsx", options, _refuse_empty(columns, path))


def _sample_json(content: str, path: str, *, is_whole: bool) -> Sample:
    options: dict[str, Any] = {}
    try:
        records = _json_lines(content, is_whole=is_whole)
    except (ValueError, RecursionError):
        records = _json_document(content, path)
        options = {"multiLine": True}
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [_text(record.get(name)) for record in records] for name in names}
    return Sample("json", options, _refuse_empty(columns, path))


def _json_lines(content: str, *, is_whole: bool) -> list[dict[str, Any]]:
    """One object a line; the last line is left out where the file goes on.

    Raises:
        ValueError: a line is none.
    """
    lines = [line for line in content.split("\n") if line.strip()]
    if not is_whole:
        lines = lines[:-1]
    records = [json.loads(line) for line in lines[:MAX_RECORDS]]
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("no objects")
    return records


def _json_document(content: str, path: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path} is no JSON that can be sampled",
            found=str(error),
            fix="write the mapping by hand",
        ) from error
    records = (document if isinstance(document, list) else [document])[:MAX_RECORDS]
    if not all(isinstance(record, dict) for record in records):
        raise SourceError(
            f"{path} is no JSON of objects",
            found=shape(content.strip()),
            fix="deliver one object for each record",
        )
    return records


def _refuse_empty(columns: Mapping[str, Values], path: str) -> Mapping[str, Values]:
    if not any(len(values) for values in columns.values()):
        raise SourceError(f"{path} holds no records", fix="name a file that does")
    return columns


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
