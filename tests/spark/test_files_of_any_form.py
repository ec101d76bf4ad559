"""What ingest and clean make of files under the mapping that infer proposes for each."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import pytest
import yaml
from mutated_files import COLUMN_OF, PLAIN, RECORDS, Form, damaged, records
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources.mapping import Source
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.records import file_stats, number_records, refuse_unreadable
from clarion.config import Config
from clarion.declarations.shop import parse_sources
from clarion.kernel.errors import ClarionError, ConfigError, SourceError
from clarion.kernel.ids import digest
from clarion.onboarding.new_shop import infer_mapping
from clarion.onboarding.trial import judge_records

FORMS = (
    PLAIN,
    Form(separator=";", line_end="\r\n", encoding="cp1252", shift=2),
    Form(separator="\t", line_end="\r\n", encoding="utf-16", shift=5),
    Form(line_end="\r", has_mark=True),
    Form(separator=";", before=("sep=;",), has_mark=True),
    Form(separator="|", before=("Report", "", "made on 2026-05-31"), after=("", "Total;30")),
)
MORE_FORMS = tuple(
    Form(separator, line_end, encoding, shift, before, after)
    for separator, shift in ((",", 1), (";", 2), ("\t", 3))
    for line_end in ("\n", "\r\n", "\r")
    for encoding in ("utf-8", "utf-16", "cp1252")
    for before, after in (((), ()), (("Report",), ("30 records",)))
)
_ORDERS = Counter(tuple(row[name] for name in COLUMN_OF.values()) for row in records())


@dataclass(frozen=True, slots=True)
class Taken:
    """Files of one mapping as ingest and clean take them.

    Args:
        rows: _file, _row, is_accepted and the kind's columns as text.
        records: by path, as the first pass counted them.
    """

    rows: DataFrame
    records: dict[str, int]


def _write(folder: Path, contents: dict[str, bytes]) -> dict[str, list[str]]:
    """Each file in a folder of its mapping; the names of the files by that folder."""
    (folder / "new").mkdir()
    by_mapping: dict[str, list[str]] = {}
    for name, content in contents.items():
        path = folder / "new" / f"{name}.csv"
        path.write_bytes(content)
        try:
            proposal = infer_mapping(Config.load(), str(path), kind="orders")
        except SourceError:
            path.unlink()
            continue
        body = proposal.body | {"where": "${data}/*.csv"}
        # Ingest refuses a damaged file with all that come with it.
        mapping = folder / f"{name[:4]}-{digest(sorted(body.items(), key=str))[:12]}"
        if not mapping.exists():
            mapping.mkdir()
            proposal.body = body
            (mapping / "mapping.yml").write_text(proposal.text(), encoding="utf-8")
        path.rename(mapping / path.name)
        by_mapping.setdefault(str(mapping), []).append(name)
    return by_mapping


def _take(spark: SparkSession, source: Source) -> Iterable[Taken]:
    """The files of a source, group by group; nothing of a group that ingest refuses."""
    config = Config.load()
    reader = reader_of(spark, source, config.secret)
    for chunks in reader.find_new([], note=lambda _: None):
        try:
            read = reader.read(chunks, reader.column_names(chunks[0]))
            stats = file_stats(reader, read, chunks=chunks)
            refuse_unreadable(reader, stats)
        except ClarionError:
            continue
        judged = judge_records(number_records(read, stats), config, source)
        columns = (F.col(name).cast("string").alias(name) for name in COLUMN_OF)
        is_accepted = (F.size("_reasons") == 0).alias("is_accepted")
        yield Taken(judged.select("_file", "_row", is_accepted, *columns), stats.records)


def _check(spark: SparkSession, tmp_path: Path, contents: dict[str, bytes], *, equal: int) -> None:
    """Rows reconcile for every file; the first so many files give the same orders."""
    taken: list[Taken] = []
    for folder in _write(tmp_path, contents):
        content = yaml.safe_load((Path(folder) / "mapping.yml").read_text(encoding="utf-8"))
        try:
            (source,) = parse_sources(Config.load(), "any", content, data=folder)
        except ConfigError:  # a required column is left to a person
            continue
        taken += _take(spark, source)
    rows = reduce(DataFrame.unionByName, (item.rows for item in taken)).collect()
    counted = {path: count for item in taken for path, count in item.records.items()}
    found = Counter(row["_file"] for row in rows)
    assert {path: count for path, count in counted.items() if count} == dict(found)
    for path, count in found.items():
        numbers = sorted(row["_row"] for row in rows if row["_file"] == path)
        assert len(set(numbers)) == count
    for name in list(contents)[:equal]:
        orders = Counter(
            tuple(_plain(row[column]) for column in COLUMN_OF)
            for row in rows
            if Path(row["_file"]).stem == name and row["is_accepted"]
        )
        assert orders == _ORDERS, name
    assert equal * RECORDS <= len(rows)


def _plain(text: str) -> str:
    """A value as the file has it: 1 for 1.0000, 1.50 for 1.5000."""
    return (
        text.removesuffix(".0000").removesuffix("00")
        if text.endswith("00") and "." in text
        else text
    )


def _contents(forms: Iterable[Form], seeds: Iterable[int]) -> dict[str, bytes]:
    readable = {f"form{index}": form.written() for index, form in enumerate(forms)}
    return readable | {f"seed{seed}": damaged(PLAIN.written(), seed) for seed in seeds}


@pytest.mark.deep
def test_files_of_any_form_give_the_same_orders_and_damaged_ones_reconcile(
    spark: SparkSession, tmp_path: Path
) -> None:
    _check(spark, tmp_path, _contents(FORMS, range(16)), equal=len(FORMS))


@pytest.mark.slow
def test_many_files_of_any_form_give_the_same_orders_and_damaged_ones_reconcile(
    spark: SparkSession, tmp_path: Path
) -> None:
    _check(spark, tmp_path, _contents(MORE_FORMS, range(100, 300)), equal=len(MORE_FORMS))
