"""Queries that keep KPI_MINUTES current."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import KPI_MINUTES
from clarion.runtime.scope import Scope
from clarion.streaming.minutes import event_minutes, order_minutes
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_records import (
    accepted_events,
    accepted_sales,
    each_once,
    with_category,
)
from clarion.workflows.stream_intake import CLOCKS, LiveQuery, LiveSource


def event_minutes_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Counts the events of each minute."""
    watermark = _watermark(scope)
    events = _observe_clocks(accepted_events(scope, live), watermark)
    distinct = each_once(events, key=("event_ref",), watermark=watermark)
    minutes = event_minutes(with_category(scope, distinct), source=live.source.name)
    return _query(scope, live, minutes)


def order_minutes_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Counts the orders of each minute, and what was paid for them.

    A line is known by order, line number and product. Without line numbers equal lines of an order
    may both be meant, so that each counts.
    """
    watermark = _watermark(scope)
    sales = _observe_clocks(accepted_sales(scope, live), watermark)
    has_number = "line_no" in live.source.columns
    key = ("order_ref", "line_no", "product_ref") if has_number else ()
    lines = each_once(sales, key=key, watermark=watermark)
    minutes = order_minutes(with_category(scope, lines), source=live.source.name)
    return _query(scope, live, minutes)


def _query(scope: Scope, live: LiveSource, minutes: DataFrame) -> LiveQuery:
    def write(changed: DataFrame, _: int) -> None:
        # Update mode hands over whole minutes, so that a repeat changes nothing.
        scope.merge(KPI_MINUTES, changed)

    return LiveQuery(f"{live.source.name}.kpi_minutes", minutes, write, output_mode="update")


def _observe_clocks(rows: DataFrame, watermark: timedelta) -> DataFrame:
    """The rows; the query's progress says how many come from clocks that are too far ahead."""
    ahead = F.count_if(F.col("ahead_s") > watermark.total_seconds()).alias("ahead")
    return rows.observe(CLOCKS, ahead)


def _watermark(scope: Scope) -> timedelta:
    return timedelta(minutes=scope.settings(MonitorSettings).watermark_minutes)
