"""What readers of tables share: rows in ranges of a column that grows."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, NoReturn

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Incremental, Secrets, Source
from clarion.collect.sources.readers.protocol import RateLimits
from clarion.collect.sources.readers.values import joined_text, no_text, text_map, with_position
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError, SourceError
from clarion.kernel.ids import digest


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows whose growing column lies above one bound and not above another.

    Args:
        type: the column's type.
        above: lower bound, exclusive; None for none.
        to: upper bound, inclusive; None for none.
        rows: how many there were.
    """

    type: str
    above: str | None
    to: str | None = None
    rows: int = 0

    def lowered(self, overlap: int) -> "RowRange":
        """The range with its lower bound moved back: seconds of a time, units of a number."""
        if self.above is None or not overlap:
            return self
        if self.type.startswith("timestamp"):
            moved = str(datetime.fromisoformat(self.above) - timedelta(seconds=overlap))
        else:
            moved = str(int(self.above) - overlap)
        return replace(self, above=moved)

    def contains(self, by: str) -> Column:
        """Whether a row lies in the range."""
        column = F.col(sql.name(by))
        is_inside = F.lit(True)
        if self.above is not None:
            is_inside = is_inside & (column > F.lit(self.above).cast(self.type))
        if self.to is not None:
            is_inside = is_inside & (column <= F.lit(self.to).cast(self.type))
        return is_inside


@dataclass(frozen=True, slots=True)
class TableReader(ABC):
    """Reads a table in ranges; a format says how the table is reached."""

    records_name_columns: ClassVar[bool] = False
    numbers_records: ClassVar[bool] = False
    is_repeatable: ClassVar[bool] = False
    copies_files: ClassVar[bool] = False
    chunk_noun: ClassVar[str] = "ranges"

    spark: SparkSession
    source: Source
    secrets: Secrets

    @abstractmethod
    def relation(self) -> DataFrame:
        """The whole table."""

    def find_new(
        self, entries: Sequence[Entry], *, note: Callable[[str], None]
    ) -> list[tuple[SourceChunk, ...]]:
        """The range of rows that came after those taken before; none where there are no new ones.

        Raises:
            SourceError: the table cannot be reached, or its growing column holds nulls.
        """
        before = [entry.chunk for entry in sorted(entries, key=lambda entry: entry.taken_at)]
        try:
            chunk = self.next_chunk([chunk for chunk in before if chunk.position])
        except (Py4JJavaError, PySparkException) as error:
            raise self.explain(error, path=self.source.where) from error
        return [(chunk,)] if chunk else []

    def next_chunk(self, before: Sequence[SourceChunk]) -> SourceChunk | None:
        """The range after those taken before.

        Raises:
            ConfigError: the table does not have the growing column.
            SourceError: the growing column holds nulls.
        """
        incremental = self.source.incremental
        assert incremental is not None, "the mapping requires it"
        table = self.relation()
        last = _row_range(before[-1]) if before else None
        start = RowRange(self._type_of(table, incremental.by), last.to if last else None)
        lowered = start.lowered(incremental.overlap)
        latest = (
            table.where(lowered.contains(incremental.by))
            .agg(F.max(incremental.by).cast("string").alias("to"), F.count(F.lit(1)).alias("rows"))
            .first()
        )
        if latest is None or not latest["rows"]:
            return None
        is_same_end = incremental.overlap and latest["to"] == start.above
        if is_same_end and last and not _has_late_rows(table, start, last, incremental):
            return None
        new = replace(lowered, to=latest["to"], rows=latest["rows"])
        return self.chunk(f"{self._table}({new.above or ''}..{new.to}]", json.dumps(asdict(new)))

    def chunk(self, name: str, position: str) -> SourceChunk:
        """A range of the table under a name that holds no secret."""
        return SourceChunk(name, 0, digest(self.source.name, name), position=position)

    def verify(self, chunk: SourceChunk) -> SourceChunk:
        """The chunk as it is: its range says what is read."""
        return chunk

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """The table's columns."""
        return tuple(self.rows(chunk).columns)

    def rows(self, chunk: SourceChunk) -> DataFrame:
        """The rows of a range, in the table's own columns."""
        assert self.source.incremental is not None, "the mapping requires it"
        return self.relation().where(_row_range(chunk).contains(self.source.incremental.by))

    def read(self, chunks: Sequence[SourceChunk], columns: tuple[str, ...]) -> DataFrame:
        """The records of one range; see Reader."""
        (chunk,) = chunks
        rows = self.rows(chunk)
        return with_position(
            rows.select(
                text_map(rows, columns).alias("raw"),
                joined_text(rows, columns).alias("_text"),
                no_text().alias("_malformed"),
                F.lit(chunk.path).alias("_file"),
                F.spark_partition_id().cast("bigint").alias("_block"),
            )
        )

    def stream_columns(self) -> NoReturn:
        """Nothing.

        Raises:
            ConfigError: always; a table cannot be followed.
        """
        raise ConfigError(
            f"mapping {self.source.name}: a table cannot be followed as a stream",
            found=f"mode: {self.source.mode}",
            fix="write 'mode: batch'",
        )

    def follow(self, columns: tuple[str, ...], *, limits: RateLimits) -> NoReturn:
        """Nothing.

        Raises:
            ConfigError: always; a table cannot be followed.
        """
        self.stream_columns()

    def stream_chunks(self, records: DataFrame) -> NoReturn:
        """Nothing.

        Raises:
            ConfigError: always; a table cannot be followed.
        """
        self.stream_columns()

    def explain(self, error: Exception, *, path: str) -> SourceError:
        """What a person can do about a table that cannot be read."""
        text = str(error)
        if "No suitable driver" in text or "ClassNotFoundException" in text:
            return SourceError(
                f"{self.source.name}: the database's driver is missing",
                found=cause(error),
                fix="--set 'spark.packages=[org.postgresql:postgresql:42.7.8]'",
            )
        return SourceError(
            f"{self.source.name}: {self.source.where} cannot be read",
            found=cause(error),
            fix="check that it is up, and correct 'where', 'options' or 'secrets'",
        )

    @property
    def _table(self) -> str:
        table = self.source.options.get("dbtable")
        return f"{self.source.where.split('?')[0]}#{table}" if table else self.source.where

    def _type_of(self, table: DataFrame, by: str) -> str:
        types = dict(table.dtypes)
        if by not in types:
            raise ConfigError(
                f"mapping {self.source.name}: there is no column '{by}' to read by",
                found=", ".join(types),
                fix="correct 'incremental'",
            )
        if not table.where(F.col(by).isNull()).isEmpty():
            raise SourceError(
                f"{self.source.name}: rows without '{by}' would never be taken",
                found="nulls",
                fix="read by a column that is always set",
            )
        return types[by]


def _row_range(chunk: SourceChunk) -> RowRange:
    return RowRange(**json.loads(str(chunk.position)))


def _has_late_rows(
    table: DataFrame, start: RowRange, last: RowRange, incremental: Incremental
) -> bool:
    """Whether rows came late, within the overlap, since the last range was taken."""
    again = replace(start, above=last.above)
    return table.where(again.contains(incremental.by)).count() > last.rows
