"""One reader per source format, and one contract for all; databases and topics pass it beside their servers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from reader_contract import check_errors, check_reader

from clarion.collect.sources import formats, readers
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.readers import reader_class, reader_of
from clarion.collect.sources.readers.files import escape_path, path_of
from clarion.collect.sources.readers.protocol import RateLimits, Reader
from clarion.kernel.errors import ConfigError, SourceError
from clarion.measures.columns.frames import local_frame

Write = Callable[[Path, list[str]], None]
COLUMNS = {"day": "day", "channel": "channel", "amount": "amount"}


def reader(spark: SparkSession, where: str, form: str, **change: Any) -> Reader:
    written = {"where": where, "format": form, "time_zone": "UTC", "columns": COLUMNS, **change}
    return reader_of(spark, parse_mapping("shop", {"costs": written}, variables={})[0], str)


def write_csv(path: Path, days: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in ["day,amount", *(f"{day},1" for day in days)]))


def write_json(path: Path, days: list[str]) -> None:
    path.write_text("".join(json.dumps({"day": day, "amount": [1, 2]}) + "\n" for day in days))


def write_document(path: Path, days: list[str]) -> None:
    path.write_text(json.dumps([{"day": day} for day in days], indent=1))


def write_parquet(path: Path, days: list[str]) -> None:
    pq.write_table(pa.table({"day": days, "amount": [{"net": 1}] * len(days)}), path)


def write_fixed(path: Path, days: list[str]) -> None:
    path.write_text("".join(f"{day}{1:9}\n" for day in days))


def write_xlsx(path: Path, days: list[str]) -> None:
    book = openpyxl.Workbook()
    for row in (["Costs of May"], [], ["day", "amount"], *([day, 1] for day in days), [None, None]):
        book.active.append(row)
    book.save(path)


def write_lines(path: Path, days: list[str]) -> None:
    path.write_text("".join(f"{day}\n" for day in days))


@pytest.mark.parametrize(
    ("form", "options", "key", "write"),
    [
        ("csv", {"header": True}, "day", write_csv),
        ("json", {}, "day", write_json),
        ("json", {"multiLine": True}, "day", write_document),
        ("parquet", {}, "day", write_parquet),
        ("text", {}, "_line", write_lines),
        ("xlsx", {"skip_lines": 2}, "day", write_xlsx),
    ],
)
def test_a_format_of_files_keeps_the_contract(
    spark: SparkSession, tmp_path: Path, form: str, options: dict[str, Any], key: str, write: Write
) -> None:
    write(tmp_path / f"a.{form}", ["2026-01-01", "2026-01-02"])
    write(tmp_path / f"b.{form}", ["2026-01-03"])
    checked = reader(spark, f"{tmp_path}/*.{form}", form, options=options)
    check_reader(
        checked,
        first=["2026-01-01", "2026-01-02", "2026-01-03"],
        more=["2026-01-04", "2026-01-05"],
        key=key,
        deliver=lambda: write(tmp_path / f"c.{form}", ["2026-01-04", "2026-01-05"]),
    )
    check_errors(checked)


def test_whole_files_keep_the_contract(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "b.bin").write_bytes(b"\x00\x01")

    def deliver() -> None:
        (tmp_path / "c.log").write_text("x")

    checked = reader(spark, f"{tmp_path}/*", "binary")
    assert checked.copies_files
    check_reader(
        checked,
        first=["image/png", "application/octet-stream"],
        more=["text/plain"],
        key="media_type",
        deliver=deliver,
    )
    check_errors(checked)


@pytest.mark.own_reader
@pytest.mark.parametrize(
    "change", [{}, {"incremental": {"by": "day"}}], ids=["by version", "by column"]
)
def test_a_delta_table_keeps_the_contract(
    spark: SparkSession, tmp_path: Path, change: dict[str, Any]
) -> None:
    table = str(tmp_path / "table")

    def append(*days: str) -> None:
        frame = local_frame(spark, [(day, 1) for day in days], "day string, amount int")
        writer = frame.write.format("delta").option("delta.enableChangeDataFeed", "true")
        writer.mode("append").save(table)

    append("2026-01-01", "2026-01-02")
    checked = reader(spark, table, "delta", **change)
    check_reader(
        checked,
        first=["2026-01-01", "2026-01-02"],
        more=["2026-01-03"],
        key="day",
        deliver=lambda: append("2026-01-03"),
    )
    check_errors(checked)
    with pytest.raises(ConfigError, match="cannot be followed as a stream"):
        checked.follow((), limits=RateLimits(files=1, messages=1))


def test_every_format_has_a_file_with_one_reader() -> None:
    known = formats.reader_modules()
    assert set(known) >= {"csv", "json", "parquet", "text", "binary", "xlsx", "delta", "jdbc", "kafka"}  # fmt: skip
    assert {name for name in known if not formats.is_of_files(name)} == {"delta", "jdbc", "kafka"}
    assert len({reader_class(name) for name in known}) == len(known)
    with pytest.raises(ConfigError, match="did you mean 'csv'"):
        parse_mapping("m", {"costs": {"where": "/x", "format": "cvs", "time_zone": "UTC", "columns": COLUMNS}}, variables={})  # fmt: skip


# All that a new format is: one file, whose name says what it is called.
FIXED_WIDTH = '''
"""Reads lines of fixed width: a day of ten letters, then an amount."""

from dataclasses import dataclass

from pyspark.sql import functions as F

from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.measures.columns.frames import local_frame
from clarion.collect.sources.readers.values import no_text, text_map


@dataclass(frozen=True, slots=True)
class FixedReader(FileReader):
    def column_names(self, chunk):
        return ("day", "amount")

    def parse(self, loader, paths, columns):
        lines = loader.format("text").load(paths)
        parts = {"day": F.substring("value", 1, 10), "amount": F.trim(F.substring("value", 11, 9))}
        frame = lines.select("_metadata", "value", *(part.alias(name) for name, part in parts.items()))
        return ParsedFiles(frame, raw=text_map(frame, columns), text=F.col("value"), malformed=no_text())
'''


def test_one_more_file_is_one_more_format(spark: SparkSession, tmp_path: Path) -> None:
    added = tmp_path / "readers"
    added.mkdir()
    (added / "fixed_files.py").write_text(FIXED_WIDTH)
    readers.__path__.append(str(added))
    try:
        write_fixed(tmp_path / "a.dat", ["2026-01-01", "2026-01-02"])
        check_reader(
            reader(spark, f"{tmp_path}/*.dat", "fixed"),
            first=["2026-01-01", "2026-01-02"],
            more=["2026-01-03"],
            key="day",
            deliver=lambda: write_fixed(tmp_path / "b.dat", ["2026-01-03"]),
        )
    finally:
        readers.__path__.remove(str(added))
        sys.modules.pop("clarion.collect.sources.readers.fixed_files")
    with pytest.raises(ConfigError, match="there is no format 'fixed'"):
        reader(spark, f"{tmp_path}/*.dat", "fixed")


def test_a_planned_file_that_was_changed_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["2026-01-01"])
    checked = reader(spark, f"{tmp_path}/*.csv", "csv", options={"header": True})
    ((file,),) = checked.find_new([], note=print)
    write_csv(tmp_path / "a.csv", ["2026-01-02"])
    with pytest.raises(SourceError, match="was changed after it was taken"):
        checked.verify(file)


def test_files_with_other_headers_are_batches_of_their_own(
    spark: SparkSession, tmp_path: Path
) -> None:
    write_csv(tmp_path / "a.csv", ["2026-01-01"])
    (tmp_path / "b.csv").write_text("day,amount,note\n2026-01-02,1,x\n")
    with_header = reader(spark, f"{tmp_path}/*.csv", "csv", options={"header": True})
    assert len(with_header.find_new([], note=print)) == 2
    without = reader(spark, f"{tmp_path}/*.csv", "csv")
    assert len(without.find_new([], note=print)) == 1


def test_paths_are_plain_and_their_letters_no_pattern() -> None:
    assert path_of("file:///a/b%20c.csv") == "/a/b c.csv"
    assert path_of("s3a://bucket/b%20c.csv") == "s3a://bucket/b%20c.csv"
    assert escape_path("/a/[b]{c}.csv") == "/a/\\[b\\]\\{c\\}.csv"
