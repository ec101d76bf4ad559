"""What is found by the clock: figures out of range, steps that fail, requests, campaigns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import (
    CUSTOMER_STATE,
    KPI_MINUTES,
    PROBLEMS,
    REQUESTS,
)
from clarion.contracts.live_campaigns import MESSAGE_RESPONSES
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.lake.frames import union_all
from clarion.runtime.scope import Scope
from clarion.streaming.problems import COUNTED, payment_problems
from clarion.streaming.requests import (
    RequestRules,
    customer_requests,
    market_requests,
    new_requests,
)
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_alerts import AlertWatch
from clarion.workflows.live_campaigns import CampaignWatch

_REQUEST_DAYS = 30  # older occasions are not looked at again


@dataclass(slots=True)
class ShopChecks:
    """Looks at what the last minutes show, again and again.

    Args:
        scope: the run.
    """

    scope: Scope
    _alerts: AlertWatch = field(init=False)
    _campaigns: CampaignWatch = field(init=False)

    def __post_init__(self) -> None:
        self._alerts = AlertWatch(self.scope)
        self._campaigns = CampaignWatch(self.scope)

    def at_end_of_stream(self) -> None:
        """Write alerts, problems and requests as of the end of what the stream has read."""
        end = _end_of_stream(self.scope)
        if end is not None:
            self._write(end, complete_until=end)

    def at(self, now: datetime) -> None:
        """Write alerts, problems and requests as of an instant with its zone.

        A minute is complete once its records had time to land.
        """
        lag = timedelta(minutes=self.scope.settings(MonitorSettings).landing_minutes)
        self._write(now, complete_until=now - lag)

    def _write(self, now: datetime, *, complete_until: datetime) -> None:
        last_minute = complete_until.replace(second=0, microsecond=0) - timedelta(minutes=1)
        self.scope.run_concurrently(
            [
                lambda: self._find_alerts(last_minute),
                lambda: _find_problems(self.scope, now),
                lambda: _find_requests(self.scope, now),
                self._campaigns.update,
            ]
        )

    def _find_alerts(self, last_minute: datetime) -> None:
        for alert in self._alerts.evaluate(last_minute):
            if alert.closed_at is None:
                self.scope.note(
                    f"{alert.opened_at:%Y-%m-%d %H:%M} UTC: {alert.metric}: {alert.direction} to "
                    f"{alert.value:,.0f} in {alert.window_minutes} minutes, "
                    f"usually {alert.usual:,.0f} at this {alert.baseline.replace('_', ' ')}"
                )


def _end_of_stream(scope: Scope) -> datetime | None:
    """The end of the last minute, alert of the market or response; None for nothing."""
    ends = []
    if scope.exists(KPI_MINUTES):
        ends.append(scope.own(KPI_MINUTES).agg(F.max("minute").alias("at")))
    if scope.exists(MARKET_ALERTS):
        ends.append(scope.own(MARKET_ALERTS).agg(F.max("observed_at").alias("at")))
    if scope.exists(MESSAGE_RESPONSES):
        last_response = F.max(F.greatest("taken_at", "bounced_at", "read_at", "clicked_at"))
        ends.append(scope.own(MESSAGE_RESPONSES).agg(last_response.alias("at")))
    if not ends:
        return None
    last = union_all(ends).agg(F.unix_seconds(F.max("at"))).first()
    if last is None or last[0] is None:
        return None
    return datetime.fromtimestamp(last[0], UTC) + timedelta(minutes=1)


def _find_problems(scope: Scope, until: datetime) -> None:
    settings = scope.settings(MonitorSettings)
    minutes = scope.own(KPI_MINUTES).where(F.col("minute") >= F.lit(until - COUNTED))
    problems = payment_problems(
        minutes, until=until, least=settings.given_up_least, share=settings.given_up_share
    )
    scope.replace(PROBLEMS, problems, where="true")


def _find_requests(scope: Scope, until: datetime) -> None:
    settings = scope.settings(MonitorSettings)
    rules = RequestRules(
        cart_after=timedelta(minutes=settings.abandoned_cart_minutes),
        cart_within=timedelta(hours=settings.abandoned_cart_hours),
        payments_within=timedelta(minutes=settings.payment_failures_minutes),
        interest_within=timedelta(days=settings.sudden_interest_days),
    )
    found: list[DataFrame] = []
    if scope.exists(CUSTOMER_STATE):
        since = until - max(rules.cart_within, rules.interest_within)
        recent = scope.own(CUSTOMER_STATE).where(
            F.col("valid_to").isNull() & (F.greatest("interest_at", "cart_at") > F.lit(since))
        )
        found.append(customer_requests(recent, rules, now=until))
    if scope.exists(MARKET_ALERTS):
        begins = F.col("observed_at") > F.lit(until - timedelta(days=_REQUEST_DAYS))
        found.append(market_requests(scope.own(MARKET_ALERTS).where(begins)))
    if found:
        write_requests(scope, union_all(found))


def write_requests(scope: Scope, found: DataFrame) -> None:
    """Add the requests that are new; a repeat changes nothing.

    Args:
        scope: the run.
        found: REQUESTS without _found_at.
    """
    quiet = timedelta(days=scope.settings(MonitorSettings).quiet_days)
    # Another thread must not add a request between the look at the known ones and the merge.
    with scope.exclusively(REQUESTS):
        new = new_requests(found, scope.own(REQUESTS), quiet=quiet)
        rows = new.withColumn("_found_at", F.current_timestamp())
        scope.merge(REQUESTS, rows, update=False)
