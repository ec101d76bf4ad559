"""Tables of the lakehouse: checked, idempotent, Delta only."""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TextIO, TypeVar

from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from clarion.contracts import Column, Table
from clarion.kernel import sql
from clarion.kernel.errors import ContractError, LakeError, QualityError
from clarion.kernel.parallel import run_concurrently
from clarion.lake.checks import check_expressions, conform, schema_of
from clarion.lake.ddl import create_statement

_BROKEN_CHECK = re.compile(
    r"CHECK constraint (\S+) .*?violated by row with values:\s*(.*?)(?:\n\s*at |\Z)", re.DOTALL
)
_OUTSIDE = "a row lies outside the slice that is replaced"
_OVERTAKEN = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentWriteException,
)
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds; an OPTIMIZE or another job's write is over by then
T = TypeVar("T")
_BROKEN_NULL = re.compile(r"NOT NULL constraint violated for column: (\S+?)\.?\s")


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
        self.root = root.rstrip("/")
        self.catalog = catalog
        self._ensured: set[str] = set()
        self._unwritten: set[str] = set()
        self._ensuring: dict[str, Lock] = {}
        self._merging: dict[str, Lock] = {}

    def address(self, table: Table) -> str:
        """How SQL names the table here."""
        if self.catalog:
            return f"`{self.catalog}`.`{table.layer}`.`{table.short_name}`"
        return f"delta.`{self.path(table)}`"

    def path(self, table: Table) -> str:
        """Where the table lies when addressed by path."""
        return f"{self.root}/{table.layer}/{table.short_name}"

    def exists(self, table: Table) -> bool:
        """Whether the table was ever created."""
        if table.name in self._ensured:
            return True
        if self.catalog:
            return self.spark.catalog.tableExists(f"{self.catalog}.{table.name}")
        if self.is_folder:
            # A process that died while it created the table leaves a log in which no version stands.
            return any(Path(self.path(table), "_delta_log").glob("[0-9]*.json"))
        try:
            self.spark.table(self.address(table)).schema  # noqa: B018
        except PySparkException as error:
            if error.getCondition() in (
                "DELTA_MISSING_DELTA_TABLE",
                "TABLE_OR_VIEW_NOT_FOUND",
                "PATH_NOT_FOUND",
                "DELTA_TABLE_NOT_FOUND",
            ):
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
        with self._ensuring.setdefault(
            table.name, Lock()
        ):  # two sources of one kind make its table at the same time
            if table.name in self._ensured:
                return []
            added: list[str] = []
            if self.exists(table):
                added = self._apply_new_columns(table)
            else:
                self._create(table)
            self._ensured.add(table.name)
            return added

    def _create(self, table: Table) -> None:
        self._require_folder()
        check_expressions(self.spark, table)
        if self.catalog:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{self.catalog}`.`{table.layer}`")
        with self.alone(f"create-{table.name}", wait_seconds=60, say=_silent):
            if self.exists(table):  # by another process, meanwhile
                return
            if self.is_folder:  # Delta takes the log of a process that died here for a table, and refuses to create it
                shutil.rmtree(Path(self.path(table), "_delta_log"), ignore_errors=True)
            self.spark.sql(create_statement(table, self.address(table)))
        self._unwritten.add(table.name)

    def read(self, table: Table) -> DataFrame:
        """The table, or the contract's empty frame where it was never written."""
        if not self.exists(table):
            return self.empty(table)
        try:
            # One statement: PySpark asks the JVM three times for each column of a select.
            return self.spark.sql(
                f"SELECT {', '.join(map(sql.name, table.column_names))} FROM {self.address(table)}"
            )
        except AnalysisException:
            return self._before_it_gained_columns(table)

    def empty(self, table: Table) -> DataFrame:
        """No rows, in the contract's shape."""
        return self.spark.createDataFrame([], schema_of(table))

    def append(self, table: Table, frame: DataFrame) -> int:
        """Add rows; returns how many. Not idempotent: for tables of ops that only grow."""
        return self._writing(table, lambda: self._write(table, conform(frame, table)))

    def replace(self, table: Table, frame: DataFrame, *, where: str) -> int:
        """Replace the slice of rows for which a condition in SQL holds; returns how many rows it has now.

        A row of the frame that lies outside the slice makes Delta refuse the whole write. A slice without rows is
        appended to, which takes 0.5 s where an overwrite takes 2.0 s, after rows outside it were ruled out.
        """

        def write() -> int:
            conformed = conform(frame, table)
            # Elsewhere others may write at the same time, see `alone`.
            if self.is_folder and (
                self._is_new(table) or self.spark.table(self.address(table)).where(where).isEmpty()
            ):
                inside = F.coalesce(F.expr(where), F.lit(False))
                return self._write(
                    table,
                    conformed.where(
                        F.when(inside, True).otherwise(
                            F.raise_error(F.lit(_OUTSIDE)).cast("boolean")
                        )
                    ),
                )
            return self._write(table, conformed, instead_of=where)

        return self._writing(table, write)

    def merge(
        self, table: Table, frame: DataFrame, *, update: bool = True, only_if: str | None = None
    ) -> int:
        """Insert rows by the table's key and, with `update`, overwrite those that exist; returns the rows changed.

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
            changes = " OR ".join(
                _differs(column) for column in table.columns if column.name not in table.key
            )
            # A stream's batch lives in a session of its own.
            merging = (
                self._delta(table, frame.sparkSession)
                .alias("t")
                .merge(conformed.alias("s"), keys)
                .whenNotMatchedInsertAll()
            )
            outcome = (
                (merging.whenMatchedUpdateAll(only_if or changes) if update else merging)
                .execute()
                .first()
            )
            return int(outcome["num_affected_rows"]) if outcome else 0

        with self._merging.setdefault(
            table.name, Lock()
        ):  # two sources that seal values at once would each undo the other's work
            return self._writing(table, write)

    def delete(self, table: Table, *, where: str) -> None:
        """Take out the rows for which a condition in SQL holds. The condition stands in the table's log: no one's name may be in it."""
        if self.exists(table):
            self._writing(table, lambda: self._delta(table, self.spark).delete(where))

    def remove(self, table: Table, rows: DataFrame) -> int:
        """Take out the rows that are equal in a frame's columns; returns how many. Nothing of them stands in the log.

        Args:
            table: any table.
            rows: some of its columns, at most once each.
        """
        if not self.exists(table):
            return 0
        same = " AND ".join(f"t.`{name}` = s.`{name}`" for name in rows.columns)

        def write() -> int:
            outcome = (
                self._delta(table, self.spark)
                .alias("t")
                .merge(rows.alias("s"), same)
                .whenMatchedDelete()
                .execute()
                .first()
            )
            return int(outcome["num_affected_rows"]) if outcome else 0

        return self._writing(table, write)

    def vacuum(self, tables: Iterable[Table], *, keep_hours: int) -> None:
        """Remove files that no version of these last hours needs; older versions can no longer be read."""
        check = "spark.databricks.delta.retentionDurationCheck.enabled"
        before = str(self.spark.conf.get(check, "true"))
        self.spark.conf.set(check, "false")
        try:
            run_concurrently(
                [
                    partial(
                        self.spark.sql, f"VACUUM {self.address(table)} RETAIN {keep_hours} HOURS"
                    )
                    for table in tables
                    if self.exists(table)
                ]
            )
        finally:
            self.spark.conf.set(check, before)

    def compact(self, table: Table) -> None:
        """Lay the rows of many small files together, clustered as the contract says; beside running writes."""
        self._writing(table, lambda: self.spark.sql(f"OPTIMIZE {self.address(table)}").first())

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
        """Make the table what it was; the versions between stay in its history.

        Raises:
            LakeError: files of that version were removed.
        """
        try:
            self._delta(table, self.spark).restoreToVersion(version)
        except (Py4JJavaError, PySparkException) as error:
            raise LakeError(
                f"{table.name} cannot go back to version {version}",
                found=str(error).splitlines()[0][:200],
                fix="its history ended: run its job again instead",
            ) from error

    def files(self, table: Table) -> tuple[int, int]:
        """Number of data files of the table's last version, and their bytes."""
        found = (
            self.spark.sql(f"DESCRIBE DETAIL {self.address(table)}")
            .select("numFiles", "sizeInBytes")
            .first()
        )
        return (0, 0) if found is None else (int(found["numFiles"]), int(found["sizeInBytes"]))

    def _delta(self, table: Table, spark: SparkSession) -> DeltaTable:
        return (
            DeltaTable.forName(spark, self.address(table))
            if self.catalog
            else DeltaTable.forPath(spark, self.path(table))
        )

    @contextmanager
    def alone(
        self, name: str, *, wait_seconds: float, say: Callable[[str], None]
    ) -> Iterator[None]:
        """Nobody else does what bears this name, in this process or another, while the block runs.

        A lock of the operating system, which a process that dies lets go. A lake behind a URL has none: there every write
        of a slice looks for rows that came meanwhile, and one of two writers is refused by Delta.

        Raises:
            LakeError: someone else does not come to an end.
        """
        if not self.is_folder:
            yield
            return
        self._require_folder()
        folder = Path(self.root, "_locks")
        folder.mkdir(exist_ok=True)
        with (folder / name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another {name} is at work in {self.root}; waiting for its end")
                _wait_for(file, name, wait_seconds)
            except OSError as error:
                say(
                    f"the file system of {self.root} knows no locks ({error.strerror}): keep two runs of {name} apart"
                )
            yield

    def file(self, content_hash: str) -> str:
        """Where a file is kept as it came, under the SHA-256 of its content."""
        return f"{self.root}/_files/{content_hash[:2]}/{content_hash}"

    def checkpoint(self, stream: str) -> str:
        """Where a stream keeps its place."""
        return f"{self.root}/_checkpoints/{stream}"

    def _write(self, table: Table, conformed: DataFrame, *, instead_of: str | None = None) -> int:
        """Add rows, in place of those for which a condition holds; returns how many were added."""
        self._unwritten.discard(table.name)
        rows = Observation()
        counted = conformed.observe(rows, F.count(F.lit(1)).alias("rows"))
        if self.catalog:
            governed = counted.writeTo(self.address(table))
            governed.append() if instead_of is None else governed.overwrite(F.expr(instead_of))
        else:
            plain = counted.write.format("delta").mode("append")
            (
                plain
                if instead_of is None
                else plain.mode("overwrite").option("replaceWhere", instead_of)
            ).save(self.path(table))
        return int(rows.get["rows"])

    def _is_new(self, table: Table) -> bool:
        """Whether this is the first write to a table that this lake has just created: looking would take 0.5 s."""
        return table.name in self._unwritten

    def _writing(
        self, table: Table, write: Callable[[], T], *, pauses: tuple[float, ...] = _PAUSES
    ) -> T:
        """What a write returns, on a table that is as its contract says; a write that another one overtook is made again."""
        self.ensure(table)
        try:
            return write()
        except _OVERTAKEN:
            if not pauses:
                raise
            time.sleep(pauses[0])
            return self._writing(table, write, pauses=pauses[1:])
        except (Py4JJavaError, PySparkException) as error:
            raise _translated(error, table) from error

    @property
    def is_folder(self) -> bool:
        """Whether the lake lies in a folder of this machine, where nobody but Clarion's own processes writes."""
        return "://" not in self.root and self.catalog is None

    def _require_folder(self) -> None:
        if not self.is_folder:
            return
        try:
            Path(self.root).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise LakeError(
                f"the lake {self.root} cannot be used",
                found=error.strerror,
                fix="name a folder that can be written with --lake",
            ) from error
        if not os.access(self.root, os.W_OK):
            raise LakeError(
                f"the lake {self.root} cannot be written",
                fix="name a folder that can be written with --lake",
            )

    def _before_it_gained_columns(self, table: Table) -> DataFrame:
        """A table that was not written since its contract gained columns: what they say is unknown."""
        stored = self.spark.table(self.address(table))
        new = [column for column in table.columns if column.name not in stored.columns]
        if any(not column.nullable for column in new):
            raise _not_nullable(
                table, next(column for column in new if not column.nullable), stored.columns
            )
        return stored.withColumns(
            {column.name: F.lit(None).cast(column.type) for column in new}
        ).select(*table.column_names)

    def _apply_new_columns(self, table: Table) -> list[str]:
        stored = {
            field.name: field for field in self.spark.table(self.address(table)).schema.fields
        }
        declared = {field.name: field for field in schema_of(table).fields}
        new = [column for column in table.columns if column.name not in stored]
        for name, field in stored.items():
            if (
                name not in declared
                or declared[name].dataType.simpleString() != field.dataType.simpleString()
            ):
                raise ContractError(
                    f"{table.name}: the stored column '{name}' differs from the contract",
                    found=f"{name} {field.dataType.simpleString()}",
                    fix=f"rebuild the table: remove {self.address(table)} and run its job again for the days that are wanted",
                )
        for column in new:
            if not column.nullable:
                raise _not_nullable(table, column, stored)
        if new:
            columns = ", ".join(f"`{column.name}` {column.type}" for column in new)
            self.spark.sql(f"ALTER TABLE {self.address(table)} ADD COLUMNS ({columns})")
        return [column.name for column in new]


def _differs(column: Column) -> str:
    """The condition that target and source differ in a column; maps have no order of their own, but JSON has."""
    form = "to_json({}.`{}`)" if column.type.startswith("map") else "{}.`{}`"
    return f"NOT {form.format('t', column.name)} <=> {form.format('s', column.name)}"


def _not_nullable(table: Table, column: Column, stored: Iterable[str]) -> ContractError:
    return ContractError(
        f"{table.name}: the contract has a new column '{column.name}' that may not be null",
        found=", ".join(stored),
        fix="declare it nullable, or rebuild the table",
    )


def _silent(_: str) -> None:
    """Nobody need know."""


def _wait_for(file: TextIO, name: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        time.sleep(0.5)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise LakeError(
                    f"another {name} is at work",
                    found=f"it did not end within {seconds:.0f} s",
                    fix="wait for it, or stop it",
                ) from error
        else:
            return


def _translated(error: Exception, table: Table) -> Exception:
    """A broken promise as a QualityError; anything else as it came."""
    text = str(error)
    if _OUTSIDE in text or "DELTA_REPLACE_WHERE_MISMATCH" in text:
        return ContractError(
            f"{table.name}: {_OUTSIDE}", fix="nothing was written; filter the frame to the slice"
        )
    if broken := _BROKEN_CHECK.search(text):
        name, row = broken.groups()
        promise = next((check.expression for check in table.checks if check.name == name), name)
        values = "; ".join(part.strip(" -\n") for part in row.splitlines() if part.strip())[:300]
        return QualityError(
            f"{table.name}: a row breaks '{name}': {promise}",
            found=values,
            fix="nothing was written; mend the rows or the rule",
        )
    if broken := _BROKEN_NULL.search(text):
        return QualityError(
            f"{table.name}: column '{broken.group(1)}' is null",
            fix="nothing was written; mend the rows or declare it nullable",
        )
    return error
