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
from clarion.collect.sources.readers.protocol import Reader
from clarion.kernel.errors import SourceError

_SEPARATOR = "\x1f"
_REPLACEMENT = "\ufffd"  # what a decoder writes where bytes are no text in the declared encoding
_BLOCKS = "_file string, _block bigint, _offset bigint, _path string, _file_hash string"


@dataclass(frozen=True, slots=True)
class FileStats:
    """What a first pass over the records counted: small, one row per block of a file.

    Args:
        blocks: _file, _block, _offset, _path, _file_hash.
        records: by path of a chunk.
        malformed: records that cannot be parsed.
        undecodable: records with text in another encoding.
        example_file: where one of those is.
        columns: by path, the columns that its records state; empty where the chunk states them.
    """

    blocks: DataFrame
    records: dict[str, int]
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
        F.count("_malformed").alias("malformed"),
        F.count_if(is_undecodable).alias("undecodable"),
    )
    try:
        rows = blocks.collect()  # one row per split of a file and shape of its records
    except (Py4JJavaError, PySparkException) as error:
        raise reader.explain(error, path=chunks[0].path) from error
    return _sum_blocks(records.sparkSession, rows, chunks, numbers_records=reader.numbers_records)


def _sum_blocks(
    spark: SparkSession,
    rows: list[T.Row],
    chunks: tuple[SourceChunk, ...],
    *,
    numbers_records: bool,
) -> FileStats:
    by_path = {chunk.path: chunk for chunk in chunks}
    records = dict.fromkeys(by_path, 0)
    columns: dict[str, set[str]] = {}
    blocks: list[tuple[str, int, int, str, str]] = []
    in_order = sorted(rows, key=_block_of)
    for (file, block), group in groupby(in_order, key=_block_of):
        chunk = by_path[path_of(file)]
        shapes = list(group)
        # A message's number is its offset; a record's is counted from the beginning of its file.
        offset = 0
        if not numbers_records:
            offset = records[chunk.path] - min(row["first_place"] for row in shapes)
        blocks.append((file, block, offset, chunk.path, chunk.content_hash))
        for row in shapes:
            records[chunk.path] += row["records"]
            columns.setdefault(chunk.path, set()).update(_columns_in(row["shape"]))
    unreadable = (row["_file"] for row in rows if row["malformed"] or row["undecodable"])
    return FileStats(
        blocks=spark.createDataFrame(blocks, _BLOCKS),
        records=records,
        malformed=sum(row["malformed"] for row in rows),
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
        raw, _malformed, _file (path), _file_hash, _row (from 1, however the file was split).
    """
    in_blocks = records.join(F.broadcast(stats.blocks), ["_file", "_block"])
    return in_blocks.select(
        "raw",
        "_malformed",
        F.col("_path").alias("_file"),
        "_file_hash",
        (F.col("_place") + F.col("_offset") + 1).alias("_row"),
    )


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
