"""Records of every format: how many there are, how they are numbered, which are unreadable."""

from dataclasses import dataclass
from itertools import groupby

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.files import path_of
from clarion.collect.sources.readers.protocol import SKIPPED, Reader
from clarion.kernel.errors import SourceError
from clarion.measures.columns.frames import local_frame

_SEPARATOR = "\x1f"
_REPLACEMENT = "\ufffd"  # what a decoder writes where bytes are no text in the declared encoding
_BLOCKS = "_file string, _block bigint, _offset bigint, _path string, _file_hash string"


@dataclass(frozen=True, slots=True)
class FileStats:
    """What a first pass over the records counted: small, one row per block of a file.

    Args:
        blocks: _file, _block, _offset, _path, _file_hash.
        records: by path of a chunk, without lines that are none.
        skipped: lines that are no records, by the mapping's layout.
        leading: lines that Spark reads as records at the beginning of each file, though none are.
        malformed: records that cannot be parsed.
        undecodable: records with text in another encoding.
        example_file: where one of those is.
        columns: by path, the columns that its records state; empty where the chunk states them.
    """

    blocks: DataFrame
    records: dict[str, int]
    skipped: int
    leading: int
    malformed: int
    undecodable: int
    example_file: str | None
    columns: dict[str, tuple[str, ...]]

    @property
    def total(self) -> int:
        """Records of all chunks."""
        return sum(self.records.values())


def file_stats(reader: Reader, records: DataFrame, *, chunks: tuple[SourceChunk, ...]) -> FileStats:
    """Count records per block, and those that cannot be parsed or decoded.

    Args:
        reader: who read them.
        records: as `Reader.read` returns them.
        chunks: what was read.

    Raises:
        SourceError: a file is cut, damaged or of another shape.
    """
    # Of the text, not of the map that is made from it: this pass then makes no maps.
    is_undecodable = F.contains("_text", F.lit(_REPLACEMENT))
    # Records that state their own columns are counted by the columns they state: to collect all
    # names took 40 % longer.
    names = F.array_join(F.map_keys("raw"), _SEPARATOR)
    shape = names if reader.records_name_columns else F.lit("")
    blocks = records.groupBy("_file", "_block", shape.alias("shape")).agg(
        F.min("_place").alias("first_place"),
        F.count("*").alias("records"),
        F.count_if(F.col("_malformed") == SKIPPED).alias("skipped"),
        F.count_if(F.col("_malformed") == "yes").alias("malformed"),
        _malformed_places(reader.source.leading_lines).alias("first_malformed"),
        F.count_if(is_undecodable).alias("undecodable"),
    )
    try:
        rows = blocks.collect()  # one row per split of a file and shape of its records
    except (Py4JJavaError, PySparkException) as error:
        raise reader.explain(error, path=chunks[0].path) from error
    return _sum_blocks(reader, records.sparkSession, rows, chunks)


def _malformed_places(leading: int) -> Column:
    """The places of a block's first malformed records: as many as lines before its records.

    Those lines mostly have other cells than records, and count as malformed until the place where
    the file begins is known.
    """
    if not leading:
        return F.array().cast("array<bigint>")
    places = F.collect_list(F.when(F.col("_malformed") == "yes", F.col("_place")))
    return F.slice(F.array_sort(places), 1, leading)


