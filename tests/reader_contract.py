"""What every reader of a source format promises; each format passes the same checks."""

from collections.abc import Callable
from datetime import UTC, datetime

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.readers.protocol import RECORD_COLUMNS, Reader
from clarion.collect.sources.records import FileStats, file_stats, number_records, refuse_unreadable
from clarion.kernel.errors import ClarionError


def entries_of(chunks: tuple[SourceChunk, ...]) -> list[Entry]:
    """The chunks as the ledger has them once they were taken."""
    now = datetime.now(UTC)
    return [
        Entry(chunk=chunk, batch="b", state="taken", columns=(), taken_at=now) for chunk in chunks
    ]


def chunks_of(groups: list[tuple[SourceChunk, ...]]) -> tuple[SourceChunk, ...]:
    """All chunks of some groups, by path."""
    return tuple(sorted((chunk for group in groups for chunk in group), key=lambda c: c.path))


def read_records(
    reader: Reader, chunks: tuple[SourceChunk, ...]
) -> tuple[list[dict[str, str]], FileStats]:
    """The raw records in the order of their numbers, and what was counted in them."""
    columns = reader.column_names(chunks[0])
    assert (columns == ()) is reader.records_name_columns
    records = reader.read(chunks, columns)
    if not reader.is_repeatable:
        records = records.persist()
    assert set(records.columns) == set(RECORD_COLUMNS)
    types = dict(records.dtypes)
    assert types["raw"] == "map<string,string>"
    assert (types["_text"], types["_malformed"], types["_file"]) == ("string",) * 3
    assert (types["_block"], types["_place"]) == ("bigint", "bigint")
    stats = file_stats(reader, records, chunks=chunks)
    refuse_unreadable(reader, stats)
    assert set(stats.records) == {chunk.path for chunk in chunks}
    rows = number_records(records, stats).orderBy("_file", "_row").collect()
    assert len({(row["_file"], row["_row"]) for row in rows}) == len(rows) == stats.total
    assert {row["_file_hash"] for row in rows} == {chunk.content_hash for chunk in chunks}
    assert {row["_malformed"] for row in rows} == {None}
    return [row["raw"] for row in rows], stats


def check_reader(
    reader: Reader, *, first: list[str], more: list[str], key: str, deliver: Callable[[], None]
) -> None:
    """What is new is found once, read the same each time, and numbered from 1.

    Args:
        reader: of a source that holds the first records.
        first: values of the key in the first records.
        more: values of the key in the records that `deliver` adds.
        key: a column of the records.
        deliver: adds records to the source.
    """
    notes: list[str] = []
    groups = reader.find_new([], note=notes.append)
    chunks = chunks_of(groups)
    assert len({chunk.path for chunk in chunks}) == len(chunks) > 0
    assert chunks_of(reader.find_new([], note=notes.append)) == chunks
    assert tuple(reader.verify(chunk).content_hash for chunk in chunks) == tuple(
        chunk.content_hash for chunk in chunks
    )

    raw, stats = read_records(reader, chunks)
    assert sorted(record[key] for record in raw) == sorted(first)
    assert stats.total == len(first)
    assert read_records(reader, chunks)[0] == raw

    taken = entries_of(chunks)
    assert reader.find_new(taken, note=notes.append) == []
    deliver()
    new = chunks_of(reader.find_new(taken, note=notes.append))
    assert sorted(record[key] for record in read_records(reader, new)[0]) == sorted(more)
    assert reader.find_new([*taken, *entries_of(new)], note=notes.append) == []
    assert notes == []
    assert reader.chunk_noun in ("files", "ranges")


def check_errors(reader: Reader) -> None:
    """An error that a reader knows becomes one that names the source and a fix."""
    error = reader.explain(ValueError("[FAILED_READ_FILE] while reading file:/a/b.csv. "), path="x")
    assert isinstance(error, ClarionError)
    assert reader.source.name in error.what
    assert error.fix is not None
