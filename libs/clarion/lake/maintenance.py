"""Upkeep of tables: which exist, how many files they have, and fewer of these."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyspark.util import inheritable_thread_target

from clarion.contracts import Table
from clarion.kernel.parallel import run_concurrently
from clarion.lake.lake import Lake
from clarion.lake.writes import run_write

_RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What upkeep may do with a lake; it reads no rows.

    Args:
        lake: the tables.
    """

    lake: Lake

    @property
    def folder(self) -> Path | None:
        """The lake's folder; None where it is behind a URL or in a catalog."""
        return Path(self.lake.root) if self.lake.location.is_folder else None

    def existing(self, tables: Iterable[Table]) -> list[Table]:
        """Those of the tables that were ever created."""
        return [table for table in tables if self.lake.exists(table)]

    def files(self, table: Table) -> tuple[int, int]:
        """Number of data files of the table's last version, and their bytes."""
        detail = (
            self.lake.spark.sql(f"DESCRIBE DETAIL {self.lake.address(table)}")
            .select("numFiles", "sizeInBytes")
            .first()
        )
        return (0, 0) if detail is None else (int(detail["numFiles"]), int(detail["sizeInBytes"]))

    def data_files(self, table: Table) -> list[Path]:
        """The data files of all versions of a table; none where the lake is no folder."""
        if self.folder is None:
            return []
        files = Path(self.lake.path(table)).rglob("*.parquet")
        return sorted(file for file in files if "_delta_log" not in file.parts)

    def compact(self, table: Table) -> None:
        """Write many small files into few, clustered as the contract says; other writes go on."""
        self.lake.ensure(table)
        run_write(
            table, lambda: self.lake.spark.sql(f"OPTIMIZE {self.lake.address(table)}").first()
        )

    def vacuum(self, tables: Iterable[Table], *, keep_hours: int) -> None:
        """Remove files that no version of the last hours needs; older versions become unreadable.

        Args:
            tables: those that do not exist are passed over.
            keep_hours: how far back versions stay readable.
        """
        spark = self.lake.spark
        setting_before = str(spark.conf.get(_RETENTION_CHECK, "true"))
        spark.conf.set(_RETENTION_CHECK, "false")
        try:
            as_here = inheritable_thread_target(spark)
            run_concurrently(
                as_here(
                    partial(
                        spark.sql, f"VACUUM {self.lake.address(table)} RETAIN {keep_hours} HOURS"
                    )
                )
                for table in self.existing(tables)
            )
        finally:
            spark.conf.set(_RETENTION_CHECK, setting_before)