def _sum_blocks(
    reader: Reader, spark: SparkSession, rows: list[T.Row], chunks: tuple[SourceChunk, ...]
) -> FileStats:
    by_path = {chunk.path: chunk for chunk in chunks}
    records = dict.fromkeys(by_path, 0)
    columns: dict[str, set[str]] = {}
    blocks: list[tuple[str, int, int, str, str]] = []
    leading = reader.source.leading_lines
    begun: set[str] = set()
    leading_malformed = 0
    skipped_by_path = dict.fromkeys(by_path, 0)
    in_order = sorted(rows, key=_block_of)
    for (file, block), group in groupby(in_order, key=_block_of):
        chunk = by_path[path_of(file)]
        shapes = list(group)
        # A message's number is its offset; a record's is counted from the beginning of its file.
        offset = 0
        if not reader.numbers_records:
            first = min(row["first_place"] for row in shapes)
            offset = records[chunk.path] - first - leading
            if chunk.path not in begun:
                begun.add(chunk.path)
                places = [place for row in shapes for place in row["first_malformed"]]
                leading_malformed += sum(place < first + leading for place in places)
        blocks.append((file, block, offset, chunk.path, chunk.content_hash))
        for row in shapes:
            records[chunk.path] += row["records"]
            skipped_by_path[chunk.path] += row["skipped"]
            columns.setdefault(chunk.path, set()).update(_columns_in(row["shape"]))
    unreadable = (row["_file"] for row in rows if row["malformed"] or row["undecodable"])
    return FileStats(
        blocks=local_frame(spark, blocks, _BLOCKS),
        records={
            path: max(count - leading - skipped_by_path[path], 0) for path, count in records.items()
        },
        skipped=reader.source.layout.lines_before * len(begun) + sum(skipped_by_path.values()),
        leading=leading,
        malformed=sum(row["malformed"] for row in rows) - leading_malformed,
        undecodable=sum(row["undecodable"] for row in rows),
        example_file=next(unreadable, None),
        columns={path: tuple(sorted(names)) for path, names in columns.items() if names},
    )


def _block_of(row: T.Row) -> tuple[str, int]:
    return row["_file"], row["_block"]


def _columns_in(shape: str) -> list[str]:
    return [name for name in shape.split(_SEPARATOR) if name and name != "_text"]


def number_records(records: DataFrame, stats: FileStats) -> DataFrame:
    """The records with their file's path and fingerprint, and their number in it.

    Returns:
        raw, _malformed, _file (path), _file_hash, _row (from 1, however the file was split);
        without lines that are no records, which keep their numbers.
    """
    in_blocks = records.join(F.broadcast(stats.blocks), ["_file", "_block"])
    numbered = in_blocks.select(
        "raw",
        "_malformed",
        F.col("_path").alias("_file"),
        "_file_hash",
        (F.col("_place") + F.col("_offset") + 1).alias("_row"),
    )
    if not (stats.leading or stats.skipped):
        return numbered
    return numbered.where(f"_row > 0 AND coalesce(_malformed, '') <> '{SKIPPED}'")


def refuse_unreadable(reader: Reader, stats: FileStats) -> None:
    """Stop before anything is written when files are damaged and the mapping does not accept that.

    Raises:
        SourceError: malformed records under `malformed: refuse`, or text in another encoding.
    """
    source = reader.source
    if stats.undecodable:
        encoding = source.options.get("encoding", "UTF-8")
        raise SourceError(
            f"{source.name}: text that is not {encoding}",
            found=f"{stats.undecodable} of {stats.total} records, such as in {stats.example_file}",
            fix="state the files' encoding in the mapping: options: {encoding: ISO-8859-1} "
            "or GB18030",
        )
    if stats.malformed and source.malformed == "refuse":
        depth = (
            f"; records nested more than {source.depth} deep need 'depth' in the mapping"
            if reader.records_name_columns
            else ""
        )
        raise SourceError(
            f"{source.name}: records that cannot be parsed",
            found=f"{stats.malformed} of {stats.total} records, such as in {stats.example_file}; "
            "a file may be cut",
            fix="deliver the file again, or accept the loss with 'malformed: quarantine' "
            f"in the mapping{depth}",
        )


def fingerprint(raw: Column) -> Column:
    """Equal for records that are equal in every column; 32 hexadecimal digits.

    Names and values stand apart by control characters, and null by one of its own.
    """
    names = F.array_join(F.map_keys(raw), "\x1f")
    values = F.array_join(F.map_values(raw), "\x1f", "\x1d")
    return F.md5(F.concat_ws("\x1e", names, values))
