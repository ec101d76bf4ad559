"""Reads a Delta table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame

from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.readers.tables import TableReader
from clarion.kernel import sql
from clarion.kernel.errors import SourceError

_CHANGE_COLUMNS = ("_change_type", "_commit_version", "_commit_timestamp")
_NO_CHANGES = ("DELTA_MISSING_CHANGE_DATA", "DELTA_CHANGE_DATA")


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Versions of a table.

    Args:
        after: the last version that was taken; None for none.
        version: the last of the range.
    """

    after: int | None
    version: int


@dataclass(frozen=True, slots=True)
class DeltaReader(TableReader):
    """A Delta table: by its versions, or by the growing column that `incremental` names."""

    def relation(self) -> DataFrame:
        """The whole table."""
        reader = self.spark.read.format("delta").options(**self.source.options)
        return reader.load(self.source.where)

    def next_chunk(self, before: Sequence[SourceChunk]) -> SourceChunk | None:
        """The range after those taken before; see TableReader."""
        if self.source.incremental:
            return TableReader.next_chunk(self, before)
        history = self.spark.sql(f"DESCRIBE HISTORY delta.{sql.name(self.source.where)} LIMIT 1")
        latest = history.first()
        version = int(latest["version"]) if latest else 0
        after = _position(before[-1])["version"] if before else None
        if after == version:
            return None
        first = "" if after is None else after + 1
        new = VersionRange(after, version)
        chunk = self.chunk(f"{self._table}@{first}..{version}", json.dumps(asdict(new)))
        if after is not None:
            # The file listing is lazy: missing changes show here, before anything is planned.
            self.rows(chunk).isEmpty()
        return chunk

    def rows(self, chunk: SourceChunk) -> DataFrame:
        """The rows of a range, in the table's own columns."""
        position = _position(chunk)
        if "version" not in position:
            return TableReader.rows(self, chunk)
        versions = VersionRange(**position)
        reader = self.spark.read.format("delta")
        if versions.after is None:
            return reader.option("versionAsOf", versions.version).load(self.source.where)
        options = {
            "readChangeFeed": "true",
            "startingVersion": str(versions.after + 1),
            "endingVersion": str(versions.version),
        }
        changes = reader.options(**options).load(self.source.where)
        new = changes.where("_change_type IN ('insert', 'update_postimage')")
        return new.drop(*_CHANGE_COLUMNS)

    def explain(self, error: Exception, *, path: str) -> SourceError:
        """What a person can do about a table that cannot be read."""
        text = str(error)
        if any(name in text for name in _NO_CHANGES) or "change data feed" in text.lower():
            return SourceError(
                f"{self.source.name}: {self.source.where} does not record what changed",
                found="no change data feed",
                fix="ALTER TABLE ... SET TBLPROPERTIES (delta.enableChangeDataFeed = true), "
                "or write 'incremental: {by: COLUMN}'",
            )
        return TableReader.explain(self, error, path=path)


def _position(chunk: SourceChunk) -> dict[str, Any]:
    position: dict[str, Any] = json.loads(str(chunk.position))
    return position
