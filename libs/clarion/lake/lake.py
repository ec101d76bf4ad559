"""Tables of the lakehouse: checked, idempotent, Delta only."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, RLock
from typing import TypeVar

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession

from clarion.contracts import Table
from clarion.kernel import sql
from clarion.kernel.errors import LakeError, first_line
from clarion.lake.checks import check_expressions, conform, schema_of
from clarion.lake.ddl import create_statement
from clarion.lake.evolution import apply_new_columns, with_new_columns
from clarion.lake.file_stats import slice_occupancy
from clarion.lake.location import Location
from clarion.lake.locks import exclusive_lock
from clarion.lake.writes import differs, refuse_outside, run_write, write_rows
from clarion.measures.columns.frames import local_frame

T = TypeVar("T")
_CREATE_SECONDS = 60  # how long to wait for another process that creates the same table
_NO_TABLE = (
    "DELTA_MISSING_DELTA_TABLE",
    "TABLE_OR_VIEW_NOT_FOUND",
    "PATH_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_PATH_DOES_NOT_EXIST",
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of a table: its number, when it was written (UTC), and by what operation."""

    version: int
    at: datetime
    operation: str


class Lake:
    """All tables below one root folder, or in one catalog.

    Args:
        spark: the session.
        root: folder or URL of the lake.
        catalog: catalog that governs the tables; None for addresses by path.
    """

    def __init__(self, spark: SparkSession, root: str, *, catalog: str | None = None) -> None:
        self.spark = spark
        self.location = Location(root.rstrip("/"), catalog)
        self._ensured: set[str] = set()
        self._unwritten: set[str] = set()
        self._ensuring: dict[str, Lock] = {}
        self._merging: dict[str, RLock] = {}

    @property
    def root(self) -> str:
        """Folder or URL of the lake."""
        return self.location.root

    @property
    def catalog(self) -> str | None:
        """Catalog that governs the tables; None for addresses by path."""
        return self.location.catalog

    def address(self, table: Table) -> str:
        """The table's name in SQL."""
        return self.location.address(table)

    def path(self, table: Table) -> str:
        """The table's folder when it is addressed by path."""
        return self.location.path(table)

    def exists(self, table: Table) -> bool:
        """Whether the table was ever created."""
        if table.name in self._ensured:
            return True
        if self.catalog:
            return self.spark.catalog.tableExists(f"{self.catalog}.{table.name}")
        if self.location.is_folder:
            # A process that died while it created the table leaves a log without a version.
            return any(Path(self.path(table), "_delta_log").glob("[0-9]*.json"))
        try:
            _ = self.spark.table(self.address(table)).schema
        except PySparkException as error:
            if error.getCondition() in _NO_TABLE:
                return False
            raise
        return True

    def ensure(self, table: Table) -> list[str]:
        """Create the table, or compare the one that exists with its contract.

        Returns:
            Columns that were added because the contract has gained them.

        Raises:
            ContractError: the stored table differs in a way that cannot be applied by itself.
            LakeError: the folder cannot be used.
        """
        # Two sources of one kind create its table at the same time.
        with self._ensuring.setdefault(table.name, Lock()):
            if table.name in self._ensured:
                return []
            added: list[str] = []
            if self.exists(table):
                added = apply_new_columns(self.spark, table, self.address(table))
            else:
                self._create(table)
            self._ensured.add(table.name)
            return added

    def read(self, table: Table) -> DataFrame:
        """The table, or the contract's empty frame where it was never written."""
        if not self.exists(table):
            return self.empty(table)
        columns = ", ".join(map(sql.name, table.column_names))
        try:
            # One statement: PySpark asks the JVM three times for each column of a select.
            return self.spark.sql(f"SELECT {columns} FROM {self.address(table)}")
        except AnalysisException:
            return with_new_columns(self.spark.table(self.address(table)), table)

    def empty(self, table: Table) -> DataFrame:
        """No rows, in the contract's shape."""
        return local_frame(self.spark, [], schema_of(table))

    def append(self, table: Table, frame: DataFrame) -> int:
        """Add rows; returns how many. Not idempotent: for tables of ops that only grow."""
        return self._run(table, lambda: self._write(table, conform(frame, table)))

    def replace(self, table: Table, frame: DataFrame, *, where: str) -> int:
        """Replace the slice of rows for which a condition holds; returns how many it has now.

        A row of the frame that lies outside the slice makes Delta refuse the whole write. A slice
        without rows is appended to, which takes 0.5 s where an overwrite takes 2.0 s, after rows
        outside it were ruled out.

        Args:
            table: any table.
            frame: the slice's rows.
            where: the slice, a condition in SQL.
        """

        def write() -> int:
            conformed = conform(frame, table)
            if self._is_empty_slice(table, where):
                return self._write(table, refuse_outside(conformed, where))
            return self._write(table, conformed, instead_of=where)

        return self._run(table, write)

    def merge(
        self, table: Table, frame: DataFrame, *, update: bool = True, only_if: str | None = None
    ) -> int:
        """Insert rows by the table's key, overwrite those that exist; returns the rows changed.

        Args:
            table: a current-state table.
            frame: at most one row a key.
            update: False leaves rows that exist as they are.
            only_if: further condition on target `t` and source `s` for an update.
        """

        def write() -> int:
            conformed = conform(frame, table)
            if self._is_new(table):
                return self._write(table, conformed)
            keys = " AND ".join(f"t.`{name}` = s.`{name}`" for name in table.key)
            others = [column for column in table.columns if column.name not in table.key]
            changes = " OR ".join(map(differs, others))
            # A stream's batch lives in a session of its own.
            merging = (
                self._delta(table, frame.sparkSession)
                .alias("t")
                .merge(conformed.alias("s"), keys)
                .whenNotMatchedInsertAll()
            )
            if update:
                merging = merging.whenMatchedUpdateAll(only_if or changes)
            outcome = merging.execute().first()
            return int(outcome["num_affected_rows"]) if outcome else 0

        # Two sources that seal values at once would each undo the other's work.
        with self.exclusively(table):
            return self._run(table, write)

    @contextmanager
    def exclusively(self, table: Table) -> Iterator[None]:
        """No other thread of this process merges into the table while the block runs."""
        with self._merging.setdefault(table.name, RLock()):
            yield

    def delete(self, table: Table, *, where: str) -> None:
        """Delete the rows for which a condition in SQL holds.

        The condition is written to the table's log: it must not contain a person's name.
        """
        if self.exists(table):
            self._run(table, lambda: self._delta(table, self.spark).delete(where))

    def remove(self, table: Table, rows: DataFrame) -> int:
        """Delete the rows that are equal in a frame's columns; returns how many.

        Nothing of them is written to the log.

        Args:
            table: any table.
            rows: some of its columns, at most once each.
        """
        if not self.exists(table):
            return 0
        equal = " AND ".join(f"t.`{name}` = s.`{name}`" for name in rows.columns)

        def write() -> int:
            outcome = (
                self._delta(table, self.spark)
                .alias("t")
                .merge(rows.alias("s"), equal)
                .whenMatchedDelete()
                .execute()
                .first()
            )
            return int(outcome["num_affected_rows"]) if outcome else 0

        return self._run(table, write)

    def version(self, table: Table) -> int:
        """The table's newest version."""
        return int(self._delta(table, self.spark).history(1).select("version").collect()[0][0])

    def history(self, table: Table) -> list[Commit]:
        """The table's versions that its log still has, the last first."""
        rows = (
            self._delta(table, self.spark)
            .history()
            .select("version", "timestamp", "operation")
            .collect()
        )
        return [
            Commit(row["version"], row["timestamp"].astimezone(UTC), row["operation"])
            for row in rows
        ]

    def restore(self, table: Table, *, version: int) -> None:
        """Bring back an earlier version of the table; the versions between stay in its history.

        Raises:
            LakeError: files of that version were removed.
        """
        try:
            self._delta(table, self.spark).restoreToVersion(version)
        except (Py4JJavaError, PySparkException) as error:
            raise LakeError(
                f"{table.name} cannot go back to version {version}",
                found=first_line(error)[:200],
                fix="its history ended: run its job again instead",
            ) from error

    def file(self, content_hash: str) -> str:
        """Path of a file that is stored as it came, under the SHA-256 of its content."""
        return f"{self.root}/_files/{content_hash[:2]}/{content_hash}"

    def checkpoint(self, stream: str) -> str:
        """Path of a stream's checkpoint."""
        return f"{self.root}/_checkpoints/{stream}"

    def _create(self, table: Table) -> None:
        self.location.require_folder()
        check_expressions(self.spark, table)
        if self.catalog:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{self.catalog}`.`{table.layer}`")
        lock = f"create-{table.name}"
        with exclusive_lock(self.location, lock, wait_seconds=_CREATE_SECONDS, say=_say_nothing):
            if self.exists(table):  # by another process, meanwhile
                return
            if self.location.is_folder:
                # Delta takes the log of a process that died here for a table.
                shutil.rmtree(Path(self.path(table), "_delta_log"), ignore_errors=True)
            self.spark.sql(create_statement(table, self.address(table)))
        self._unwritten.add(table.name)

    def _run(self, table: Table, write: Callable[[], T]) -> T:
        """What a write returns, on a table that is as its contract says."""
        self.ensure(table)
        return run_write(table, write)

    def _write(self, table: Table, conformed: DataFrame, *, instead_of: str | None = None) -> int:
        self._unwritten.discard(table.name)
        return write_rows(conformed, table, self.location, instead_of=instead_of)

    def _is_empty_slice(self, table: Table, where: str) -> bool:
        """Whether a slice is known to have no rows.

        Behind a URL others may write at the same time: there the answer is always no.
        """
        if not self.location.is_folder:
            return False
        if self._is_new(table):
            return True
        occupancy = slice_occupancy(self.path(table), where)
        if occupancy == "unknown":
            return self.spark.table(self.address(table)).where(where).isEmpty()
        return occupancy == "empty"

    def _is_new(self, table: Table) -> bool:
        """Whether this lake has just created the table and not written it; looking takes 0.5 s."""
        return table.name in self._unwritten

    def _delta(self, table: Table, spark: SparkSession) -> DeltaTable:
        if self.catalog:
            return DeltaTable.forName(spark, self.address(table))
        return DeltaTable.forPath(spark, self.path(table))


def _say_nothing(_: str) -> None:
    """Messages that nobody needs."""
