"""Undo what a run wrote."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from pyspark.sql import Row
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES, Table
from clarion.contracts.bronze import BRONZE
from clarion.contracts.live import REQUESTS
from clarion.contracts.ops import ERASURES, FILES, RUNS
from clarion.kernel import sql
from clarion.kernel.errors import UsageError
from clarion.kernel.ids import canonical, run_key
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame
from clarion.lake.locks import exclusive_locks

_HARMLESS = ("OPTIMIZE", "VACUUM START", "VACUUM END")
# A commit's time is that of the file system, a run's that of its process.
_CLOCK_TOLERANCE = timedelta(seconds=2)
# Several jobs and the streams add to REQUESTS: what a run found is taken out by kind and time.
_FOUND_BY = {"profiles": "dormancy", "segment": "group_entry"}
_FINAL_JOBS = {
    "deliver": "sent messages cannot be called back",
    "monitor": "the stream's checkpoint records what was read",
    "rotate": "keys only go forward",
}


@dataclass(frozen=True, slots=True)
class UndoReport:
    """The run that was undone, and the tables that changed."""

    job: str
    as_of: date
    tables: tuple[str, ...]


def undo(lake: Lake, config: Config, run_id: str, *, say: Callable[[str], None]) -> UndoReport:
    """Undo a run, and record that in ops.runs.

    The records of an ingest leave bronze, and silver with the next clean. Its files are not taken
    again, a corrected file is. Any other job's tables get back the rows they had before the run.

    Args:
        lake: the tables.
        config: how long to wait for a run of the same job.
        run_id: of ops.runs, or its first letters.
        say: takes a line for the user.

    Raises:
        UsageError: there is no such run, or it cannot be undone.
    """
    run = _find_run(lake, run_id)
    names = ("ingest", "clean") if run["job"] == "ingest" else (run["job"],)
    with exclusive_locks(
        lake.location, names, wait_seconds=float(config.get("lake.wait_seconds")), say=say
    ):
        _refuse_final(lake, run)  # here, where no other undo or erasure can come between
        tables = _undo_ingest(lake, run) if run["job"] == "ingest" else _restore(lake, run)
    now = datetime.now(UTC)
    row = {
        "run_id": secrets.token_hex(16),
        "run_key": run_key("undo", run["as_of"], run["run_id"]),
        "job": "undo",
        "as_of": run["as_of"],
        "params": canonical({"run": run["run_id"]}),
        "state": "done",
        "started_at": now,
        "ended_at": datetime.now(UTC),
        "rows_written": {},
        "notes": [f"undid {run['job']}: {', '.join(tables) or 'it had written nothing'}"],
    }
    lake.append(RUNS, rows_as_frame(lake.spark, RUNS, [row]))
    return UndoReport(run["job"], run["as_of"], tables)


def _find_run(lake: Lake, run_id: str) -> Row:
    runs: list[Row] = []
    if run_id:
        runs = lake.read(RUNS).where(F.col("run_id").startswith(run_id)).limit(2).collect()
    if len(runs) != 1:
        raise UsageError(
            f"{'several runs begin' if runs else 'no run begins'} with '{run_id}'",
            fix='see: clarion query "select run_id, job, as_of, ended_at from ops.runs '
            'order by ended_at"',
        )
    return runs[0]


def _refuse_final(lake: Lake, run: Row) -> None:
    if reason := _FINAL_JOBS.get(run["job"]):
        raise UsageError(
            f"a run of {run['job']} cannot be undone",
            found=reason,
            fix="correct its effect by the next run",
        )
    params = F.get_json_object("params", "$.run") == run["run_id"]
    if not lake.read(RUNS).where("job = 'undo'").where(params).isEmpty():
        raise UsageError("that run was undone before", found=run["run_id"], fix="see ops.runs")
    if not lake.read(ERASURES).where(F.col("_erased_at") >= F.lit(run["started_at"])).isEmpty():
        raise UsageError(
            "a person was erased since, and the earlier rows must not come back",
            fix="run the job again instead",
        )


def _undo_ingest(lake: Lake, run: Row) -> tuple[str, ...]:
    """Delete an ingest's batches from bronze, and record that."""
    is_of_run = F.col("_taken_at").between(run["started_at"], run["ended_at"])
    taken = [
        row.asDict() for row in lake.read(FILES).where("state = 'taken'").where(is_of_run).collect()
    ]
    now = datetime.now(UTC)
    undone = [{**row, "state": "undone", "_taken_at": now} for row in taken]
    lake.append(FILES, rows_as_frame(lake.spark, FILES, undone))
    kinds = sorted({row["_source"].split(".")[1] for row in taken})
    of_batches = sql.among("_batch", sorted({row["_batch"] for row in taken}))
    run_concurrently([partial(lake.delete, BRONZE[kind], where=of_batches) for kind in kinds])
    return tuple(BRONZE[kind].name for kind in kinds)


def _restore(lake: Lake, run: Row) -> tuple[str, ...]:
    """Restore each table the run wrote to its last version before; take out what it requested.

    Raises:
        UsageError: a later run wrote one of them.
    """
    written = [TABLES[name] for name, rows in run["rows_written"].items() if name in TABLES]
    tables = [table for table in written if table is not REQUESTS]
    before = {table.name: _version_before(lake, table, run) for table in tables}
    if REQUESTS in written:
        started, ended = (run[name].astimezone(UTC) for name in ("started_at", "ended_at"))
        of_run = f"_found_at BETWEEN TIMESTAMP'{started}' AND TIMESTAMP'{ended}'"
        kind = sql.text(_FOUND_BY[run["job"]])
        lake.delete(REQUESTS, where=f"kind = {kind} AND {of_run}")
    run_concurrently(
        [
            partial(lake.restore, table, version=version)
            for table in tables
            if (version := before[table.name]) is not None
        ]
    )
    return tuple(sorted(name for name, version in before.items() if version is not None))


def _version_before(lake: Lake, table: Table, run: Row) -> int | None:
    """The last version before the run; None where it did not change the table."""
    started, ended = (run[name].astimezone(UTC) for name in ("started_at", "ended_at"))
    commits = [commit for commit in lake.history(table) if commit.operation not in _HARMLESS]
    if later := [commit for commit in commits if commit.at > ended + _CLOCK_TOLERANCE]:
        raise UsageError(
            f"{table.name} was written again since",
            found=f"{later[0].operation} at {later[0].at:%Y-%m-%d %H:%M:%S} UTC",
            fix="undo the later run first",
        )
    own = [
        commit.version
        for commit in commits
        if commit.at >= started - _CLOCK_TOLERANCE and commit.operation != "CREATE TABLE"
    ]
    return min(own) - 1 if own else None
