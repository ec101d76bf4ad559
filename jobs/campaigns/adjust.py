"""Derive the AdjustmentFactor of each strategy, and from it the next benefit multiplier."""

from pyspark.sql import functions as F

from clarion.campaigns.measurement.corrections import adjustment_row
from clarion.campaigns.measurement.factor import KPIS
from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.contracts.gold import ADJUSTMENTS, STRATEGIES, STRATEGY_KPIS
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Write one adjustment for each strategy that was measured on this day."""
    settings = scope.settings(AdjustSettings)
    plan = F.struct("benefit", *(f"target_{kpi}" for kpi in KPIS))
    plans = scope.earlier(STRATEGIES).select(
        F.col("as_of").alias("decided_on"), "strategy_id", plan.alias("plan")
    )
    strategies = (
        scope.current(STRATEGY_KPIS)
        .join(plans, ["decided_on", "strategy_id"])
        .orderBy("strategy_id")
        .collect()
    )  # one row a strategy
    rows = [adjustment_row(row.asDict(), row["plan"].asDict(), settings) for row in strategies]
    scope.replace(ADJUSTMENTS, rows_as_frame(scope.spark, ADJUSTMENTS, rows))
    for row in rows:
        dominance = row.get("dominance")
        if dominance is not None and dominance > settings.dominance_warning:
            scope.note(f"{row['strategy_id']}: one term makes up {dominance:.0%} of the factor")
    changes = sum(row["acted"] for row in rows)
    scope.note(f"{changes} of {len(rows)} strategies change")


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
