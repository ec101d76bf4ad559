"""Alerts on figures of the shop that leave their usual range."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from pyspark.sql import Window
from pyspark.sql import functions as F

from clarion.contracts.live import ALERTS, KPI_MINUTES
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope
from clarion.streaming.anomalies import KpiAlert, evaluate
from clarion.streaming.baselines import AlertRules, Baseline, baseline_of

METRICS = ("views", "cart_adds", "orders", "revenue", "payment_failures")
RULES = AlertRules()
SCOPE = "shop"
_LEAST_HISTORY = timedelta(days=7)
# Minutes are evaluated again as far back as this after a start: what a run that was killed had
# merged and not evaluated is found then. The same minutes give the same alerts.
_AGAIN = timedelta(days=1)


@dataclass(slots=True)
class AlertWatch:
    """Evaluates the minutes of a lake one after the other; what is usual is read once an hour.

    Args:
        scope: the run.
    """

    scope: Scope
    _evaluated: datetime | None = None
    _baseline: Baseline | None = None
    _baseline_until: datetime | None = None

    def evaluate(self, until: datetime) -> list[KpiAlert]:
        """Evaluate the minutes up to one, and write the alerts that opened, changed or closed.

        Args:
            until: start of the last complete minute, with its zone.
        """
        baseline = self._usual(until)
        if baseline is None:
            return []
        after = self._evaluated or until - _AGAIN
        minutes = self._minutes(after - RULES.reach, until)
        changed = evaluate(minutes, baseline, self._last_alerts(), after=after, until=until)
        self._evaluated = until
        if changed:
            rows = [_row(alert) for alert in changed]
            self.scope.merge(ALERTS, rows_as_frame(self.scope.spark, ALERTS, rows))
        return changed

    def _usual(self, until: datetime) -> Baseline | None:
        """What is usual at this hour; None with less than a week of history."""
        if self._baseline_until is not None and until < self._baseline_until:
            return self._baseline
        self._baseline_until = until + timedelta(hours=1)
        first = self.scope.own(KPI_MINUTES).agg(F.unix_seconds(F.min("minute"))).first()
        if first is None or first[0] is None:
            return None
        since = datetime.fromtimestamp(first[0], UTC)
        if until - since < _LEAST_HISTORY:
            return None
        history = self._minutes(until - timedelta(weeks=RULES.history_weeks), until)
        self._baseline = baseline_of(
            history, zone=self.scope.time_zone, rules=RULES, now=until, scope=SCOPE
        )
        return self._baseline

    def _minutes(self, since: datetime, until: datetime) -> pd.DataFrame:
        """The figures of all sources in each minute from one to another, both included."""
        is_within = F.col("minute").between(F.lit(since), F.lit(until))
        rows = (
            self.scope.own(KPI_MINUTES)
            .where(is_within & (F.col("dimension") == "all"))
            .groupBy("minute")
            .agg(*(F.sum(name).cast("double").alias(name) for name in METRICS))
            .orderBy("minute")
            .toPandas()
        )
        rows.index = pd.DatetimeIndex(rows.pop("minute")).tz_localize("UTC")
        return rows

    def _last_alerts(self) -> list[KpiAlert]:
        """The last alert of each metric, open or closed."""
        newest = Window.partitionBy("metric").orderBy(F.desc("opened_at"))
        rows = (
            self.scope.own(ALERTS)
            .withColumn("_rank", F.row_number().over(newest))
            .where("_rank = 1")
            .drop("_rank", "alert_id")
            .collect()  # one row a metric
        )
        return [_alert(row.asDict()) for row in rows]


def _row(alert: KpiAlert) -> dict[str, Any]:
    return {**asdict(alert), "alert_id": alert.alert_id}


def _alert(row: dict[str, Any]) -> KpiAlert:
    instants = {
        name: row[name].replace(tzinfo=UTC) for name in ("opened_at", "closed_at") if row[name]
    }
    return KpiAlert(**{**row, **instants, "scope": SCOPE})
