"""Find facts that no customer's will stands behind: taps by mistake, programs, staged orders."""

from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning import invalid_activity
from clarion.collect.cleaning.invalid_activity import Detector
from clarion.contracts import Table
from clarion.contracts.ops import DETECTIONS
from clarion.contracts.silver import CUSTOMERS, EVENTS, INVALID_ACTIVITY, ORDER_LINES
from clarion.declarations.shop import detectors
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.days import arrived_before, start_of
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope

_AGAIN_DAYS = (
    7  # facts that came late, and those of a crowd that was not yet one, are looked at once more
)


def run(scope: Scope) -> None:
    since = _since(scope)
    back = since - timedelta(days=invalid_activity.LOOK_BACK_DAYS) if since else None
    events, lines = _known(scope, EVENTS, back), _known(scope, ORDER_LINES, back)
    of_day = detectors(scope.config)
    clicks = scope.persist(
        invalid_activity.clicks(_from(scope, events, since), time_zone=scope.time_zone)
    )
    orders = invalid_activity.orders(lines, events, scope.raw(CUSTOMERS), time_zone=scope.time_zone)
    found = scope.persist(
        reduce(
            DataFrame.unionByName,
            [
                _found(scope, one, orders if one.of_orders else clicks, clicks, lines, since)
                for one in of_day
            ],
        )
    )
    counts = {row["detector"]: row["count"] for row in found.groupBy("detector").count().collect()}
    checked = {True: _from(scope, lines, since).count(), False: clicks.count()}
    for one in of_day:
        if counts.get(one.name):
            scope.note(
                f"{one.name}: {counts[one.name]:,} of {checked[one.of_orders]:,} {_facts(one)}: {one.reason}"
            )
    if counts or scope.exists(INVALID_ACTIVITY):
        scope.replace(INVALID_ACTIVITY, found.withColumn("as_of", F.lit(scope.as_of)))
    entries = [
        {
            "as_of": scope.as_of, "detector": one.name, "reason": one.reason, "fact_table": _facts(one),
            "checked": checked[one.of_orders], "flagged": counts.get(one.name, 0),
        }
        for one in of_day
    ]  # fmt: skip
    # Last: with these rows the day's noise is in force.
    scope.replace(DETECTIONS, rows_as_frame(scope.spark, DETECTIONS, entries))


def _since(scope: Scope) -> date | None:
    """The first day whose facts are looked at; None for all, where nothing was looked at before."""
    last = scope.earlier(DETECTIONS).agg(F.max("as_of")).first()
    return last[0] - timedelta(days=_AGAIN_DAYS) if last and last[0] else None


def _known(scope: Scope, table: Table, since: date | None) -> DataFrame:
    """Facts that were known before the as-of day."""
    frame = scope.raw(table).where(arrived_before(scope.as_of, scope.time_zone))
    return _from(scope, frame, since)


def _from(scope: Scope, frame: DataFrame, since: date | None) -> DataFrame:
    return (
        frame
        if since is None
        else frame.where(F.col("happened_at") >= start_of(since, scope.time_zone))
    )


def _found(
    scope: Scope,
    detector: Detector,
    view: DataFrame,
    clicks: DataFrame,
    lines: DataFrame,
    since: date | None,
) -> DataFrame:
    invalid_activity.check_detector(detector, view)
    units = invalid_activity.found(detector, view)
    single = _from(scope, invalid_activity.facts(detector, units, clicks, lines), since)
    return single.withColumns(
        {"detector": F.lit(detector.name), "fact_table": F.lit(_facts(detector))}
    )


def _facts(detector: Detector) -> str:
    return ORDER_LINES.name if detector.of_orders else EVENTS.name


JOB = Job(
    name="invalid_activity",
    summary=__doc__,
    reads=(EVENTS, ORDER_LINES, CUSTOMERS),
    reads_earlier=(DETECTIONS,),
    writes=(INVALID_ACTIVITY, DETECTIONS),
    purpose="collection",
    run=run,
)
