"""Records of every way in, each as a map of text, with its file and its number in it."""

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.streaming.readwriter import DataStreamReader

from clarion.collect.sources import tables, topics
from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Secrets, Source
from clarion.kernel import sql
from clarion.kernel.errors import SourceError

_OTHER_HEADER = re.compile(r"Header: ([^\n]*)\n\s*Schema: ([^\n]*)\n.*?CSV file: (\S+)", re.DOTALL)
_DAMAGED = re.compile(
    r"(?:FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|while reading file)[^\n]*?((?:file|s3a?|abfss?|gs):[^\s'\"]+?)[.']?\s"
)
_APART = "\x1f"
_REPLACEMENT = "\ufffd"  # what a decoder puts where bytes are no text in the declared encoding


@dataclass(frozen=True, slots=True)
class FileStats:
    """What a first pass over the records found: small, one row a block of a file.

    Args:
        blocks: _file, _block, _offset, _path, _file_hash.
        records: by path of a portion.
        broken: records that cannot be taken apart.
        undecodable: records with text in another encoding.
        example_file: where one of those stands.
        names: by path, the names of its records' columns; only where each record states its own.
    """

    blocks: DataFrame
    records: dict[str, int]
    broken: int
    undecodable: int
    example_file: str | None
    names: dict[str, tuple[str, ...]]

    @property
    def all_records(self) -> int:
        return sum(self.records.values())


def columns_of(
    spark: SparkSession, source: Source, chunk: SourceChunk, secrets: Secrets
) -> tuple[str, ...]:
    """The source's column names, as a portion states them; empty for JSON, where each record does.

    Raises:
        SourceError: the file is not what its mapping says.
    """
    if source.format in ("json", "kafka"):
        return ()
    if source.format in _OWN_NAMES:
        return _OWN_NAMES[source.format]
    if not source.of_files:
        return tuple(tables.rows(spark, source, chunk, secrets).columns)
    try:
        frame = spark.read.format(source.format).options(**source.options).load(_plain(chunk.path))
        return tuple(frame.columns)
    except (Py4JJavaError, PySparkException) as error:
        raise _unreadable(error, source, chunk.path) from error


def read(
    spark: SparkSession,
    source: Source,
    chunks: tuple[SourceChunk, ...],
    columns: tuple[str, ...],
    secrets: Secrets,
) -> DataFrame:
    """Records of the portions.

    Returns:
        raw (map of text), _text (all of the record's text), _malformed ('yes' or null), _file, _block (start of the split),
        _place (position that rises with the record's number within its block).
    """
    if source.format == "kafka":
        return _messages(topics.messages(spark, source, chunks, secrets), source)
    if source.of_files:
        return placed(
            _records(spark.read, source, [_plain(chunk.path) for chunk in chunks], columns, {})
        )
    (chunk,) = chunks
    rows = tables.rows(spark, source, chunk, secrets)
    return placed(
        rows.select(
            _text_map(rows, columns).alias("raw"),
            _text_of(rows, columns).alias("_text"),
            F.lit(None).cast("string").alias("_malformed"),
            F.lit(chunk.path).alias("_file"),
            F.spark_partition_id().cast("bigint").alias("_block"),
        )
    )


def placed(records: DataFrame) -> DataFrame:
    """Records straight from their files, with `_place`; a stream's batch takes this step once it is a plain frame."""
    return (
        records
        if "_place" in records.columns
        else records.withColumn("_place", F.monotonically_increasing_id())
    )


def follow(
    spark: SparkSession,
    source: Source,
    folder: str,
    pattern: str,
    columns: tuple[str, ...],
    *,
    files_per_trigger: int,
    secrets: Secrets,
) -> DataFrame:
    """Records of a folder's files, or of a topic, as a stream, in the shape of `read`; `_place` may be missing."""
    if source.format == "kafka":
        options = {"startingOffsets": "earliest", **topics.reader_options(source, secrets)}
        return _messages(spark.readStream.format("kafka").options(**options).load(), source)
    options = {
        "pathGlobFilter": pattern,
        "recursiveFileLookup": "true",
        "maxFilesPerTrigger": str(files_per_trigger),
    }
    return _records(spark.readStream, source, folder, columns, options)


