"""Turn bronze records into silver facts; quarantine rejected records with every reason."""

from functools import partial

from clarion.collect.cleaning.facts import quarantine_rows
from clarion.collect.cleaning.order_states import SaleSettings
from clarion.contracts.bronze import TABLES
from clarion.contracts.ops import BATCHES, FILES, FITS, QUALITY, REPLAYS
from clarion.contracts.silver import FACTS, IDENTITIES, QUARANTINE
from clarion.kernel import sql
from clarion.lake.frames import union_all
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.cleaning import (
    clean_batch,
    count_rows,
    known_products,
    refuse_retyped_columns,
)
from clarion.workflows.cleaning_plan import plan_cleaning
from clarion.workflows.cleaning_records import (
    reconcile,
    record_batches,
    record_quality,
    record_replays,
)
from clarion.workflows.silver_facts import write_facts


def run(scope: Scope) -> None:
    """Clean every batch that was not yet cleaned with its present mapping and content."""
    plan = plan_cleaning(scope)
    if not plan:
        scope.note("every batch is clean under its mapping")
        return
    batches = sorted(set[str]().union(*(cleaning.batches for cleaning in plan)))
    in_batches = sql.among("_batch", batches)
    products_plan = [one for one in plan if one.source.kind.name == "products"]
    cleaned = [clean_batch(scope, one, None) for one in products_plan]
    products = known_products(scope, cleaned, in_batches=in_batches)
    others = [one for one in plan if one not in products_plan]
    cleaned += scope.run_concurrently(
        [partial(clean_batch, scope, one, products) for one in others]
    )

    counts = count_rows(scope, cleaned)
    refuse_retyped_columns(scope, cleaned, counts)
    rejected = union_all(
        quarantine_rows(one.rejected, kind=one.cleaning.source.kind) for one in cleaned
    )
    record_replays(scope, plan, rejected)
    accepted_rows, quarantined_rows = scope.run_concurrently(
        [
            partial(write_facts, scope, cleaned, counts, in_batches=in_batches),
            partial(scope.replace, QUARANTINE, rejected, where=in_batches),
        ]
    )
    reconcile(counts, accepted_rows, quarantined_rows)
    scope.run_concurrently(
        [
            partial(record_quality, scope, plan, counts, in_batches=in_batches),
            partial(record_batches, scope, plan, counts),
        ]
    )


JOB = Job(
    name="clean",
    summary=__doc__,
    reads=(*TABLES, FILES),
    reads_earlier=(BATCHES, QUALITY, IDENTITIES),
    writes=(*FACTS.values(), QUARANTINE, IDENTITIES, BATCHES, QUALITY, REPLAYS, FITS),
    purpose="collection",
    settings=(SaleSettings,),
    run=run,
)
