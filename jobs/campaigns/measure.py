"""Measure what became of each strategy once its window has passed."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.campaigns.measurement import transforms as campaigns
from clarion.contracts.gold import DECISIONS, MESSAGES, STRATEGY_KPIS
from clarion.contracts.silver import ORDER_LINES, RESPONSES
from clarion.measures.columns.days import arrived_before
from clarion.measures.statistics.intervals import Interval, Moments, welch
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    window = scope.settings(StrategySettings).window_days
    decided_on = _latest_mature(scope, window)
    if decided_on is None:
        scope.note(f"no strategy has run for {window} days yet")
        scope.replace(STRATEGY_KPIS, scope.empty(STRATEGY_KPIS))
        return
    day = F.col("as_of") == F.lit(decided_on)
    known = arrived_before(scope.as_of, scope.time_zone)
    lines, responses = scope.facts(ORDER_LINES).where(known), scope.facts(RESPONSES).where(known)
    decisions = scope.persist(scope.facts(DECISIONS).where(day))
    sent = scope.facts(MESSAGES).where(day & (F.col("state") == "sent"))
    results = campaigns.outcomes(
        sent, responses, lines, sent_on=decided_on, window_days=window, time_zone=scope.time_zone
    )
    kpis = campaigns.strategy_kpis(
        decisions, results, as_of=scope.as_of, decided_on=decided_on, window_days=window
    )
    arms = campaigns.arms(
        decisions, lines, sent_on=decided_on, window_days=window, time_zone=scope.time_zone
    )
    scope.replace(STRATEGY_KPIS, kpis.join(_lifts(scope, arms), "strategy_id"))


def _latest_mature(scope: Scope, window: int) -> date | None:
    """The last day whose decisions have had their whole window by now."""
    last = (
        scope.earlier(DECISIONS)
        .where(F.col("as_of") <= F.lit(scope.as_of - timedelta(days=window)))
        .agg(F.max("as_of"))
        .first()
    )
    found: date | None = last[0] if last else None
    return found


def _lifts(scope: Scope, arms: DataFrame) -> DataFrame:
    """Revenue per customer outside the holdout less inside, with Welch's interval; null where it is not computable."""
    by_strategy: dict[str, dict[bool, Moments]] = {}
    for row in arms.collect():  # two rows a strategy
        by_strategy.setdefault(row["strategy_id"], {})[row["is_holdout"]] = Moments(
            row["n"], row["mean"], row["m2"]
        )
    none = Moments(0, 0.0, 0.0)
    rows = []
    for strategy, found in by_strategy.items():
        treated, held_out = found.get(False, none), found.get(True, none)
        lift = welch(treated, held_out)
        # Rounded: the order of summation may decide the last digit.
        ends = (
            tuple(round(value, 6) for value in (lift.value, lift.low, lift.high))
            if isinstance(lift, Interval)
            else (None, None, None)
        )
        rows.append((strategy, held_out.n, treated.n, *ends))
    return scope.spark.createDataFrame(
        rows,
        "strategy_id string, held_out bigint, treated bigint, lift double, lift_low double, lift_high double",
    )


JOB = Job(
    name="measure",
    summary=__doc__,
    reads=(ORDER_LINES, RESPONSES),
    reads_earlier=(DECISIONS, MESSAGES),
    writes=(STRATEGY_KPIS,),
    purpose="analytics",
    settings=(StrategySettings,),
    run=run,
)
