"""What the shop does now, by what its monitor has written, without a JVM."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarion.contracts import Table
from clarion.contracts.live import ALERTS, KPI_MINUTES, PROBLEMS, REQUESTS
from clarion.contracts.live_campaigns import CAMPAIGN_FIGURES, CAMPAIGN_MINUTES
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.contracts.ops import FILES

if TYPE_CHECKING:
    from deltalake import DeltaTable

SHOWN = timedelta(hours=1)
FIGURES = ("visitors", "sessions", "views", "cart_adds", "checkouts", "orders", "revenue")
_RECENT = timedelta(hours=24)
_CAMPAIGN = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class ShopNow:
    """The shop at a moment.

    Args:
        now: the moment.
        minutes: figure by minute, of the last hour; the last minute last.
        alerts: rows of ALERTS that are open, then MARKET_ALERTS of the last 24 hours about products
            of the shop, the largest moves first.
        problems: rows of PROBLEMS whose step is to be made simpler.
        requests: number of REQUESTS of the last 24 hours, by kind.
        campaigns: sums of CAMPAIGN_MINUTES of the last four weeks, one row a campaign, the newest
            first.
        delay: 50th and 99th percentile, in seconds, of the batch that landed last; None for none.
        landed_at: when that was.
    """

    now: datetime
    minutes: dict[str, list[float]]
    alerts: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    requests: dict[str, int]
    campaigns: list[dict[str, Any]]
    delay: tuple[float, float] | None
    landed_at: datetime | None


class ShopView:
    """Reads what the monitor of a lake writes; opened once, asked again and again.

    Args:
        root: folder of the lake.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._tables: dict[str, DeltaTable] = {}

    def at(self, now: datetime) -> ShopNow:
        """The shop at an instant with its zone.

        Minutes are those up to the last one that was seen, so that a shop whose data ends some
        time ago shows its last hour.
        """
        last = self._last_minute(now)
        first = last - SHOWN + timedelta(minutes=1)
        rows = self._rows(KPI_MINUTES, "minute", first - timedelta(minutes=1))
        hour = [first + timedelta(minutes=number) for number in range(60)]
        figures = {name: dict.fromkeys(hour, 0.0) for name in FIGURES}
        for row in rows:
            for name in FIGURES if row["dimension"] == "all" else ():
                if row["minute"] in figures[name]:
                    figures[name][row["minute"]] += float(row[name])

        since = last - _RECENT
        known = [
            row
            for row in self._rows(MARKET_ALERTS, "observed_at", since)
            if row["product_id"] or row["category"]
        ]
        market = sorted(known, key=lambda row: -abs(row["change"] or 0.0))
        requests: dict[str, int] = {}
        for row in self._rows(REQUESTS, "occurred_at", since):
            requests[row["kind"]] = requests.get(row["kind"], 0) + 1
        taken = self._rows(FILES, "_taken_at", now - _RECENT)
        files = [row for row in taken if row["delays"] is not None]
        landed = max(files, key=lambda row: row["_taken_at"], default=None)
        return ShopNow(
            now=now,
            minutes={name: list(values.values()) for name, values in figures.items()},
            alerts=[row for row in self._rows(ALERTS) if row["closed_at"] is None] + market,
            problems=[row for row in self._rows(PROBLEMS) if row["simplify"]],
            requests=requests,
            campaigns=self._campaigns(last),
            delay=tuple(landed["delays"]) if landed else None,
            landed_at=landed["_taken_at"] if landed else None,
        )

    def _campaigns(self, last: datetime) -> list[dict[str, Any]]:
        sums: dict[str, dict[str, Any]] = {}
        for row in self._rows(CAMPAIGN_MINUTES, "minute", last - _CAMPAIGN):
            campaign = sums.setdefault(
                row["campaign_id"], dict.fromkeys(CAMPAIGN_FIGURES, 0) | {"as_of": row["as_of"]}
            )
            for name in CAMPAIGN_FIGURES:
                campaign[name] += row[name]
        rows = [{"campaign_id": name, **figures} for name, figures in sums.items()]
        rows.sort(key=lambda row: row["delivered"], reverse=True)
        return sorted(rows, key=lambda row: row["as_of"], reverse=True)

    def _last_minute(self, now: datetime) -> datetime:
        """The last minute that was seen, but no later than now; this one where there is none."""
        import pyarrow.compute as pc

        this_minute = now.replace(second=0, microsecond=0)
        stored = self._table(KPI_MINUTES)
        if stored is None:
            return this_minute
        minutes = stored.to_pyarrow_dataset().to_table(columns=["minute"])
        last = pc.max(minutes["minute"]).as_py()
        return this_minute if last is None else min(last, this_minute)

    def _rows(
        self, table: Table, time: str | None = None, since: datetime | None = None
    ) -> list[Any]:
        """Rows of the newest version after a time; none where the table was never written."""
        from pyarrow.dataset import field

        stored = self._table(table)
        if stored is None:
            return []
        chosen = None if time is None else field(time) > since
        rows: list[Any] = stored.to_pyarrow_dataset().to_table(filter=chosen).to_pylist()
        return rows

    def _table(self, table: Table) -> "DeltaTable | None":
        """The newest version of a table; None where it was never written."""
        from deltalake import DeltaTable  # 0.3 s to import, and Spark jobs do not need it

        if table.name not in self._tables:
            path = str(Path(self._root, table.layer, table.short_name))
            if not DeltaTable.is_deltatable(path):
                return None
            self._tables[table.name] = DeltaTable(path)
        self._tables[table.name].update_incremental()
        return self._tables[table.name]
