"""Take what is new in the shop's sources into bronze, each record once, with persons protected."""

from functools import partial

from clarion.collect.privacy.keys import PrivacySettings
from clarion.contracts.bronze import TABLES
from clarion.contracts.ops import FILES, UNDELIVERED
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.ingestion import (
    find_batches,
    read_batch,
    record_batches,
    record_undelivered,
    write_batches,
)


def run(scope: Scope) -> None:
    """Find what is new, read it once, then write it."""
    new = find_batches(scope)
    if not new:
        record_undelivered(scope)
        scope.note("nothing new")
        return
    # Nothing is written before everything was read once.
    batches = scope.run_concurrently([partial(read_batch, scope, batch) for batch in new])
    record_batches(scope, [item for item in batches if not item.is_planned], state="planned")
    write_batches(scope, batches)
    record_batches(scope, batches, state="taken")
    record_undelivered(scope)


JOB = Job(
    name="ingest",
    summary=__doc__,
    reads=(),
    reads_earlier=(FILES, SUPPRESSED),
    writes=(*TABLES, FILES, UNDELIVERED, PERSONAL_DATA, KEYS),
    purpose="collection",
    settings=(PrivacySettings,),
    run=run,
)
