"""Messages of a Kafka topic, in ranges of each partition's offsets: what came since the last time, once.

A message's name is its partition and offset, whether it is taken in a batch or by the stream: both give the same records.
"""

import json
from collections.abc import Mapping, Sequence

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.sources.causes import cause
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.mapping import Secrets, Source
from clarion.kernel.errors import SourceError
from clarion.kernel.ids import digest

# The client would try for minutes before it says that nobody answers.
_PATIENCE = {
    "kafka.request.timeout.ms": "10000",
    "kafka.default.api.timeout.ms": "15000",
    "kafka.session.timeout.ms": "9000",
    "fetchOffset.numRetries": "1",
}


def reader_options(source: Source, secrets: Secrets) -> dict[str, str]:
    """Options that batch and stream share."""
    brokers, topic = _address(source)
    return {
        **_PATIENCE,
        "kafka.bootstrap.servers": brokers,
        "subscribe": topic,
        **source.options,
        **source.hidden_options(secrets),
    }


def _address(source: Source) -> tuple[str, str]:
    """Brokers and topic."""
    brokers, _, topic = source.where.removeprefix("kafka://").partition("/")
    return brokers, topic


def new(
    spark: SparkSession, source: Source, before: Sequence[SourceChunk], secrets: Secrets
) -> tuple[SourceChunk, ...]:
    """For each partition the range of offsets that came after those taken before.

    Raises:
        SourceError: no broker answers, or messages were deleted before they were taken.
    """
    taken: dict[int, int] = {}
    for chunk in before:
        bounds = json.loads(str(chunk.position))
        taken[bounds["partition"]] = max(taken.get(bounds["partition"], 0), int(bounds["until"]))
    try:
        try:
            found = _bounds(spark, source, taken, secrets)
        except (Py4JJavaError, PySparkException) as error:
            if "TopicPartition" not in str(error) or not taken:
                raise
            found = _bounds(
                spark, source, {}, secrets
            )  # the topic has more partitions than before: looked through from its beginning
    except (Py4JJavaError, PySparkException) as error:
        raise unreachable(source, error) from error
    _, topic = _address(source)
    chunks = []
    for partition, (first, until) in sorted(found.items()):
        first = max(first, taken.get(partition, 0))
        if until > first:
            chunks.append(_portion(source, topic, partition, first, until))
    return tuple(chunks)


def _bounds(
    spark: SparkSession, source: Source, taken: Mapping[int, int], secrets: Secrets
) -> dict[int, tuple[int, int]]:
    _, topic = _address(source)
    start = (
        json.dumps({topic: {str(partition): until for partition, until in taken.items()}})
        if taken
        else "earliest"
    )
    options = {
        **reader_options(source, secrets),
        "startingOffsets": start,
        "endingOffsets": "latest",
    }
    messages = spark.read.format("kafka").options(**options).load()
    rows = (
        messages.groupBy("partition")
        .agg(F.min("offset").alias("first"), F.max("offset").alias("last"))
        .collect()
    )  # one row a partition
    return {row["partition"]: (row["first"], row["last"] + 1) for row in rows}


def _portion(source: Source, topic: str, partition: int, first: int, until: int) -> SourceChunk:
    position = json.dumps({"partition": partition, "first": first, "until": until})
    return SourceChunk(
        f"kafka:{topic}/{partition}", 0, digest(source.name, topic, partition), position=position
    )


def messages(
    spark: SparkSession, source: Source, chunks: Sequence[SourceChunk], secrets: Secrets
) -> DataFrame:
    """Messages of ranges of offsets."""
    _, topic = _address(source)
    bounds = [json.loads(str(chunk.position)) for chunk in chunks]
    start = json.dumps({topic: {str(item["partition"]): item["first"] for item in bounds}})
    end = json.dumps({topic: {str(item["partition"]): item["until"] for item in bounds}})
    options = {
        **reader_options(source, secrets),
        "assign": json.dumps({topic: [item["partition"] for item in bounds]}),
    }
    options.pop("subscribe")
    return (
        spark.read.format("kafka")
        .options(**options, startingOffsets=start, endingOffsets=end)
        .load()
    )


def portions_in(source: Source, blocks: Sequence[tuple[str, int, int]]) -> tuple[SourceChunk, ...]:
    """The portions that a stream's batch holds.

    Args:
        source: the topic.
        blocks: name, first and last offset of each partition's messages.
    """
    made = []
    for name, first, last in blocks:
        topic, _, partition = name.removeprefix("kafka:").rpartition("/")
        made.append(_portion(source, topic, int(partition), first, last + 1))
    return tuple(made)


def unreachable(source: Source, error: Exception) -> SourceError:
    """What a person can do about a topic that cannot be read."""
    text = str(error)
    if (
        "Failed to find data source: kafka" in text
        or "FAILED_TO_FIND_KAFKA" in text
        or "kafka_2" in text.split("\n")[0]
    ):
        return SourceError(
            f"{source.name}: the connector for Kafka is missing",
            found="no data source 'kafka'",
            fix="--set 'spark.packages=[org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.3]'",
        )
    if (
        "data loss" in text.lower()
        or "offsets out of range" in text.lower()
        or "OffsetOutOfRange" in text
    ):
        return SourceError(
            f"{source.name}: messages of {source.where} were deleted before they were taken",
            found=cause(error),
            fix="take more often than the topic's retention; to go on without them: options: {failOnDataLoss: false}",
        )
    return SourceError(
        f"{source.name}: {source.where} cannot be read",
        found=cause(error),
        fix="see that the brokers are up, and mend 'where' or 'options'",
    )
