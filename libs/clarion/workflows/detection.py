"""The steps of `invalid_activity`: the facts of the day, what detectors flag, what is recorded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning import invalid_activity
from clarion.collect.cleaning.detectors import (
    Detector,
    check_detector,
    flag_units,
    flagged_facts,
)
from clarion.collect.cleaning.invalid_activity import LOOK_BACK_DAYS
from clarion.contracts import Table
from clarion.contracts.ops import DETECTIONS
from clarion.contracts.silver import CUSTOMERS, EVENTS, INVALID_ACTIVITY, ORDER_LINES
from clarion.lake.frames import rows_as_frame, union_all
from clarion.measures.columns.days import arrived_before, start_of
from clarion.runtime.scope import Scope

# Facts that arrived late, and those of a ring that was still too small, are checked once more.
_RECHECK_DAYS = 7


@dataclass(frozen=True, slots=True)
class DayViews:
    """The facts that are checked on a day, and the views that the detectors look at.

    Args:
        since: first day whose facts are checked; None for all.
        lines: ORDER_LINES, with those that the views look back at.
        clicks: rows of `clicks`, of the checked days.
        orders: rows of `orders`.
    """

    since: date | None
    lines: DataFrame
    clicks: DataFrame
    orders: DataFrame


def day_views(scope: Scope) -> DayViews:
    """The views of the facts that had arrived before the as-of day."""
    since = _first_day(scope)
    look_back = since - timedelta(days=LOOK_BACK_DAYS) if since else None
    events = _arrived_facts(scope, EVENTS, look_back)
    lines = _arrived_facts(scope, ORDER_LINES, look_back)
    zone = scope.time_zone
    customers = scope.raw(CUSTOMERS)
    clicks = invalid_activity.clicks(_facts_since(scope, events, since), time_zone=zone)
    sales = invalid_activity.sale_lines(lines, events, customers, time_zone=zone)
    links = invalid_activity.shared_links(events, customers)
    orders = invalid_activity.orders(scope.persist(sales), scope.persist(links))
    return DayViews(since, lines, scope.persist(clicks), orders)


def _first_day(scope: Scope) -> date | None:
    """The first day whose facts are checked; None for all, where none were checked before."""
    last = scope.earlier(DETECTIONS).agg(F.max("as_of")).first()
    return last[0] - timedelta(days=_RECHECK_DAYS) if last and last[0] else None


def _arrived_facts(scope: Scope, table: Table, since: date | None) -> DataFrame:
    facts = scope.newest(table).where(arrived_before(scope.as_of, scope.time_zone))
    return _facts_since(scope, facts, since)


def _facts_since(scope: Scope, facts: DataFrame, since: date | None) -> DataFrame:
    if since is None:
        return facts
    return facts.where(F.col("happened_at") >= start_of(since, scope.time_zone))


def detect(scope: Scope, detector: Detector, views: DayViews) -> DataFrame:
    """The checked facts that a detector flags: INVALID_ACTIVITY without the day.

    Args:
        scope: the run.
        detector: the detector.
        views: views of the day.

    Raises:
        ConfigError: a feature or the condition is invalid over the view.
    """
    view = views.orders if detector.checks_orders else views.clicks
    check_detector(detector, view)
    units = flag_units(detector, view)
    facts = flagged_facts(detector, units, views.clicks, views.lines)
    return _facts_since(scope, facts, views.since).withColumns(
        {"detector": F.lit(detector.name), "fact_table": F.lit(_fact_table(detector))}
    )


def _fact_table(detector: Detector) -> str:
    return ORDER_LINES.name if detector.checks_orders else EVENTS.name


def write_detections(
    scope: Scope, detectors: tuple[Detector, ...], flagged: DataFrame, views: DayViews
) -> None:
    """Write the flagged facts, and what each detector checked and flagged.

    Args:
        scope: the run.
        detectors: all detectors.
        flagged: rows of `detect`, of all detectors.
        views: views of the day.
    """
    counts, checked = _count_facts(
        flagged,
        {
            ORDER_LINES.name: _facts_since(scope, views.lines, views.since),
            EVENTS.name: views.clicks,
        },
    )
    for detector in detectors:
        if counts[detector.name]:
            table = _fact_table(detector)
            scope.note(
                f"{detector.name}: {counts[detector.name]:,} of {checked[table]:,} {table}: "
                f"{detector.reason}"
            )
    if counts or scope.exists(INVALID_ACTIVITY):
        scope.replace(INVALID_ACTIVITY, flagged.withColumn("as_of", F.lit(scope.as_of)))
    detections = [
        {
            "as_of": scope.as_of,
            "detector": detector.name,
            "reason": detector.reason,
            "fact_table": _fact_table(detector),
            "checked": checked[_fact_table(detector)],
            "flagged": counts[detector.name],
        }
        for detector in detectors
    ]
    # Last: with these rows the day's detections become active.
    scope.replace(DETECTIONS, rows_as_frame(scope.spark, DETECTIONS, detections))


def _count_facts(
    flagged: DataFrame, checked: Mapping[str, DataFrame]
) -> tuple[Counter[str], Counter[str]]:
    """Flagged facts by detector, and checked facts by table, counted in one job."""
    facts = F.count("*").alias("facts")
    by_detector = flagged.groupBy(F.col("detector").alias("name")).agg(facts)
    by_table = [
        rows.agg(facts).select(F.lit(name).alias("name"), "facts", F.lit(False).alias("is_flagged"))
        for name, rows in checked.items()
    ]
    rows = union_all([by_detector.withColumn("is_flagged", F.lit(True)), *by_table]).collect()
    return (
        Counter({row["name"]: row["facts"] for row in rows if row["is_flagged"]}),
        Counter({row["name"]: row["facts"] for row in rows if not row["is_flagged"]}),
    )
