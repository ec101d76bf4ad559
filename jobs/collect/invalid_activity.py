"""Flag activity that no customer intended: accidental clicks, bots, fake orders."""

from clarion.contracts.ops import DETECTIONS
from clarion.contracts.silver import CUSTOMERS, EVENTS, INVALID_ACTIVITY, ORDER_LINES
from clarion.declarations.shop import detectors
from clarion.lake.frames import union_all
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.detection import day_views, detect, write_detections


def run(scope: Scope) -> None:
    """Run every detector over the facts that arrived since shortly before the last run."""
    views = day_views(scope)
    declared = detectors(scope.config)
    by_detector = [detect(scope, detector, views) for detector in declared]
    flagged = scope.persist(union_all(by_detector))
    write_detections(scope, declared, flagged, views)


JOB = Job(
    name="invalid_activity",
    summary=__doc__,
    reads=(EVENTS, ORDER_LINES, CUSTOMERS),
    reads_earlier=(DETECTIONS,),
    writes=(INVALID_ACTIVITY, DETECTIONS),
    purpose="collection",
    run=run,
)
