"""The query that keeps MARKET_STATE and MARKET_ALERTS current."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import LISTING_MATCHES
from clarion.contracts.live_market import MARKET_ALERTS, MARKET_STATE
from clarion.contracts.silver import PRODUCTS, STOCK
from clarion.lake.frames import union_all
from clarion.runtime.scope import Scope
from clarion.streaming.market import merge_listings, next_market_state
from clarion.streaming.market_alerts import AlertRules, market_alerts
from clarion.streaming.market_episodes import WarRules
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_records import accepted_records, product_categories
from clarion.workflows.stream_intake import LiveQuery, LiveSource


def market_query(scope: Scope, live: LiveSource) -> LiveQuery:
    """Keeps MARKET_STATE and MARKET_ALERTS; a repeated batch changes nothing.

    Of a listing whose record names no product, the last matches of an earlier day name it.
    """
    rules = AlertRules(
        price_move=scope.settings(MonitorSettings).price_move,
        wars=WarRules() if scope.exists(PRODUCTS) else None,
    )

    def write(records: DataFrame, _: int) -> None:
        # Another stream must not change a listing between its reading and its merge.
        with scope.exclusively(MARKET_STATE):
            listings = merge_listings(
                records,
                scope.own(MARKET_STATE),
                matches=_last_matches(scope),
                categories=product_categories(scope),
            ).persist()
            try:
                _write_alerts(scope, listings, rules)
                scope.merge(MARKET_STATE, next_market_state(listings))
            finally:
                listings.unpersist()

    return LiveQuery(f"{live.source.name}.alerts", accepted_records(scope, live), write)


def _write_alerts(scope: Scope, listings: DataFrame, rules: AlertRules) -> None:
    """Write alerts before the state that they are compared with: a repeat finds the same ones."""
    changed = market_alerts(
        listings, scope.own(MARKET_ALERTS), rules, stock=_stated_stock(scope)
    ).persist()
    try:
        scope.merge(MARKET_ALERTS, changed)
        if not changed.where("valid_to = valid_from").isEmpty():
            scope.delete(MARKET_ALERTS, where="valid_to = valid_from")
    finally:
        changed.unpersist()


def _last_matches(scope: Scope) -> DataFrame | None:
    """The last matches of an earlier day; None where listings were never matched."""
    if not scope.exists(LISTING_MATCHES):
        return None
    last = scope.latest_earlier(LISTING_MATCHES)
    return None if last is None else last[1]


def _stated_stock(scope: Scope) -> DataFrame | None:
    """Everything that the shop has stated of its stock: in the product list, and by itself."""
    frames = []
    if scope.exists(PRODUCTS):
        products = scope.raw(PRODUCTS)
        warehouse = F.lit(None).cast("string").alias("store_ref")
        frames.append(products.select("product_id", warehouse, "at", "stock"))
    if scope.exists(STOCK):
        frames.append(scope.raw(STOCK).select("product_id", "store_ref", "at", "stock"))
    return union_all(frames) if frames else None
