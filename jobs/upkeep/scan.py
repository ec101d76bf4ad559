"""Look for readable personal values in tables, the outbox, the report and models; fail if any."""

from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.settings import ScanSettings
from clarion.contracts import TABLES
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import LEAKS, SCANNED
from clarion.contracts.vault import PERSONAL_DATA
from clarion.runtime.encryption import EncryptionSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.arrival_leaks import leaks_in_arrivals
from clarion.workflows.ciphers import require_ciphers
from clarion.workflows.leaks import (
    leak_error,
    leaks_by_shape,
    leaks_by_vault,
    leaks_in_files,
    write_leaks,
)

WITHOUT_PERSONS = tuple(
    table
    for table in TABLES.values()
    if table.layer in ("silver", "gold", "live", "ops") and table not in (LEAKS, SCANNED)
)
ARRIVED = tuple(BRONZE.values())


def run(scope: Scope) -> None:
    """Scan all tables and files, record what is found, and fail where there is a leak.

    Of bronze and the outbox, only what is new since it was found clean is read.

    Raises:
        QualityError: something personal can be read, or is not encrypted as it must be.
    """
    tables = scope.maintenance.existing(WITHOUT_PERSONS)
    leaks = [
        *leaks_in_arrivals(scope, scope.maintenance.existing(ARRIVED)),
        *leaks_by_shape(scope, tables),
        *leaks_by_vault(scope, tables),
        *leaks_in_files(scope),
    ]
    write_leaks(scope, leaks)
    require_ciphers(scope)
    if leaks:
        raise leak_error(leaks)
    scope.note(f"nothing personal can be read in {len(tables)} tables, bronze and the outbox")


JOB = Job(
    name="scan",
    summary=__doc__,
    reads=(),
    reads_earlier=(*WITHOUT_PERSONS, *ARRIVED, PERSONAL_DATA),
    writes=(LEAKS, SCANNED),
    purpose="operations",
    settings=(ScanSettings, PrivacySettings, DeliverSettings, EncryptionSettings),
    part="upkeep",
    run=run,
)
