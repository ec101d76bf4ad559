"""What a running job may touch: its declared tables, its settings, nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.access.policy import People
from clarion.config import Config
from clarion.contracts import Table
from clarion.kernel.errors import ContractError
from clarion.kernel.ids import run_key
from clarion.lake import Lake
from clarion.measures.days import start_of
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking

S = TypeVar("S")


@dataclass(slots=True)
class Scope:
    """The world as one run of one job sees it."""

    job: JobSpec
    params: Params
    lake: Lake
    config: Config
    say: Callable[[str], None]
    tracking: Tracking
    rows_written: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _kept: list[DataFrame] = field(default_factory=list)
    _known: People | None = None

    @property
    def spark(self) -> SparkSession:
        return self.lake.spark

    @property
    def as_of(self) -> date:
        return self.params.as_of

    @property
    def run_key(self) -> str:
        """Names the slice this run owns."""
        return run_key(self.job.name, self.as_of, {"seed": self.seed})

    @property
    def seed(self) -> int:
        return int(self.config.get("seed"))

    @property
    def time_zone(self) -> str:
        """The shop's zone: where its days begin."""
        return str(self.config.get("shop.time_zone"))

    def settings(self, cls: type[S]) -> S:
        """A section of the configuration that the job declares."""
        if cls not in self.job.settings:
            raise ContractError(
                f"job {self.job.name} uses settings it does not declare",
                found=cls.__name__,
                fix="add them to its settings",
            )
        return self.config.section(cls)

    def read(self, table: Table) -> DataFrame:
        """A declared table; rows of people who did not consent to the job's purpose are left out.

        Silver and gold tables that name a customer are so withheld, the facts of several accounts of one person stand under
        one surrogate, noise is left out and amounts are in the shop's currency; a job for collection or operations sees all rows as they are.
        """
        if table.name not in self.job.reads_now | self.job.reads_before:
            raise ContractError(
                f"job {self.job.name} reads {table.name}, which it does not declare",
                found=", ".join(sorted(self.job.reads_now | self.job.reads_before)),
                fix="add it to the job's reads",
            )
        return self._seen(table, self.lake.read(table))

    def previous(self, table: Table) -> DataFrame:
        """Rows of earlier as-of days."""
        return self.read(table).where(F.col("as_of") < F.lit(self.as_of))

    def within(self, table: Table, days: int, *, time: str = "happened_at") -> DataFrame:
        """Facts of so many days before the as-of day that had arrived by then."""
        since, until = (
            start_of(day, self.time_zone) for day in (self.as_of - timedelta(days=days), self.as_of)
        )
        return self.read(table).where(
            (F.col(time) >= since) & (F.col(time) < until) & (F.col("arrived_at") < until)
        )

    def last(self, table: Table) -> tuple[date, DataFrame] | None:
        """The last as-of day before this one that has rows, with its rows; None where there is none."""
        earlier = self.previous(table)
        found = earlier.agg(F.max("as_of")).first()
        return (
            (found[0], earlier.where(F.col("as_of") == F.lit(found[0])))
            if found and found[0]
            else None
        )

    def current(self, table: Table) -> DataFrame:
        """Rows of this as-of day."""
        return self.read(table).where(F.col("as_of") == F.lit(self.as_of))

    def replace(self, table: Table, frame: DataFrame, *, where: str | None = None) -> int:
        """Write the slice this run owns, a condition in SQL; by default the rows of its as-of day."""
        return self._wrote(
            table,
            self.lake.replace(
                self._declared(table), frame, where=where or f"as_of = DATE'{self.as_of}'"
            ),
        )

    def append(self, table: Table, frame: DataFrame) -> int:
        """Add rows to a declared table that only grows."""
        return self._wrote(table, self.lake.append(self._declared(table), frame))

    def merge(
        self, table: Table, frame: DataFrame, *, update: bool = True, only_if: str | None = None
    ) -> int:
        """Insert or update rows of a current-state table by its key."""
        return self._wrote(
            table, self.lake.merge(self._declared(table), frame, update=update, only_if=only_if)
        )

    def delete(self, table: Table, *, where: str) -> None:
        """Take out rows of a declared table."""
        self.lake.delete(self._declared(table), where=where)

    def persist(self, frame: DataFrame) -> DataFrame:
        """The frame, computed once for the rest of the run; memory first, then disk."""
        self._kept.append(frame.persist(StorageLevel.MEMORY_AND_DISK))
        return self._kept[-1]

    def unpersist(self) -> None:
        """Let go of what was kept; the run is over."""
        for frame in reversed(
            self._kept
        ):  # a frame that others rest on would be planned anew for them
            frame.unpersist()

    def note(self, text: str) -> None:
        """Something a person should know; it stands in the run log."""
        self.notes.append(text)
        self.say(text)

    def in_own_currency(self, table: Table, frame: DataFrame) -> DataFrame:
        """Rows of a table with amounts in the shop's currency; those in a currency without a rate are left out."""
        return self._people().in_own_currency(table, frame)

    def consents(self) -> DataFrame:
        """Statements on the use of data, known before the as-of day."""
        return self._people().consents()

    def _seen(self, table: Table, frame: DataFrame) -> DataFrame:
        """What the job's purpose may see: collection and operations work on accounts and all facts, the rest on people who consent, without noise."""
        if self.job.purpose in ("operations", "collection") or table.layer not in (
            "silver",
            "gold",
        ):
            return frame
        people = self._people()
        counted = people.in_own_currency(table, people.without_invalid_activity(table, frame))
        return people.consenting(table, people.resolved(table, counted), purpose=self.job.purpose)

    def _people(self) -> People:
        if self._known is None:
            self._known = People(self.lake, self.config, self.as_of, self.time_zone, self.persist)
        return self._known

    def _declared(self, table: Table) -> Table:
        if table not in self.job.writes:
            raise ContractError(
                f"job {self.job.name} writes {table.name}, which it does not declare",
                found=", ".join(item.name for item in self.job.writes),
                fix="add it to the job's writes",
            )
        return table

    def _wrote(self, table: Table, rows: int) -> int:
        self.rows_written[table.name] = self.rows_written.get(table.name, 0) + rows
        return rows
