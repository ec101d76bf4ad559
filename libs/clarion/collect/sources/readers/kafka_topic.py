"""Reads a Kafka topic: messages in ranges of each partition's offsets, each once.

A message is numbered by its offset, in a batch and in a stream: both give the same records.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping import Secrets, Source
from clarion.collect.sources.readers.protocol import RateLimits
from clarion.collect.sources.readers.values import json_map
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest

# The client would try for minutes before it says that nobody answers.
_TIMEOUTS = {
    "kafka.request.timeout.ms": "10000",
    "kafka.default.api.timeout.ms": "15000",
    "kafka.session.timeout.ms": "9000",
    "fetchOffset.numRetries": "1",
}
_NO_CONNECTOR = ("Failed to find data source: kafka", "FAILED_TO_FIND_KAFKA")


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Messages of one partition.

    Args:
        partition: its number.
        first: offset of the first message.
        until: offset after the last.
    """

    partition: int
    first: int
    until: int


@dataclass(frozen=True, slots=True)
class KafkaReader:
    """A topic whose messages are JSON objects; `_key` and `_timestamp` stand beside their names."""

    records_name_columns: ClassVar[bool] = True
    numbers_records: ClassVar[bool] = True
    is_repeatable: ClassVar[bool] = False
    copies_files: ClassVar[bool] = False
    chunk_noun: ClassVar[str] = "ranges"

    spark: SparkSession
    source: Source
    secrets: Secrets

    def find_new(
        self, entries: Sequence[Entry], *, note: Callable[[str], None]
    ) -> list[tuple[SourceChunk, ...]]:
        """For each partition the range of offsets that came after those taken before.

        Raises:
            SourceError: no broker answers, or messages were deleted before they were taken.
        """
        taken: dict[int, int] = {}
        for entry in entries:
            range_ = _offset_range(entry.chunk)
            taken[range_.partition] = max(taken.get(range_.partition, 0), range_.until)
        try:
            available = self._available(taken)
        except (Py4JJavaError, PySparkException) as error:
            raise self.explain(error, path=self.source.where) from error

        chunks: list[SourceChunk] = []
        for range_ in available:
            first = max(range_.first, taken.get(range_.partition, 0))
            if range_.until > first:
                chunks.append(self._chunk(OffsetRange(range_.partition, first, range_.until)))
        return [tuple(chunks)] if chunks else []

    def verify(self, chunk: SourceChunk) -> SourceChunk:
        """The chunk as it is: messages do not change."""
        return chunk

    def column_names(self, chunk: SourceChunk) -> tuple[str, ...]:
        """None: each message states its own."""
        return ()

    def read(self, chunks: Sequence[SourceChunk], columns: tuple[str, ...]) -> DataFrame:
        """The messages of some ranges; see Reader."""
        ranges = [_offset_range(chunk) for chunk in chunks]
        options = {
            **self._options(),
            "assign": json.dumps({self._topic: [range_.partition for range_ in ranges]}),
            "startingOffsets": self._offsets({item.partition: item.first for item in ranges}),
            "endingOffsets": self._offsets({item.partition: item.until for item in ranges}),
        }
        options.pop("subscribe")
        return self._records(self.spark.read.format("kafka").options(**options).load())

    def stream_columns(self) -> tuple[str, ...]:
        """None: each message states its own."""
        return ()

    def follow(self, columns: tuple[str, ...], *, limits: RateLimits) -> DataFrame:
        """The messages as a stream, from the topic's beginning."""
        options = {
            "startingOffsets": "earliest",
            "maxOffsetsPerTrigger": str(limits.messages),
            **self._options(),
        }
        return self._records(self.spark.readStream.format("kafka").options(**options).load())

    def stream_chunks(self, records: DataFrame) -> tuple[SourceChunk, ...]:
        """The ranges of offsets that one batch of the stream holds."""
        bounds = records.groupBy("_file").agg(
            F.min("_place").alias("first"), F.max("_place").alias("last")
        )
        chunks: list[SourceChunk] = []
        for row in bounds.collect():  # one row a partition
            topic, _, partition = row["_file"].removeprefix("kafka:").rpartition("/")
            range_ = OffsetRange(int(partition), row["first"], row["last"] + 1)
            chunks.append(self._chunk(range_, topic=topic))
        return tuple(chunks)

    def explain(self, error: Exception, *, path: str) -> SourceError:
        """What a person can do about a topic that cannot be read."""
        text = str(error)
        if any(name in text for name in _NO_CONNECTOR) or "kafka_2" in text.split("\n")[0]:
            return SourceError(
                f"{self.source.name}: the connector for Kafka is missing",
                found="no data source 'kafka'",
                fix="--set 'spark.packages=[org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.3]'",
            )
        lower = text.lower()
        is_lost = "data loss" in lower or "offsets out of range" in lower
        if is_lost or "OffsetOutOfRange" in text:
            return SourceError(
                f"{self.source.name}: messages of {self.source.where} were deleted "
                "before they were taken",
                found=cause(error),
                fix="take more often than the topic's retention; "
                "to continue without them: options: {failOnDataLoss: false}",
            )
        return SourceError(
            f"{self.source.name}: {self.source.where} cannot be read",
            found=cause(error),
            fix="check that the brokers are up, and correct 'where' or 'options'",
        )

    def _records(self, messages: DataFrame) -> DataFrame:
        value = F.col("value").cast("string")
        raw, malformed = json_map(value, depth=self.source.depth)
        own = F.map_filter(raw, lambda name, _: ~name.isin("_key", "_timestamp"))
        beside = F.create_map(
            F.lit("_key"),
            F.col("key").cast("string"),
            F.lit("_timestamp"),
            F.date_format("timestamp", "yyyy-MM-dd HH:mm:ss.SSSSSS'Z'"),
        )
        is_unreadable = ~F.is_valid_utf8(value) | value.isNull()
        return messages.select(
            F.map_concat(own, beside).alias("raw"),
            value.alias("_text"),
            F.when(is_unreadable, "yes").otherwise(malformed).alias("_malformed"),
            F.concat(F.lit("kafka:"), "topic", F.lit("/"), "partition").alias("_file"),
            F.lit(0).cast("bigint").alias("_block"),
            F.col("offset").alias("_place"),
        )

    def _available(self, taken: Mapping[int, int]) -> list[OffsetRange]:
        """What the topic holds after the offsets that were taken."""
        try:
            return self._ranges_since(taken)
        except (Py4JJavaError, PySparkException) as error:
            if "TopicPartition" not in str(error) or not taken:
                raise
            # The topic has more partitions than before: look through it from its beginning.
            return self._ranges_since({})

    def _ranges_since(self, taken: Mapping[int, int]) -> list[OffsetRange]:
        options = {
            **self._options(),
            "startingOffsets": self._offsets(taken) if taken else "earliest",
            "endingOffsets": "latest",
        }
        messages = self.spark.read.format("kafka").options(**options).load()
        bounds = messages.groupBy("partition").agg(
            F.min("offset").alias("first"), F.max("offset").alias("last")
        )
        rows = sorted(bounds.collect(), key=lambda row: row["partition"])  # one row a partition
        return [OffsetRange(row["partition"], row["first"], row["last"] + 1) for row in rows]

    def _options(self) -> dict[str, str]:
        """Options that batch and stream share."""
        brokers, _, topic = self.source.where.removeprefix("kafka://").partition("/")
        return {
            **_TIMEOUTS,
            "kafka.bootstrap.servers": brokers,
            "subscribe": topic,
            **self.source.options,
            **self.source.hidden_options(self.secrets),
        }

    @property
    def _topic(self) -> str:
        return self.source.where.removeprefix("kafka://").partition("/")[2]

    def _offsets(self, by_partition: Mapping[int, int]) -> str:
        offsets = {str(partition): offset for partition, offset in by_partition.items()}
        return json.dumps({self._topic: offsets})

    def _chunk(self, range_: OffsetRange, *, topic: str | None = None) -> SourceChunk:
        name = topic or self._topic
        return SourceChunk(
            f"kafka:{name}/{range_.partition}",
            0,
            digest(self.source.name, name, range_.partition),
            position=json.dumps(asdict(range_)),
        )


def _offset_range(chunk: SourceChunk) -> OffsetRange:
    return OffsetRange(**json.loads(str(chunk.position)))
