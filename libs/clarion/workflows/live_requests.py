"""Queries that make requests of what customers tell the shop."""

from collections.abc import Callable

from pyspark.sql import DataFrame

from clarion.runtime.scope import Scope
from clarion.streaming.requests import contact_requests, review_requests
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_checks import write_requests
from clarion.workflows.live_customers import customer_facts
from clarion.workflows.live_records import accepted_records
from clarion.workflows.stream_intake import LiveQuery, LiveSource


def contact_requests_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """A complaint becomes a request."""
    low = scope.settings(MonitorSettings).low_rating
    return _query(scope, live, lambda contacts: contact_requests(contacts, low=low))


def review_requests_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """A review with few stars becomes a request."""
    low = scope.settings(MonitorSettings).low_rating
    return _query(scope, live, lambda reviews: review_requests(reviews, low=low))


def _query(
    scope: Scope, live: LiveSource, requests_of: Callable[[DataFrame], DataFrame]
) -> LiveQuery:
    def write(records: DataFrame, _: int) -> None:
        facts = customer_facts(scope, live.source, records)
        write_requests(scope, requests_of(facts))

    return LiveQuery(f"{live.source.name}.requests", accepted_records(scope, live), write)
