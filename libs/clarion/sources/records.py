"""Records of files, each as a map of text, with its file and its number in it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.streaming.readwriter import DataStreamReader

from clarion.kernel.errors import SourceError
from clarion.sources.files import SourceFile
from clarion.sources.mapping import Source

_OTHER_HEADER = re.compile(r"Header: ([^\n]*)\n\s*Schema: ([^\n]*)\n.*?CSV file: (\S+)", re.DOTALL)
_REPLACEMENT = "\ufffd"  # what a decoder puts where bytes are no text in the declared encoding


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass over the records found: small, one row a block of a file."""

    blocks: DataFrame
    records: int
    broken: int
    undecodable: int
    example_file: str | None


def columns_of(spark: SparkSession, source: Source, path: str) -> tuple[str, ...]:
    """The source's column names, as the first file states them; empty for JSON, where each record does.

    Raises:
        SourceError: the file is not what its mapping says.
    """
    if source.format == "json":
        return ()
    try:
        frame = spark.read.format(source.format).options(**source.options).load(_plain(path))
        return tuple(frame.columns)
    except PySparkException as error:
        raise SourceError(f"{source.name}: {path} cannot be read as {source.format}", found=_first_line(error), fix="mend 'format' or the file") from error


def read(spark: SparkSession, source: Source, paths: tuple[str, ...], columns: tuple[str, ...]) -> DataFrame:
    """Records of the files.

    Returns:
        raw (map of text), _broken ('yes' or null), _file, _block (start of the split), _place (position that rises
        with the record's number within its block).
    """
    return placed(_records(spark.read, source, [_plain(path) for path in paths], columns, {}))


def placed(records: DataFrame) -> DataFrame:
    """Records straight from their files, with `_place`; a stream's batch takes this step once it is a plain frame."""
    return records.withColumn("_place", F.monotonically_increasing_id())


def follow(spark: SparkSession, source: Source, folder: str, pattern: str, columns: tuple[str, ...], *, files_per_trigger: int) -> DataFrame:
    """Records of a folder's files as a stream, in the shape of `read` without `_place`."""
    options = {"pathGlobFilter": pattern, "recursiveFileLookup": "true", "maxFilesPerTrigger": str(files_per_trigger)}
    return _records(spark.readStream, source, folder, columns, options)


def _records(reader: DataFrameReader | DataStreamReader, source: Source, where: list[str] | str, columns: tuple[str, ...], extra: dict[str, str]) -> DataFrame:
    load: Any = reader.options(**extra).options(**source.options)
    if source.format == "csv":
        text = T.StructType([T.StructField(name, T.StringType()) for name in (*columns, "_broken")])
        # enforceSchema=false: a file whose header differs from the first one's is refused, not read by position.
        options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_broken", "enforceSchema": "false"}
        frame = load.options(**options).format("csv").schema(text).load(where)
        raw = _text_map(frame, columns)
        broken = F.when(F.col("_broken").isNotNull(), "yes")
    elif source.format == "json":
        frame = load.format("text").load(where).where(F.trim("value") != "")
        parsed = F.from_json("value", "map<string,string>")
        raw = F.coalesce(parsed, F.create_map(F.lit("_text"), F.col("value")))
        broken = F.when(parsed.isNull(), "yes")
    else:
        frame = load.format("parquet").load(where)
        raw = _text_map(frame, columns)
        broken = F.lit(None).cast("string")
    records: DataFrame = frame.select(
        raw.alias("raw"),
        broken.alias("_broken"),
        F.col("_metadata.file_path").alias("_file"),
        F.col("_metadata.file_block_start").alias("_block"),
    )
    return records