_OWN_NAMES = {
    "text": ("_line",),
    "binary": ("path", "modified_at", "bytes", "content_hash", "media_type"),
}
_MEDIA_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "log": "text/plain", "txt": "text/plain",
}  # fmt: skip


def _records(
    reader: DataFrameReader | DataStreamReader,
    source: Source,
    where: list[str] | str,
    columns: tuple[str, ...],
    extra: dict[str, str],
) -> DataFrame:
    load: Any = reader.options(**extra).options(**source.options)
    never = F.lit(None).cast("string")
    if source.format == "csv":
        schema = T.StructType(
            [T.StructField(name, T.StringType()) for name in (*columns, "_malformed")]
        )
        # enforceSchema=false: a file whose header differs from the first one's is refused, not read by position.
        options = {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": "_malformed",
            "enforceSchema": "false",
        }
        frame = load.options(**options).format("csv").schema(schema).load(where)
        raw, text_of = _text_map(frame, columns), _text_of(frame, columns)
        broken = F.when(F.col("_malformed").isNotNull(), "yes")
    elif source.format == "json":
        whole = {"wholetext": "true"} if source.options.get("multiLine") == "true" else {}
        frame = load.options(**whole).format("text").load(where).where(F.trim("value") != "")
        if whole:
            # A document is one object or a list of them.
            items = F.from_json(
                F.when(F.ltrim("value").startswith("["), F.col("value")).otherwise(
                    F.concat(F.lit("["), "value", F.lit("]"))
                ),
                "array<string>",
            )
            frame = frame.select(
                "_metadata", F.explode(F.coalesce(items, F.array("value"))).alias("value")
            )
        text_of = F.col("value")
        raw, broken = _json(text_of, source.depth)
    elif source.format == "text":
        frame = load.format("text").load(where)
        text_of = F.col("value")
        raw, broken = F.create_map(F.lit("_line"), text_of), never
    elif source.format == "binary":
        frame = load.format("binaryFile").load(where)
        raw, text_of, broken = _described(), F.col("path"), never
    else:
        frame = load.format("parquet").load(where)
        raw, text_of, broken = _text_map(frame, columns), _text_of(frame, columns), never
    records: DataFrame = frame.select(
        raw.alias("raw"),
        text_of.alias("_text"),
        broken.alias("_malformed"),
        F.col("_metadata.file_path").alias("_file"),
        F.col("_metadata.file_block_start").alias("_block")
        if source.format != "binary"
        else F.lit(0).cast("bigint").alias("_block"),
    )
    return records


def _json(text: Column, depth: int) -> tuple[Column, Column]:
    """A JSON object as a map of text, and whether it is none, or nested deeper than declared."""
    parsed = F.from_json(text, "map<string,string>", {"maxNestingDepth": str(depth)})
    return F.coalesce(parsed, F.create_map(F.lit("_text"), text)), F.when(parsed.isNull(), "yes")


def _described() -> Column:
    """A file as its name, time, length and fingerprint; its bytes stay where they are."""
    ending = F.lower(F.regexp_extract("path", r"\.([^./]+)$", 1))
    known = F.create_map(*(F.lit(part) for pair in _MEDIA_TYPES.items() for part in pair))
    values = {
        "path": F.col("path"),
        "modified_at": F.date_format("modificationTime", "yyyy-MM-dd HH:mm:ss.SSSSSS"),
        "bytes": F.col("length").cast("string"),
        "content_hash": F.sha2("content", 256),
        "media_type": F.coalesce(
            F.try_element_at(known, ending), F.lit("application/octet-stream")
        ),
    }
    return F.create_map(*(part for name, value in values.items() for part in (F.lit(name), value)))


