"""Compare the shop with its competitors: prices, goods, promotions, trend and early warnings."""

from functools import partial

from clarion.contracts.gold import LISTING_MATCHES, PRODUCT_DAYS
from clarion.contracts.gold.market import COMPETITORS, MARKET_POSITION
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.contracts.silver import MARKET_PRICES, MARKET_PROMOTIONS, PRODUCTS, STOCK
from clarion.lake.frames import rows_as_frame
from clarion.prediction.market.competitors import competitor_rows
from clarion.prediction.market.observed import ALL
from clarion.prediction.market.position import position_rows
from clarion.prediction.market.settings import MarketSettings
from clarion.prediction.market.warnings import WarningRules
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.market_inputs import declared_of, observed_market


def run(scope: Scope) -> None:
    """Write the position and the competitors of the day."""
    settings = scope.settings(MarketSettings)
    if not (scope.exists(MARKET_PRICES) or scope.exists(MARKET_PROMOTIONS) or settings.sizes):
        scope.note("no market: neither prices nor promotions of competitors, nor declared sizes")
        for table in JOB.writes:
            scope.replace(table, scope.empty(table))
        return
    seen = observed_market(scope, settings)
    rules = WarningRules(scope.settings(MonitorSettings).price_move, settings)
    rows = {
        MARKET_POSITION: position_rows(seen, rules, declared_of(scope, settings)),
        COMPETITORS: competitor_rows(seen, settings),
    }
    scope.run_concurrently(
        partial(scope.replace, table, rows_as_frame(scope.spark, table, of_table))
        for table, of_table in rows.items()
    )
    warned = [row for row in rows[MARKET_POSITION] if row["is_warning"]]
    for evidence in [text for row in warned for text in row["evidence"] if row["category"] == ALL]:
        scope.note(evidence)
    scope.note(f"{len(warned)} of {len(rows[MARKET_POSITION])} categories (and all) warn")


JOB = Job(
    name="market_position",
    summary=__doc__,
    reads=(
        MARKET_PRICES, MARKET_PROMOTIONS, LISTING_MATCHES, PRODUCTS, STOCK, PRODUCT_DAYS,
        MARKET_ALERTS,
    ),
    writes=(MARKET_POSITION, COMPETITORS),
    purpose="analytics",
    settings=(MarketSettings, MonitorSettings),
    run=run,
)  # fmt: skip
