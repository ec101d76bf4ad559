"""Look for readable personal values in tables, the report and models; fail if there are any."""

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.scan import Leak
from clarion.collect.privacy.settings import ScanSettings
from clarion.contracts import TABLES
from clarion.contracts.ops import LEAKS
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel.errors import QualityError
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.leaks import leaks_by_shape, leaks_by_vault, leaks_in_files, write_leaks

SCANNED = tuple(
    table
    for table in TABLES.values()
    if table.layer in ("silver", "gold", "live", "ops") and table is not LEAKS
)


def run(scope: Scope) -> None:
    """Scan all tables and files, record what is found, and fail where there is a leak.

    Raises:
        QualityError: something personal can be read.
    """
    tables = scope.maintenance.existing(SCANNED)
    leaks = [
        *leaks_by_shape(scope, tables),
        *leaks_by_vault(scope, tables),
        *leaks_in_files(scope),
    ]
    write_leaks(scope, leaks)
    if leaks:
        raise QualityError(
            f"personal values can be read in {len(leaks)} places",
            found=", ".join(_describe(leak) for leak in leaks[:5]),
            fix="map the column as personal or drop it, then clean again; add what only looks "
            "personal to scan.accepted. Samples are in ops.leaks",
        )
    scope.note(f"nothing personal can be read in {len(tables)} tables")


def _describe(leak: Leak) -> str:
    location = f"{leak.location}.{leak.column}" if leak.column else leak.location
    return f"{location} ({leak.kind}: {leak.cells:,})"


JOB = Job(
    name="scan",
    summary=__doc__,
    reads=(),
    reads_earlier=(*SCANNED, PERSONAL_DATA),
    writes=(LEAKS,),
    purpose="operations",
    settings=(ScanSettings, PrivacySettings),
    part="upkeep",
    run=run,
)
