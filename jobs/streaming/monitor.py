"""Follow the live sources: minutes, carts and interest, competitors' prices; each event once."""

from collections.abc import Callable
from functools import partial
from itertools import chain

from clarion.collect.privacy.keys import PrivacySettings
from clarion.contracts.bronze import BRONZE
from clarion.contracts.core import Table
from clarion.contracts.live import CUSTOMER_STATE, KPI_MINUTES, MARKET_ALERTS, MARKET_STATE
from clarion.contracts.ops import FILES
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import sources
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_tables import customer_state_query, market_query, minutes_query
from clarion.workflows.stream_intake import (
    LiveQuery,
    LiveSource,
    await_queries,
    bronze_query,
    live_source,
    start_query,
)

TABLES: dict[str, tuple[Table, ...]] = {
    "events": (KPI_MINUTES, CUSTOMER_STATE),
    "market": (MARKET_STATE, MARKET_ALERTS),
}
QUERIES: dict[str, tuple[Callable[[Scope, LiveSource], LiveQuery], ...]] = {
    "events": (bronze_query, minutes_query, customer_state_query),
    "market": (bronze_query, market_query),
}


def run(scope: Scope) -> None:
    """Follow every live source until what is available has been read."""
    streams = [source for source in sources(scope.config) if source.mode == "stream"]
    kinds = {source.kind.name for source in streams}
    tables = chain.from_iterable(TABLES[kind] for kind in sorted(TABLES.keys() & kinds))
    scope.run_concurrently([partial(scope.ensure, table) for table in tables])
    queries = []
    for source in streams:
        live = live_source(scope, source)
        for make_query in QUERIES.get(source.kind.name, (bronze_query,)):
            queries.append(start_query(scope, make_query(scope, live)))
    uncounted = await_queries(scope, queries, streams)
    if uncounted.late:
        scope.note(f"{uncounted.late} late rows did not count in their minutes; they are in bronze")
    if uncounted.ahead:
        scope.note(
            f"{uncounted.ahead} events state a time after they arrived (a clock is ahead); they "
            "did not count in minutes; they are in bronze"
        )
    if not streams:
        scope.note("no live sources")


JOB = Job(
    name="monitor",
    summary=__doc__,
    reads=(BRONZE["consents"],),
    reads_earlier=(IDENTITIES, IDENTITY_MODELS, RESOLUTIONS, SUPPRESSED),
    writes=(
        *BRONZE.values(),
        FILES,
        PERSONAL_DATA,
        KEYS,
        KPI_MINUTES,
        CUSTOMER_STATE,
        MARKET_STATE,
        MARKET_ALERTS,
    ),
    purpose="operations",
    settings=(MonitorSettings, PrivacySettings),
    run=run,
)
