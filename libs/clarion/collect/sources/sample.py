"""The first records of a file, read without Spark: CSV, JSON, Parquet or Excel."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.fs as fs
import pyarrow.parquet as pq

from clarion.collect.sources import workbooks
from clarion.collect.sources.workbooks import SheetOptions
from clarion.kernel.errors import SourceError

MAX_RECORDS = 1000
_SAMPLE_BYTES = 1 << 20
_ENCODINGS = ("utf-8-sig", "gb18030", "iso-8859-1")
_SPARK_NAMES = {"utf-8-sig": "UTF-8", "gb18030": "GB18030", "iso-8859-1": "ISO-8859-1"}
_COMPRESSIONS = (".gz", ".zst")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")

Values = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file.

    Args:
        format: csv, json, parquet or xlsx.
        options: of Spark's reader.
        columns: values as text, by column.
    """

    format: str
    options: Mapping[str, Any]
    columns: Mapping[str, Values]

    @property
    def rows(self) -> int:
        """How many records there are."""
        return max((len(values) for values in self.columns.values()), default=0)


def sample_file(path: str) -> Sample:
    """The first thousand records of a CSV, JSON, Parquet or Excel file.

    Raises:
        SourceError: there is no such file, it is empty, or it has another format.
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
    content, encoding = _decode(file)
    is_json = content.lstrip().startswith(("{", "[{"))
    if is_json or ending in (".json", ".jsonl", ".ndjson"):
        return _sample_json(content, path)
    return _sample_csv(content, encoding, path)


def _sample_parquet(file: Path) -> Sample:
    batch = next(pq.ParquetFile(file).iter_batches(MAX_RECORDS), None)
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


def _sample_csv(content: str, encoding: str, path: str) -> Sample:
    lines = content.splitlines(keepends=True)[: MAX_RECORDS + 1]
    separator, quote = _dialect("".join(lines[:50]))
    reader = csv.reader(io.StringIO("".join(lines)), delimiter=separator, quotechar=quote)
    header, *records = [row for row in reader if row]
    if any(_NUMBER.match(cell) for cell in header):
        raise SourceError(
            f"{path}: the first line names no columns",
            found=separator.join(header)[:80],
            fix="put a line of names on top, or write the mapping by hand",
        )
    options: dict[str, Any] = {"header": True}
    options |= {"sep": separator} if separator != "," else {}
    options |= {"encoding": _SPARK_NAMES[encoding]} if encoding != "utf-8-sig" else {}
    options |= {"escape": '"'} if '""' in content else {}
    whole = [row for row in records if len(row) == len(header)]
    columns = {name: [row[index] or None for row in whole] for index, name in enumerate(header)}
    return Sample("csv", options, _refuse_empty(columns, path))


def _dialect(text: str) -> tuple[str, str]:
    """Separator and quote."""
    try:
        dialect = csv.Sniffer().sniff(text, delimiters=",;\t|^")
    except csv.Error:
        return ",", '"'
    return dialect.delimiter, dialect.quotechar or '"'


def _sample_json(content: str, path: str) -> Sample:
    options: dict[str, Any] = {}
    try:
        records = _json_lines(content)
    except ValueError:
        records = _json_document(content, path)
        options = {"multiLine": True}
    names = dict.fromkeys(name for record in records for name in record)
    columns = {name: [_text(record.get(name)) for record in records] for name in names}
    return Sample("json", options, _refuse_empty(columns, path))


def _json_lines(content: str) -> list[dict[str, Any]]:
    """One object a line.

    Raises:
        ValueError: a line is none.
    """
    lines = [line for line in content.splitlines() if line.strip()]
    records = [json.loads(line) for line in lines[:MAX_RECORDS]]
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("no objects")
    return records


def _json_document(content: str, path: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise SourceError(
            f"{path} is no JSON that can be sampled",
            found=str(error),
            fix="write the mapping by hand",
        ) from error
    return (document if isinstance(document, list) else [document])[:MAX_RECORDS]


def _decode(file: Path) -> tuple[str, str]:
    """The beginning of a file as text, and its encoding."""
    with fs.LocalFileSystem().open_input_stream(str(file)) as stream:  # decompressed by its ending
        raw = bytes(stream.read(_SAMPLE_BYTES))
    if not raw:
        raise SourceError(f"{file} is empty", found="0 bytes", fix="name a file that holds records")
    for encoding in _ENCODINGS:
        for cut in range(4):  # the sample may end within a letter
            try:
                return raw[: len(raw) - cut].decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    raise AssertionError("every byte is a letter of ISO-8859-1")


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
