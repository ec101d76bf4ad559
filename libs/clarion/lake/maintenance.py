"""Upkeep of tables: which exist, how many files they have, and fewer of these."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clarion.contracts import Table
from clarion.lake.lake import Lake


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What upkeep may do with a lake; it reads no rows."""

    _lake: Lake

    @property
    def folder(self) -> Path | None:
        """The lake's folder; None where it is behind a URL or in a catalog."""
        return Path(self._lake.root) if self._lake.is_folder else None

    def existing(self, tables: Iterable[Table]) -> list[Table]:
        """Those of the tables that were ever created."""
        return [table for table in tables if self._lake.exists(table)]

    def files(self, table: Table) -> tuple[int, int]:
        """Number of data files of the table's last version, and their bytes."""
        return self._lake.files(table)

    def compact(self, table: Table) -> None:
        """Write many small files into few, clustered as the contract says."""
        self._lake.compact(table)

    def vacuum(self, tables: Iterable[Table], *, keep_hours: int) -> None:
        """Remove files that only versions older than these hours need."""
        self._lake.vacuum(tables, keep_hours=keep_hours)
