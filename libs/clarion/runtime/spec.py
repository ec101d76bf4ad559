"""What a job declares: what it reads, what it writes, and for which purpose."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from clarion.contracts import Table
from clarion.contracts.silver import INVALID_ACTIVITY, RESOLUTIONS

Purpose = Literal["collection", "analytics", "marketing", "operations"]


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters of every batch job."""

    as_of: date


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a job declares.

    Args:
        name: name on the command line and in the bundle.
        summary: one sentence; the docstring of its module.
        reads: tables that this pass writes before the job runs.
        reads_earlier: tables of which the job reads rows of earlier passes. They do not change the
            order of jobs, so that a job may depend on what a later one wrote the last time.
        writes: tables it may write.
        purpose: what people's data is used for; the facts of people who refused it are left out.
        settings: sections of the configuration it needs.
        part: the loop that `run all` goes through, or upkeep, which has a schedule of its own.
        apart_from: jobs that never run at the same time as this one.
        runs_on: the setting with which the job follows streams until it is stopped, if it can. Two
            runs at a time would damage the streams' checkpoints: behind a URL, where there are no
            locks, a lease keeps the second one out. A pass leaves the job to one that runs on.
    """

    name: str
    summary: str | None
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    purpose: Purpose
    reads_earlier: tuple[Table, ...] = ()
    settings: tuple[type[Any], ...] = field(default=())
    part: Literal["loop", "upkeep"] = "loop"
    apart_from: tuple[str, ...] = ()
    runs_on: str | None = None

    @property
    def input_tables(self) -> frozenset[str]:
        """Names of the tables that must be written before the job runs.

        A job that uses people's facts also waits for their resolution and for invalid activity.
        """
        uses_people = self.purpose in ("analytics", "marketing") and any(
            table.layer == "silver" and "customer_id" in table.column_names for table in self.reads
        )
        implied = (RESOLUTIONS.name, INVALID_ACTIVITY.name) if uses_people else ()
        return frozenset((*(table.name for table in self.reads), *implied))

    @property
    def readable_tables(self) -> frozenset[str]:
        """Names of all tables the job may read."""
        return self.input_tables | {table.name for table in self.reads_earlier}

    @property
    def one_line(self) -> str:
        """First line of the summary."""
        return (self.summary or "").strip().splitlines()[0]
