"""Derive the AdjustmentFactor of each strategy, and from it the next benefit multiplier."""

from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F

from clarion.campaigns.measurement.adjustment import (
    KPIS,
    Measurement,
    adjustment_factor,
    benefit_change,
)
from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.contracts.gold import ADJUSTMENTS, STRATEGIES, STRATEGY_KPIS
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    settings = scope.settings(AdjustSettings)
    plans = scope.earlier(STRATEGIES).drop("as_of").withColumnRenamed("version", "strategy_version")
    latest = plans.groupBy("strategy_id", "strategy_version").agg(
        F.first(F.struct("benefit", *(f"target_{kpi}" for kpi in KPIS))).alias("plan")
    )
    measured = scope.current(STRATEGY_KPIS).join(latest, ["strategy_id", "strategy_version"])
    rows = [
        _adjustment(scope, row, settings) for row in measured.orderBy("strategy_id").collect()
    ]  # one row a strategy
    scope.replace(ADJUSTMENTS, rows_as_frame(scope.spark, ADJUSTMENTS, rows))
    moved = sum(row["acted"] for row in rows)
    scope.note(f"{moved} of {len(rows)} strategies change")


def _adjustment(scope: Scope, row: Row, settings: AdjustSettings) -> dict[str, Any]:
    plan = row["plan"]
    base = {
        "as_of": scope.as_of,
        "decided_on": row["decided_on"],
        "strategy_id": row["strategy_id"],
        "strategy_version": row["strategy_version"],
        "benefit_before": plan["benefit"],
    }
    unknown = [kpi for kpi in KPIS if row[kpi] is None]
    if unknown:
        reason = f"not computable: no {', '.join(unknown)} ({row['delivered']} delivered, {row['clickers']} clicked, {row['buyers']} bought)"
        return {
            **base,
            "terms": [],
            "benefit_after": plan["benefit"],
            "acted": False,
            "reason": reason,
        }
    targets = {kpi: float(plan[f"target_{kpi}"]) for kpi in KPIS}
    found = adjustment_factor(targets, {kpi: float(row[kpi]) for kpi in KPIS}, settings.weights)
    counts = Measurement(plan["benefit"], row["delivered"], row["clickers"], row["buyers"])
    change = benefit_change(found, counts, settings)
    dominance = found.dominance()
    if isinstance(dominance, float) and dominance > settings.dominance_warning:
        scope.note(f"{row['strategy_id']}: one term makes up {dominance:.0%} of the factor")
    return {
        **base,
        "terms": [
            (term.kpi, term.target, term.actual, term.weight, term.gap, term.relative_gap)
            for term in found.terms
        ],
        "factor": found.literal,
        "relative_factor": found.relative,
        "dominance": dominance if isinstance(dominance, float) else None,
        "absolute_gap": found.absolute_gap,
        "benefit_after": change.after,
        "acted": change.has_changed,
        "reason": change.reason,
    }


JOB = Job(
    name="adjust",
    summary=__doc__,
    reads=(STRATEGY_KPIS,),
    reads_earlier=(STRATEGIES,),
    writes=(ADJUSTMENTS,),
    purpose="analytics",
    settings=(AdjustSettings,),
    run=run,
)
