"""What a running job may touch: its declared tables and settings, and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from datetime import date, timedelta
from threading import Lock
from typing import TypeVar

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.util import inheritable_thread_target

from clarion.access.policy import AccessPolicy
from clarion.config import Config
from clarion.contracts import Table
from clarion.contracts.silver import CONSENTS, RESPONSES
from clarion.kernel.errors import ContractError
from clarion.kernel.ids import run_key
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.lake.maintenance import Maintenance
from clarion.measures.columns.days import arrived_before, start_of
from clarion.runtime.persisted import PersistedFrames
from clarion.runtime.spec import JobSpec, Params, Purpose
from clarion.runtime.tracking import Tracking

S = TypeVar("S")
T = TypeVar("T")
_OPEN_PURPOSES = ("collection", "operations")
_LAYERS_UNDER_POLICY = ("silver", "gold")


@dataclass(slots=True)
class Scope:
    """What one run of one job may read and write; its threads may use it at the same time.

    The verbs that read say how: `facts`, `facts_with_replaced`, `facts_within`, `current`,
    `earlier` and `latest_earlier` apply the access policy of the job's purpose; `raw` and `own`
    return rows as they are stored, `newest` those that no newer version replaces.
    """

    job: JobSpec
    params: Params
    lake: InitVar[Lake]
    config: Config
    say: Callable[[str], None]
    tracking: Tracking
    rows_written: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows_without_rate: dict[str, int] = field(default_factory=dict)
    policy: InitVar[AccessPolicy | None] = None
    _lake: Lake = field(init=False)
    _policy: AccessPolicy = field(init=False)
    _persisted: PersistedFrames = field(default_factory=PersistedFrames)
    _read_with_amounts: set[Table] = field(default_factory=set)
    _counting: Lock = field(default_factory=Lock)

    def __post_init__(self, lake: Lake, policy: AccessPolicy | None) -> None:
        self._lake = lake
        self._policy = policy or AccessPolicy(
            lake, self.config, self.as_of, self.time_zone, self.persist
        )

    @property
    def spark(self) -> SparkSession:
        """The session of the run."""
        return self._lake.spark

    @property
    def as_of(self) -> date:
        """The first day that does not count."""
        return self.params.as_of

    @property
    def run_key(self) -> str:
        """Names the slice this run owns."""
        return run_key(self.job.name, self.as_of, {"seed": self.seed})

    @property
    def seed(self) -> int:
        """Start of every random draw."""
        return int(self.config.get("seed"))

    @property
    def time_zone(self) -> str:
        """The shop's zone: where its days begin."""
        return str(self.config.get("shop.time_zone"))

    def settings(self, cls: type[S]) -> S:
        """A section of the configuration that the job declares.

        Raises:
            ContractError: the job does not declare it.
        """
        if cls not in self.job.settings:
            raise ContractError(
                f"job {self.job.name} uses settings it does not declare",
                found=cls.__name__,
                fix="add them to its settings",
            )
        return self.config.section(cls)

    def facts(self, table: Table) -> DataFrame:
        """The rows of a declared table that the job's purpose may use.

        Rows of people who refused the purpose are left out, and so is invalid activity. Of a line
        of an order that was delivered again, the version known on the day counts. Facts of several
        accounts of one person have one surrogate, amounts are in the shop's currency. The policy
        covers silver and gold; for collection and operations rows are as stored.

        Raises:
            ContractError: the job does not declare that it reads the table.
        """
        return self._apply_access_policy(table, self._lake.read(self._readable(table)))

    def facts_with_replaced(self, table: Table) -> DataFrame:
        """The facts, with those that a newer version replaces, for sums by the day of knowing.

        Returns:
            `facts` and the replaced ones, with replaced_at; without the column where a job sees
            rows as stored, or where none was delivered more than once.

        Raises:
            ContractError: the job does not declare that it reads the table.
        """
        frame = self._lake.read(self._readable(table))
        if not self._is_under_policy(table):
            return frame
        self._read_with_amounts.add(table)
        return self._policy.with_replaced(table, frame, purpose=self.job.purpose)

    def newest(self, table: Table) -> DataFrame:
        """The rows of a declared table as stored, each in the version known on the as-of day.

        Raises:
            ContractError: the job does not declare the table, or its purpose needs the policy.
        """
        return self._policy.without_replaced(table, self.raw(table))

    def raw(self, table: Table) -> DataFrame:
        """The rows of a declared table as they are stored.

        Raises:
            ContractError: the job does not declare the table, or its purpose needs the policy.
        """
        if self._is_under_policy(table):
            raise ContractError(
                f"job {self.job.name} reads {table.name} without the access policy",
                found=f"purpose {self.job.purpose}",
                fix=f"use scope.facts({table.short_name.upper()})",
            )
        return self._lake.read(self._readable(table))

    def own(self, table: Table) -> DataFrame:
        """The rows of a table that the job writes, as they are stored.

        Raises:
            ContractError: the job does not declare that it writes the table.
        """
        return self._lake.read(self._writable(table))

    def current(self, table: Table) -> DataFrame:
        """The facts of this as-of day."""
        return self.facts(table).where(F.col("as_of") == F.lit(self.as_of))

    def earlier(self, table: Table) -> DataFrame:
        """The facts of earlier as-of days."""
        return self.facts(table).where(F.col("as_of") < F.lit(self.as_of))

    def latest_earlier(self, table: Table) -> tuple[date, DataFrame] | None:
        """The last earlier as-of day that has facts, and those; None where no day has any."""
        earlier = self.earlier(table)
        latest = earlier.agg(F.max("as_of")).first()
        if latest is None or latest[0] is None:
            return None
        return latest[0], earlier.where(F.col("as_of") == F.lit(latest[0]))

    def facts_within(self, table: Table, days: int, *, time: str = "happened_at") -> DataFrame:
        """The facts of the days before the as-of day that had arrived by then."""
        since = start_of(self.as_of - timedelta(days=days), self.time_zone)
        until = start_of(self.as_of, self.time_zone)
        return self.facts(table).where(
            (F.col(time) >= since)
            & (F.col(time) < until)
            & arrived_before(self.as_of, self.time_zone)
        )

    def exists(self, table: Table) -> bool:
        """Whether a declared table was ever created."""
        return self._lake.exists(self._declared(table))

    def empty(self, table: Table) -> DataFrame:
        """No rows, in the shape of a declared table."""
        return self._lake.empty(self._declared(table))

    def version(self, table: Table) -> int:
        """The newest version of a declared table."""
        return self._lake.version(self._declared(table))

    def consenting_customers(self, purpose: Purpose) -> DataFrame:
        """The people who consent to a purpose on the as-of day: customer_id, basis, channels.

        Raises:
            ContractError: the job does not declare that it reads consents, and responses, by which
                consent to marketing is withdrawn.
        """
        self._readable(CONSENTS)
        if purpose == "marketing":
            self._readable(RESPONSES)
        return self._policy.consenting_customers(purpose)

    def in_shop_currency(self, table: Table, frame: DataFrame) -> DataFrame:
        """Rows with amounts in the shop's currency; rows without a rate are left out."""
        self._read_with_amounts.add(table)
        return self._policy.in_shop_currency(table, frame)

    def replace(self, table: Table, frame: DataFrame, *, where: str | None = None) -> int:
        """Write the slice this run owns; returns how many rows it has.

        Args:
            table: declared under writes.
            frame: the slice's rows.
            where: the slice, a condition in SQL; by default the rows of the as-of day.
        """
        slice_ = where or f"as_of = DATE'{self.as_of}'"
        return self._count_rows(
            table, self._lake.replace(self._writable(table), frame, where=slice_)
        )

    def append(self, table: Table, frame: DataFrame) -> int:
        """Add rows to a declared table that only grows; returns how many."""
        return self._count_rows(table, self._lake.append(self._writable(table), frame))

    def merge(
        self, table: Table, frame: DataFrame, *, update: bool = True, only_if: str | None = None
    ) -> int:
        """Insert or update rows of a current-state table by its key; returns the rows changed."""
        rows = self._lake.merge(self._writable(table), frame, update=update, only_if=only_if)
        return self._count_rows(table, rows)

    @contextmanager
    def exclusively(self, table: Table) -> Iterator[None]:
        """No other thread of the run merges into a declared table while the block runs."""
        with self._lake.exclusively(self._writable(table)):
            yield

    def delete(self, table: Table, *, where: str) -> None:
        """Delete rows of a declared table."""
        self._lake.delete(self._writable(table), where=where)

    def ensure(self, table: Table) -> None:
        """Create a declared table that does not exist yet."""
        self._lake.ensure(self._writable(table))

    def path(self, name: str) -> str:
        """Path of a file or folder beside the tables."""
        return f"{self._lake.root}/{name}"

    def file(self, content_hash: str) -> str:
        """Path of a stored file, by the SHA-256 of its content."""
        return self._lake.file(content_hash)

    def checkpoint(self, stream: str) -> str:
        """Path of a stream's checkpoint."""
        return self._lake.checkpoint(stream)

    @property
    def maintenance(self) -> Maintenance:
        """Upkeep of whatever tables there are.

        Raises:
            ContractError: the job is not one of upkeep.
        """
        if self.job.part != "upkeep":
            raise ContractError(
                f"job {self.job.name} asks for the maintenance of tables",
                found=f"part {self.job.part}",
                fix='only jobs of part "upkeep" may',
            )
        return Maintenance(self._lake)

    def persist(self, frame: DataFrame) -> DataFrame:
        """The frame, computed once for the rest of the run; in memory first, then on disk."""
        return self._persisted.persist(frame)

    def unpersist(self) -> None:
        """Release every persisted frame at the end of the run."""
        self._persisted.close()

    def run_concurrently(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        """The results of independent calls, in their order; their Spark jobs count as this run's.

        Raises:
            Exception: the first error of a call, after all calls have ended.
        """
        as_here = inheritable_thread_target(self.spark)
        return run_concurrently(as_here(call) for call in calls)

    def note(self, text: str) -> None:
        """Say something a person should know, and record it in the run log."""
        self.notes.append(text)
        self.say(text)

    def note_rows_without_rate(self) -> None:
        """Say which rows the run has left out for lack of an exchange rate, and record how many."""
        for table in sorted(self._read_with_amounts, key=lambda table: table.name):
            left_out = self._policy.rows_without_rate(table)
            if left_out:
                self.rows_without_rate[table.name] = left_out.rows
                self.note(left_out.message(table.name))

    def _is_under_policy(self, table: Table) -> bool:
        return self.job.purpose not in _OPEN_PURPOSES and table.layer in _LAYERS_UNDER_POLICY

    def _apply_access_policy(self, table: Table, frame: DataFrame) -> DataFrame:
        if not self._is_under_policy(table):
            return frame
        self._read_with_amounts.add(table)
        return self._policy.apply(table, frame, purpose=self.job.purpose)

    def _declared(self, table: Table) -> Table:
        return table if table in self.job.writes else self._readable(table)

    def _readable(self, table: Table) -> Table:
        if table.name not in self.job.readable_tables:
            raise ContractError(
                f"job {self.job.name} reads {table.name}, which it does not declare",
                found=", ".join(sorted(self.job.readable_tables)),
                fix="add it to the job's reads, or to reads_earlier",
            )
        return table

    def _writable(self, table: Table) -> Table:
        if table not in self.job.writes:
            raise ContractError(
                f"job {self.job.name} writes {table.name}, which it does not declare",
                found=", ".join(item.name for item in self.job.writes),
                fix="add it to the job's writes",
            )
        return table

    def _count_rows(self, table: Table, rows: int) -> int:
        with self._counting:
            self.rows_written[table.name] = self.rows_written.get(table.name, 0) + rows
        return rows
