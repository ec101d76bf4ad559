"""Measure what each strategy achieved, once its window has passed."""

from datetime import date, timedelta

from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.campaigns.measurement.lifts import LIFT_COLUMNS, lift_rows
from clarion.campaigns.measurement.settings import MeasureSettings
from clarion.campaigns.measurement.transforms import arms, outcomes, strategy_kpis
from clarion.contracts.gold import DECISIONS, MESSAGES, STRATEGIES, STRATEGY_KPIS
from clarion.contracts.silver import ORDER_LINES, RESPONSES
from clarion.measures.columns.days import arrived_before
from clarion.measures.columns.frames import local_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Write the KPIs of the last day of decisions whose window has passed."""
    window_days = scope.settings(StrategySettings).window_days
    decided_on = _last_mature_day(scope, window_days=window_days)
    if decided_on is None:
        scope.note(f"no strategy has run for {window_days} days yet")
        scope.replace(STRATEGY_KPIS, scope.empty(STRATEGY_KPIS))
        return
    is_of_day = F.col("as_of") == F.lit(decided_on)
    has_arrived = arrived_before(scope.as_of, scope.time_zone)
    order_lines = scope.facts(ORDER_LINES).where(has_arrived)
    responses = scope.facts(RESPONSES).where(has_arrived)
    # Version 0: not profiled on that day. Whoever consents since has no strategy to measure.
    is_of_strategy = F.col("strategy_version") > 0
    decisions = scope.persist(scope.facts(DECISIONS).where(is_of_day & is_of_strategy))
    messages = scope.facts(MESSAGES).where(is_of_day & (F.col("state") == "sent"))

    message_outcomes = outcomes(
        messages,
        responses,
        order_lines,
        sent_on=decided_on,
        window_days=window_days,
        conversion_days=scope.settings(MeasureSettings).conversion_days,
        time_zone=scope.time_zone,
    )
    kpis = strategy_kpis(
        decisions,
        message_outcomes,
        as_of=scope.as_of,
        decided_on=decided_on,
        window_days=window_days,
    )
    arm_moments = arms(
        decisions,
        order_lines,
        sent_on=decided_on,
        window_days=window_days,
        time_zone=scope.time_zone,
    )
    rows = lift_rows(row.asDict() for row in arm_moments.collect())  # two rows a strategy
    lifts = local_frame(scope.spark, rows, LIFT_COLUMNS)
    scope.replace(STRATEGY_KPIS, kpis.join(lifts, "strategy_id"))


def _last_mature_day(scope: Scope, *, window_days: int) -> date | None:
    """The last day with strategies whose decisions have had their whole window by now."""
    is_mature = F.col("as_of") <= F.lit(scope.as_of - timedelta(days=window_days))
    row = scope.earlier(STRATEGIES).where(is_mature).agg(F.max("as_of")).first()
    return row[0] if row else None


JOB = Job(
    name="measure",
    summary=__doc__,
    reads=(ORDER_LINES, RESPONSES),
    reads_earlier=(STRATEGIES, DECISIONS, MESSAGES),
    writes=(STRATEGY_KPIS,),
    purpose="analytics",
    settings=(StrategySettings, MeasureSettings),
    run=run,
)
