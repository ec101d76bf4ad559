"""Compare what can be measured with its targets, and say what cannot be measured yet."""

from clarion.contracts.gold import (
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    FORECASTS,
    SEGMENT_MEMBERS,
    STRATEGY_KPIS,
)
from clarion.contracts.ops import BATCHES, FILES, QUALITY, TARGETS, UNDELIVERED
from clarion.contracts.silver import (
    CONSENTS,
    CUSTOMERS,
    EVENTS,
    EXPOSURES,
    INVALID_ACTIVITY,
    ORDER_LINES,
    TOUCHES,
)
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.target_settings import ScorecardSettings
from clarion.workflows.target_sums import target_sums
from clarion.workflows.targets import measured_targets


def run(scope: Scope) -> None:
    """Write every target of the day with its verdict."""
    settings = scope.settings(ScorecardSettings)
    rows = [target.row(scope.as_of) for target in measured_targets(target_sums(scope), settings)]
    scope.replace(TARGETS, rows_as_frame(scope.spark, TARGETS, rows))
    verdicts = [row["verdict"] for row in rows]
    scope.note(
        ", ".join(
            f"{verdicts.count(verdict)} {verdict}"
            for verdict in ("met", "missed", "measured", "not measurable")
        )
    )


JOB = Job(
    name="scorecard",
    summary=__doc__,
    reads=(
        CUSTOMER_PROFILES, CUSTOMER_TAGS, DECISIONS, FORECASTS, SEGMENT_MEMBERS, STRATEGY_KPIS,
        CONSENTS, CUSTOMERS, EVENTS, ORDER_LINES, TOUCHES, EXPOSURES, INVALID_ACTIVITY, BATCHES,
        FILES, QUALITY, UNDELIVERED,
    ),
    writes=(TARGETS,),
    purpose="operations",
    settings=(ScorecardSettings,),
    run=run,
)  # fmt: skip
