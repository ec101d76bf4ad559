"""Compare what can be measured with its targets, and say what cannot be measured yet."""

from clarion.contracts.gold import (
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    FORECASTS,
    SEGMENT_MEMBERS,
    STRATEGY_KPIS,
)
from clarion.contracts.ops import BATCHES, FILES, QUALITY, TARGETS
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
from clarion.workflows.target_sums import target_sums
from clarion.workflows.targets import measured_targets


def run(scope: Scope) -> None:
    """Write every target of the day with its verdict."""
    rows = [target.row(scope.as_of) for target in measured_targets(target_sums(scope))]
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
        FILES, QUALITY,
    ),
    writes=(TARGETS,),
    purpose="operations",
    run=run,
)  # fmt: skip
