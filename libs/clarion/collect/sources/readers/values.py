"""Column expressions that readers share."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from clarion.kernel import sql


def text_map(frame: DataFrame, columns: tuple[str, ...]) -> Column:
    """A record's columns as a map of text."""
    pairs = _texts(frame, columns).items()
    return F.create_map(*(part for name, value in pairs for part in (F.lit(name), value)))


def joined_text(frame: DataFrame, columns: tuple[str, ...]) -> Column:
    """All text of a record in one."""
    return F.concat_ws("", *_texts(frame, columns).values())


def json_map(text: Column, *, depth: int) -> tuple[Column, Column]:
    """A JSON object as a map of text, and 'yes' if it is malformed or nested too deeply."""
    parsed = F.from_json(text, "map<string,string>", {"maxNestingDepth": str(depth)})
    raw = F.coalesce(parsed, F.create_map(F.lit("_text"), text))
    return raw, F.when(parsed.isNull(), "yes")


def no_text() -> Column:
    """Null, as text."""
    return F.lit(None).cast("string")


def with_position(records: DataFrame) -> DataFrame:
    """Records with `_place`; a batch of a stream takes this step once it is a plain frame."""
    if "_place" in records.columns:
        return records
    return records.withColumn("_place", F.monotonically_increasing_id())


def _texts(frame: DataFrame, columns: tuple[str, ...]) -> dict[str, Column]:
    texts: dict[str, Column] = {}
    for name in columns:
        texts[name] = _text(F.col(sql.name(name)), frame.schema[name].dataType)
    return texts


def _text(column: Column, type_: T.DataType) -> Column:
    """A value as text; an instant states that it is UTC, the session's zone."""
    if isinstance(type_, T.StructType | T.ArrayType | T.MapType):
        return F.to_json(column)
    if isinstance(type_, T.TimestampType):
        return F.concat(column.cast("string"), F.lit("Z"))
    return column.cast("string")
