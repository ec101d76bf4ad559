"""Keep the tables in shape: delete old rows, compact small files, remove old versions."""

from datetime import timedelta
from functools import partial

from clarion.contracts import TABLES, Table
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.runtime.upkeep_settings import UpkeepSettings


def run(scope: Scope) -> None:
    """Maintain every table, beside running jobs.

    What they read stays for the table's history, and a write that meets a compaction is retried.
    """
    tables = scope.maintenance.existing(TABLES.values())
    scope.run_concurrently([partial(_delete_old_rows, scope, table) for table in tables])
    results = scope.run_concurrently([partial(_compact, scope, table) for table in tables])
    compacted = [result for result in results if result]
    for days in sorted({table.history_days for table in tables}):
        scope.maintenance.vacuum(
            [table for table in tables if table.history_days == days], keep_hours=24 * days
        )
    scope.note(f"{len(tables)} tables; compacted: {', '.join(compacted) or 'none'}")


def _delete_old_rows(scope: Scope, table: Table) -> None:
    if table.keep_days is not None:
        first_day = scope.as_of - timedelta(days=table.keep_days)
        scope.delete(table, where=f"as_of < DATE'{first_day}'")


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
