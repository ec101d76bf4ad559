"""Reads a table of a database."""

from dataclasses import dataclass

from pyspark.sql import DataFrame

from clarion.collect.sources.readers.tables import TableReader


@dataclass(frozen=True, slots=True)
class JdbcReader(TableReader):
    """A table behind JDBC; `incremental` names the column that it is read by."""

    def relation(self) -> DataFrame:
        """The whole table."""
        # A time without a zone is the database's local time; without this option Spark takes it for
        # an instant, and it could not be told from one.
        options = {
            "preferTimestampNTZ": "true",
            **self.source.options,
            **self.source.hidden_options(self.secrets),
        }
        return self.spark.read.format("jdbc").options(url=self.source.where, **options).load()
