"""Follow the live sources: minutes, customers, market, alerts and requests; each record once."""

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.campaigns.measurement.settings import MeasureSettings
from clarion.collect.cleaning.order_states import SaleSettings
from clarion.collect.privacy.keys import PrivacySettings
from clarion.contracts import live
from clarion.contracts.bronze import BRONZE
from clarion.contracts.gold import DECISIONS, LISTING_MATCHES, MESSAGES
from clarion.contracts.ops import FILES
from clarion.contracts.silver import (
    CONSENTS,
    IDENTITIES,
    IDENTITY_MODELS,
    PRODUCTS,
    RATES,
    RESOLUTIONS,
    STOCK,
)
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.streaming.settings import MonitorSettings
from clarion.workflows.live_shop import watch_shop


def run(scope: Scope) -> None:
    """Follow the sources until what is available is read, or until the job is stopped."""
    watch_shop(scope)


JOB = Job(
    name="monitor",
    summary=__doc__,
    reads=(BRONZE["consents"],),
    reads_earlier=(
        CONSENTS, DECISIONS, IDENTITIES, IDENTITY_MODELS, LISTING_MATCHES, MESSAGES, PRODUCTS,
        RATES, RESOLUTIONS, STOCK, SUPPRESSED,
    ),
    writes=(*BRONZE.values(), FILES, PERSONAL_DATA, KEYS, *live.TABLES),
    purpose="operations",
    settings=(MeasureSettings, MonitorSettings, PrivacySettings, SaleSettings, StrategySettings),
    runs_on="monitor.interval_seconds",
    run=run,
)  # fmt: skip