def _messages(frame: DataFrame, source: Source) -> DataFrame:
    """Messages as records: the JSON object each holds, with its `_key` and `_timestamp` beside it."""
    value = F.col("value").cast("string")
    raw, broken = _json(value, source.depth)
    beside = F.create_map(
        F.lit("_key"),
        F.col("key").cast("string"),
        F.lit("_timestamp"),
        F.date_format("timestamp", "yyyy-MM-dd HH:mm:ss.SSSSSS"),
    )
    return frame.select(
        F.map_concat(
            F.map_filter(raw, lambda name, _: ~name.isin("_key", "_timestamp")), beside
        ).alias("raw"),
        value.alias("_text"),
        F.when(~F.is_valid_utf8(value), "yes")
        .when(value.isNull(), "yes")
        .otherwise(broken)
        .alias("_malformed"),
        F.concat(F.lit("kafka:"), "topic", F.lit("/"), "partition").alias("_file"),
        F.lit(0).cast("bigint").alias("_block"),
        F.col("offset").alias("_place"),
    )


def file_stats(records: DataFrame, source: Source, chunks: tuple[SourceChunk, ...]) -> FileStats:
    """Count records per block, and those that cannot be taken apart or decoded.

    Raises:
        SourceError: a file is cut, damaged or of another shape.
    """
    # Of the text, not of the map that is made from it: this pass then makes no maps.
    undecodable = F.contains("_text", F.lit(_REPLACEMENT))
    # Records that state their own columns are counted by the columns they state; to collect all names took 40 % longer.
    shape = (
        F.array_join(F.map_keys("raw"), _APART) if source.format in ("json", "kafka") else F.lit("")
    )
    blocks = records.groupBy("_file", "_block", shape.alias("shape")).agg(
        F.min("_place").alias("first_place"),
        F.count("*").alias("records"),
        F.count("_malformed").alias("broken"),
        F.count_if(undecodable).alias("undecodable"),
    )
    try:
        rows = blocks.collect()  # one row per split of a file and shape of its records
    except (Py4JJavaError, PySparkException) as error:
        raise _unreadable(error, source, chunks[0].path) from error
    return _summed(records.sparkSession, source, rows, chunks)


def _summed(
    spark: SparkSession, source: Source, rows: list[T.Row], chunks: tuple[SourceChunk, ...]
) -> FileStats:
    schema = "_file string, _block bigint, _offset bigint, _path string, _file_hash string"
    by_path = {chunk.path: chunk for chunk in chunks}
    offsets, seen = [], dict.fromkeys(by_path, 0)
    names: dict[str, set[str]] = {}
    in_order = sorted(rows, key=lambda row: (row["_file"], row["_block"]))
    for (file, block), group in groupby(in_order, key=lambda row: (row["_file"], row["_block"])):
        chunk, shapes = by_path[path_of(file)], list(group)
        # A message's number is its offset; a record's is counted from the beginning of its file.
        offset = (
            0
            if source.format == "kafka"
            else seen[chunk.path] - min(row["first_place"] for row in shapes)
        )
        offsets.append((file, block, offset, chunk.path, chunk.content_hash))
        seen[chunk.path] += sum(row["records"] for row in shapes)
        names.setdefault(chunk.path, set()).update(
            name
            for row in shapes
            for name in row["shape"].split(_APART)
            if name and name != "_text"
        )
    return FileStats(
        blocks=spark.createDataFrame(offsets, schema),
        records=seen,
        broken=sum(row["broken"] for row in rows),
        undecodable=sum(row["undecodable"] for row in rows),
        example_file=next(
            (row["_file"] for row in rows if row["broken"] or row["undecodable"]), None
        ),
        names={path: tuple(sorted(found)) for path, found in names.items() if found},
    )


