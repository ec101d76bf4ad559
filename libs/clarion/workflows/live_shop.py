"""Watch the shop: every query of every live source, and what is found by the clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from clarion.collect.sources.mapping import Source
from clarion.contracts.core import Table
from clarion.contracts.live import TABLES
from clarion.contracts.live_campaigns import TABLES as CAMPAIGN_TABLES
from clarion.declarations.shop import sources
from clarion.kernel.days import today
from clarion.runtime.scope import Scope
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_campaigns import (
    forget_old_campaigns,
    message_orders_query,
    message_responses_query,
)
from clarion.workflows.live_checks import ShopChecks
from clarion.workflows.live_market import market_query
from clarion.workflows.live_minutes import event_minutes_query, order_minutes_query
from clarion.workflows.live_requests import contact_requests_query, review_requests_query
from clarion.workflows.live_states import customer_state_query
from clarion.workflows.stream_intake import LiveQuery, LiveSource, bronze_query, live_source
from clarion.workflows.stream_queries import StreamCounts, drain, follow

QueryMaker = Callable[[Scope, LiveSource], LiveQuery]

QUERIES: dict[str, tuple[QueryMaker, ...]] = {
    "events": (bronze_query, event_minutes_query, customer_state_query),
    "orders": (bronze_query, order_minutes_query),
    "market": (bronze_query, market_query),
    "responses": (bronze_query, message_responses_query),
    "contacts": (bronze_query, contact_requests_query),
    "reviews": (bronze_query, review_requests_query),
}


def watch_shop(scope: Scope) -> None:
    """Follow every live source: until what is available is read, or until it is stopped.

    With `monitor.interval_seconds` it runs to the end of the as-of day at the latest, so that each
    day has its own row in the run log; whoever started it starts it again.
    """
    streams = [source for source in sources(scope.config) if source.mode == "stream"]
    if not streams:
        scope.note("no live sources")
        return
    scope.run_concurrently([partial(scope.ensure, table) for table in _tables(streams)])
    if _has_campaigns(streams):
        forget_old_campaigns(scope)
    queries, followed = _queries(scope, streams)
    checks = ShopChecks(scope)
    interval = scope.settings(MonitorSettings).interval_seconds
    if interval is None:
        counts = drain(scope, queries, followed)
        checks.at_end_of_stream()
    else:
        counts = follow(
            scope,
            queries,
            followed,
            every=timedelta(seconds=interval),
            is_over=lambda: today(scope.time_zone) > scope.as_of,
            tick=partial(_tick, scope, checks),
        )
    _note_uncounted(scope, counts)


def _tables(streams: list[Source]) -> list[Table]:
    if not any(source.kind.name in QUERIES for source in streams):
        return []
    unused = () if _has_campaigns(streams) else CAMPAIGN_TABLES
    return [table for table in TABLES if table not in unused]


def _has_campaigns(streams: list[Source]) -> bool:
    """Whether the effect of campaigns is seen live: where responses to messages are."""
    return any(source.kind.name == "responses" for source in streams)


def _queries(scope: Scope, streams: list[Source]) -> tuple[list[LiveQuery], dict[str, Source]]:
    """The queries of all sources, and the source of each by the query's name."""
    queries: list[LiveQuery] = []
    followed: dict[str, Source] = {}
    for source in streams:
        live = live_source(scope, source)
        makers = QUERIES.get(source.kind.name, (bronze_query,))
        if source.kind.name == "orders" and _has_campaigns(streams):
            makers = (*makers, message_orders_query)
        for make_query in makers:
            query = make_query(scope, live)
            queries.append(query)
            followed[query.name] = source
    return queries, followed


def _tick(scope: Scope, checks: ShopChecks) -> None:
    now = datetime.now(UTC)
    checks.at(now)
    taken = sum(rows for name, rows in scope.rows_written.items() if name.startswith("bronze."))
    scope.say(f"{now:%H:%M} UTC: {taken:,} records so far")


def _note_uncounted(scope: Scope, counts: StreamCounts) -> None:
    if counts.late:
        scope.note(f"{counts.late} late rows did not count in their minutes; they are in bronze")
    if counts.ahead:
        scope.note(
            f"{counts.ahead} rows state a time after they arrived (a clock is ahead); they did "
            "not count in minutes; they are in bronze"
        )
