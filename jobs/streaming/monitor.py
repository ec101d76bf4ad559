"""Follow the live sources: minutes, customers, market, alerts and requests; each record once."""

from clarion.collect.cleaning.order_states import SaleSettings
from clarion.collect.privacy.keys import PrivacySettings
from clarion.contracts import live
from clarion.contracts.bronze import BRONZE
from clarion.contracts.gold import LISTING_MATCHES
from clarion.contracts.ops import FILES
from clarion.contracts.silver import (
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
        IDENTITIES, IDENTITY_MODELS, LISTING_MATCHES, PRODUCTS, RATES, RESOLUTIONS, STOCK,
        SUPPRESSED,
    ),
    writes=(*BRONZE.values(), FILES, PERSONAL_DATA, KEYS, *live.TABLES),
    purpose="operations",
    settings=(MonitorSettings, PrivacySettings, SaleSettings),
    runs_on="monitor.interval_seconds",
    run=run,
)  # fmt: skip
