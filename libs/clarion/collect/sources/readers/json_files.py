"""Reads JSON files."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pyspark.sql import functions as F

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.files import FileReader, ParsedFiles
from clarion.collect.sources.readers.values import json_map


@dataclass(frozen=True, slots=True)
class JsonReader(FileReader):
    """JSON objects, one a line; with `multiLine` a document a file: an object or a list."""

    records_name_columns: ClassVar[bool] = True

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """None: each record states its own."""
        return ()

    def parse(self, loader: Any, paths: list[str] | str, columns: tuple[str, ...]) -> ParsedFiles:
        """The objects; a line that is none, or is nested too deeply, is malformed."""
        is_document = self.source.options.get("multiLine") == "true"
        options = {"wholetext": "true"} if is_document else {}
        frame = loader.options(**options).format("text").load(paths).where(F.trim("value") != "")
        if is_document:
            value = F.col("value")
            one = F.concat(F.lit("["), value, F.lit("]"))
            listed = F.when(F.ltrim(value).startswith("["), value).otherwise(one)
            items = F.coalesce(F.from_json(listed, "array<string>"), F.array(value))
            frame = frame.select("_metadata", F.explode(items).alias("value"))
        raw, malformed = json_map(F.col("value"), depth=self.source.depth)
        return ParsedFiles(frame, raw=raw, text=F.col("value"), malformed=malformed)
