"""One reader per source format."""

from collections.abc import Callable, Mapping

from pyspark.sql import SparkSession

from clarion.collect.sources.mapping import Format, Secrets, Source
from clarion.collect.sources.readers.binary_files import BinaryReader
from clarion.collect.sources.readers.csv_files import CsvReader
from clarion.collect.sources.readers.delta_table import DeltaReader
from clarion.collect.sources.readers.jdbc_table import JdbcReader
from clarion.collect.sources.readers.json_files import JsonReader
from clarion.collect.sources.readers.kafka_topic import KafkaReader
from clarion.collect.sources.readers.parquet_files import ParquetReader
from clarion.collect.sources.readers.protocol import Reader
from clarion.collect.sources.readers.text_files import TextReader

READERS: Mapping[Format, Callable[[SparkSession, Source, Secrets], Reader]] = {
    "csv": CsvReader,
    "json": JsonReader,
    "parquet": ParquetReader,
    "text": TextReader,
    "binary": BinaryReader,
    "delta": DeltaReader,
    "jdbc": JdbcReader,
    "kafka": KafkaReader,
}


def reader_of(spark: SparkSession, source: Source, secrets: Secrets) -> Reader:
    """The reader of a source's format.

    Args:
        spark: the session.
        source: what it reads.
        secrets: finds the secret behind a reference.
    """
    return READERS[source.format](spark, source, secrets)
