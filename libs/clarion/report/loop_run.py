"""What the report says of a run of the loop beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from clarion.config import Config
from clarion.contracts.core import Table
from clarion.contracts.gold import CUSTOMER_PROFILES, STRATEGIES
from clarion.contracts.ops import BATCHES, TARGETS
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.report.lifts import Proof


@dataclass(frozen=True, slots=True)
class LoopRun:
    """A lake whose loop ran on one day or several.

    Args:
        shop: name of the shop.
        currency: of the shop's amounts.
        days: as-of days in order; the report shows the last one.
        planted: damaged records that a simulated shop delivered, by kind and damage; empty for
            real data.
        seconds: how long it took; None where nobody measured.
        proof: the same plan on a large simulated shop; None where it was not tried.
    """

    shop: str
    currency: str
    days: tuple[date, ...]
    planted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    seconds: float | None = None
    proof: Proof | None = None


def read_loop_run(lake: Lake, config: Config, *, as_of: date) -> LoopRun:
    """The run of the loop that a lake holds, up to a day.

    Its days are those with strategies, and the last day with profiles or targets. A lake that
    holds only records has one day: `as_of`.

    Args:
        lake: the tables.
        config: name and currency of the shop.
        as_of: the last day to show.

    Raises:
        UsageError: the lake holds no records, or nothing up to that day.
    """
    turns = _as_of_days(lake, STRATEGIES)
    days = turns | _as_of_days(lake, CUSTOMER_PROFILES) | _as_of_days(lake, TARGETS)
    if not days and lake.read(BATCHES).isEmpty():
        raise UsageError(
            "there is nothing to report yet",
            found=f"no cleaned records in {lake.root}",
            fix="run the pipeline first: clarion run all; or name another folder with --lake",
        )
    past_days = {day for day in days if day <= as_of}
    if days and not past_days:
        raise UsageError(
            f"nothing was computed up to {as_of}",
            found=f"as-of days from {min(days)} to {max(days)}",
            fix=f"name one of them, such as --as-of {max(days)}",
        )
    last_day = max(past_days, default=as_of)
    past_turns = {day for day in turns if day < last_day}
    return LoopRun(
        shop=str(config.get("shop.name")),
        currency=str(config.get("shop.currency")),
        days=(*sorted(past_turns), last_day),
    )


def _as_of_days(lake: Lake, table: Table) -> set[date]:
    """The days for which a table has rows."""
    rows = lake.read(table).select("as_of").distinct().collect()  # one row a day
    return {row["as_of"] for row in rows}