def _unreadable(error: Exception, source: Source, path: str) -> Exception:
    """What a person can do about a file that cannot be read; anything else as it came."""
    text = str(error)
    if source.format == "kafka":
        return topics.unreachable(source, error)
    if not source.of_files:
        return tables.unreachable(source, error)
    if found := _OTHER_HEADER.search(text):
        header, schema, file = (part.strip() for part in found.groups())
        return SourceError(
            f"{file}: its header differs from that of the source's first file",
            found=f"{header}, where {schema.removesuffix(', _malformed')} was expected",
            fix="deliver files of another shape through a mapping of their own",
        )
    guilty = _DAMAGED.search(text)
    if guilty or isinstance(error, PySparkException):
        where = guilty.group(1) if guilty else path
        return SourceError(
            f"{source.name}: {where} cannot be read as {source.format}",
            found=cause(error),
            fix="deliver the file again, or mend 'format'",
        )
    return error


def numbered(records: DataFrame, found: FileStats) -> DataFrame:
    """The records with their file's path and fingerprint, and `_row`: their number in it, from 1, however it was split."""
    placed = records.join(F.broadcast(found.blocks), ["_file", "_block"])
    return placed.select(
        "raw",
        "_malformed",
        F.col("_path").alias("_file"),
        "_file_hash",
        (F.col("_place") + F.col("_offset") + 1).alias("_row"),
    )


def refuse_unreadable(source: Source, found: FileStats) -> None:
    """Stop before anything is written when files are damaged and the mapping does not accept that.

    Raises:
        SourceError: broken records under `broken: refuse`, or text in another encoding.
    """
    if found.undecodable:
        encoding = source.options.get("encoding", "UTF-8")
        raise SourceError(
            f"{source.name}: text that is not {encoding}",
            found=f"{found.undecodable} of {found.all_records} records, such as in {found.example_file}",
            fix="state the files' encoding in the mapping: options: {encoding: ISO-8859-1} or GB18030",
        )
    if found.broken and source.broken == "refuse":
        nested = (
            f"; records nested more than {source.depth} deep need 'depth' in the mapping"
            if source.format in ("json", "kafka")
            else ""
        )
        raise SourceError(
            f"{source.name}: records that cannot be taken apart",
            found=f"{found.broken} of {found.all_records} records, such as in {found.example_file}; a file may be cut",
            fix=f"deliver the file again, or accept the loss with 'broken: quarantine' in the mapping{nested}",
        )


def fingerprint(raw: Column) -> Column:
    """Equal for records that are equal in every column; 32 hexadecimal digits.

    Names and values stand apart by control characters, and null by one of its own.
    """
    names, values = (
        F.array_join(F.map_keys(raw), "\x1f"),
        F.array_join(F.map_values(raw), "\x1f", "\x1d"),
    )
    return F.md5(F.concat_ws("\x1e", names, values))


def _text_map(frame: DataFrame, columns: tuple[str, ...]) -> Column:
    return F.create_map(
        *(part for name, value in _texts(frame, columns).items() for part in (F.lit(name), value))
    )


def _text_of(frame: DataFrame, columns: tuple[str, ...]) -> Column:
    return F.concat_ws("", *_texts(frame, columns).values())


def _texts(frame: DataFrame, columns: tuple[str, ...]) -> dict[str, Column]:
    texts: dict[str, Column] = {}
    for name in columns:
        column = F.col(sql.name(name))
        nested = isinstance(frame.schema[name].dataType, T.StructType | T.ArrayType | T.MapType)
        texts[name] = F.to_json(column) if nested else column.cast("string")
    return texts


def path_of(uri: str) -> str:
    """The path as the ledger has it, from the URI that Spark's metadata gives."""
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def _plain(path: str) -> str:
    """Spark globs its paths; brackets and braces in a file's name are escaped."""
    return "".join(f"\\{letter}" if letter in "[]{}*?" else letter for letter in path)
