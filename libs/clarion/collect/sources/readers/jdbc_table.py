"""Reads a table of a database."""

from dataclasses import dataclass

from pyspark.sql import DataFrame

from clarion.collect.sources.readers.tables import TableReader


@dataclass(frozen=True, slots=True)
class JdbcReader(TableReader):
    """A table behind JDBC; `incremental` names the column that it is read by."""

    def relation(self) -> DataFrame:
        """The whole table."""
        options = {**self.source.options, **self.source.hidden_options(self.secrets)}
        return self.spark.read.format("jdbc").options(url=self.source.where, **options).load()
