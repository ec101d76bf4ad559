"""Keep the tables in shape: rows past their time go, small files are laid together, files of old versions are removed."""

from datetime import timedelta
from functools import partial

from clarion.contracts import TABLES, Table
from clarion.kernel.parallel import run_concurrently
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.runtime.upkeep_settings import UpkeepSettings


def run(scope: Scope) -> None:
    """Beside running jobs: what they read stays for the table's history, and a write that this overtakes is made again."""
    there = scope.maintenance.existing(TABLES.values())
    run_concurrently(
        [partial(_forget, scope, table) for table in there if table.keep_days is not None]
    )
    compacted = [
        name
        for name in run_concurrently([partial(_compact, scope, table) for table in there])
        if name
    ]
    for days in sorted({table.history_days for table in there}):
        scope.maintenance.vacuum(
            [table for table in there if table.history_days == days], keep_hours=24 * days
        )
    scope.note(f"{len(there)} tables; laid together: {', '.join(compacted) or 'none'}")


def _forget(scope: Scope, table: Table) -> None:
    assert table.keep_days is not None
    scope.delete(table, where=f"as_of < DATE'{scope.as_of - timedelta(days=table.keep_days)}'")


def _compact(scope: Scope, table: Table) -> str | None:
    settings = scope.settings(UpkeepSettings)
    files, size = scope.maintenance.files(table)
    if files <= settings.small_files or size / files > settings.small_file_mb * 2**20:
        return None
    scope.maintenance.compact(table)
    return f"{table.name} ({files} files)"


JOB = Job(
    name="upkeep",
    summary=__doc__,
    reads=(),
    reads_earlier=tuple(TABLES.values()),
    writes=tuple(TABLES.values()),
    purpose="operations",
    settings=(UpkeepSettings,),
    part="upkeep",
    run=run,
)
