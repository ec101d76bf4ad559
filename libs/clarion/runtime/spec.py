"""What a job declares: what it reads, what it writes, and for which purpose."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from clarion.contracts import Table
from clarion.contracts.silver import INVALID_ACTIVITY, RESOLUTIONS

Purpose = Literal["collection", "analytics", "marketing", "operations"]


@dataclass(frozen=True, slots=True)
class Previous:
    """Rows of a table from earlier passes: no edge in the pipeline, so that the business may have a cycle."""

    table: Table


def previous(table: Table) -> Previous:
    """Reads what earlier passes left in a table."""
    return Previous(table)


@dataclass(frozen=True, slots=True)
class Params:
    """What every batch job is told."""

    as_of: date


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a job declares.

    Args:
        name: name on the command line and in the bundle.
        summary: one sentence; the docstring of its module.
        reads: tables of this pass, or `previous(table)`.
        writes: tables it may write.
        purpose: what people's data is used for; customers without that consent are withheld.
        settings: sections of the configuration it needs.
        part: the loop that `run all` goes through, or upkeep, which has a schedule of its own.
        apart_from: jobs that wait for this one's end, and it for theirs.
    """

    name: str
    summary: str | None
    reads: tuple[Table | Previous, ...]
    writes: tuple[Table, ...]
    purpose: Purpose
    settings: tuple[type[Any], ...] = field(default=())
    part: Literal["loop", "upkeep"] = "loop"
    apart_from: tuple[str, ...] = ()

    @property
    def reads_now(self) -> frozenset[str]:
        """Tables that must be written before this job runs; who works with people's facts waits for whose they are, and what is noise."""
        named = [item for item in self.reads if isinstance(item, Table)]
        of_people = any(
            item.layer == "silver" and "customer_id" in item.column_names for item in named
        )
        waits = (
            {RESOLUTIONS.name, INVALID_ACTIVITY.name}
            if of_people and self.purpose in ("analytics", "marketing")
            else set()
        )
        return frozenset(item.name for item in named) | waits

    @property
    def reads_before(self) -> frozenset[str]:
        """Tables of which it takes earlier passes' rows."""
        return frozenset(item.table.name for item in self.reads if isinstance(item, Previous))

    @property
    def one_line(self) -> str:
        return (self.summary or "").strip().splitlines()[0]