def survey(records: DataFrame, files: tuple[SourceFile, ...]) -> Survey:
    """Count records per block, and those that cannot be taken apart or decoded."""
    undecodable = F.contains(F.array_join(F.map_values("raw"), ""), F.lit(_REPLACEMENT))
    blocks = records.groupBy("_file", "_block").agg(
        F.min("_place").alias("first_place"),
        F.count("*").alias("records"),
        F.count("_broken").alias("broken"),
        F.count_if(undecodable).alias("undecodable"),
    )
    try:
        rows = blocks.collect()  # one row per split of a file
    except (Py4JJavaError, PySparkException) as error:
        raise _unreadable(error) from error
    spark = records.sparkSession
    schema = "_file string, _block bigint, _offset bigint, _path string, _file_hash string"
    by_path = {file.path: file for file in files}
    offsets, seen = [], dict[str, int]()
    for row in sorted(rows, key=lambda row: (row["_file"], row["_block"])):
        file = by_path[path_of(row["_file"])]
        offsets.append((row["_file"], row["_block"], seen.get(row["_file"], 0) - row["first_place"], file.path, file.content_hash))
        seen[row["_file"]] = seen.get(row["_file"], 0) + row["records"]
    guilty = next((row["_file"] for row in rows if row["broken"] or row["undecodable"]), None)
    return Survey(
        blocks=spark.createDataFrame(offsets, schema),
        records=sum(row["records"] for row in rows),
        broken=sum(row["broken"] for row in rows),
        undecodable=sum(row["undecodable"] for row in rows),
        example_file=guilty,
    )


def _unreadable(error: Exception) -> Exception:
    """A file whose header differs from the first one's as a SourceError; anything else as it came."""
    if not (found := _OTHER_HEADER.search(str(error))):
        return error
    header, schema, file = (part.strip() for part in found.groups())
    return SourceError(
        f"{file}: its header differs from that of the source's first file",
        found=f"{header}, where {schema.removesuffix(', _broken')} was expected",
        fix="deliver files of another shape through a mapping of their own",
    )


def numbered(records: DataFrame, found: Survey) -> DataFrame:
    """The records with their file's path and fingerprint, and `_row`: their number in it, from 1, however it was split."""
    placed = records.join(F.broadcast(found.blocks), ["_file", "_block"])
    return placed.select("raw", "_broken", F.col("_path").alias("_file"), "_file_hash", (F.col("_place") + F.col("_offset") + 1).alias("_row"))


def refuse_unreadable(source: Source, found: Survey) -> None:
    """Stop before anything is written when files are damaged and the mapping does not accept that.

    Raises:
        SourceError: broken records under `broken: refuse`, or text in another encoding.
    """
    if found.undecodable:
        encoding = source.options.get("encoding", "UTF-8")
        raise SourceError(
            f"{source.name}: text that is not {encoding}",
            found=f"{found.undecodable} of {found.records} records, such as in {found.example_file}",
            fix="state the files' encoding in the mapping: options: {encoding: ISO-8859-1} or GB18030",
        )
    if found.broken and source.broken == "refuse":
        raise SourceError(
            f"{source.name}: records that cannot be taken apart",
            found=f"{found.broken} of {found.records} records, such as in {found.example_file}; a file may be cut",
            fix="deliver the file again, or accept the loss with 'broken: quarantine' in the mapping",
        )


def fingerprint(raw: Column) -> Column:
    """Equal for records that are equal in every column; 32 hexadecimal digits.

    Names and values stand apart by control characters, and null by one of its own.
    """
    names, values = F.array_join(F.map_keys(raw), "\x1f"), F.array_join(F.map_values(raw), "\x1f", "\x1d")
    return F.md5(F.concat_ws("\x1e", names, values))


def _text_map(frame: DataFrame, columns: tuple[str, ...]) -> Column:
    entries: list[Column] = []
    for name in columns:
        column = F.col(f"`{name}`")
        nested = isinstance(frame.schema[name].dataType, T.StructType | T.ArrayType | T.MapType)
        entries += [F.lit(name), F.to_json(column) if nested else column.cast("string")]
    return F.create_map(*entries)


def path_of(uri: str) -> str:
    """The path as the ledger has it, from the URI that Spark's metadata gives."""
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def _plain(path: str) -> str:
    """Spark globs its paths; brackets and braces in a file's name are escaped."""
    return "".join(f"\\{letter}" if letter in "[]{}*?" else letter for letter in path)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
