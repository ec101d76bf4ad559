"""Ops: the suite about itself. The only layer that grows when a run is repeated."""

from clarion.contracts.core import Check, Column, Table

RUNS = Table(
    name="ops.runs",
    grain="one run of a job",
    key=("run_id",),
    columns=(
        Column("run_id", "string", "random name of this run"),
        Column("run_key", "string", "names the slice the run owns: job, as-of day and parameters"),
        Column("job", "string", "job"),
        Column("as_of", "date", "first day that does not count"),
        Column("params", "string", "canonical JSON of the parameters"),
        Column("state", "string", "done or failed"),
        Column("started_at", "timestamp", "wall clock"),
        Column("ended_at", "timestamp", "wall clock"),
        Column("rows_written", "map<string,bigint>", "rows by table"),
        Column("notes", "array<string>", "what the run wants a person to know"),
        Column("error", "string", "message of the error that ended it", nullable=True),
    ),
    checks=(Check("state_known", "state IN ('done', 'failed')"),),
    owner="operations",
)
FILES = Table(
    name="ops.files",
    grain="one file that was taken",
    key=("_source", "_file"),
    slice=("_batch",),
    columns=(
        Column("_source", "string", "mapping and source kind it was taken through"),
        Column("_file", "string", "where it stood"),
        Column("bytes", "bigint", "its length", unit="bytes"),
        Column("content_hash", "string", "SHA-256 of its content"),
        Column("_batch", "string", "batch that brought it"),
        Column("state", "string", "planned, then taken"),
        Column("columns", "array<string>", "columns the mapping's reader found"),
        Column("_taken_at", "timestamp", "wall clock"),
    ),
    checks=(Check("state_known", "state IN ('planned', 'taken')"),),
    owner="operations",
)
BATCHES = Table(
    name="ops.batches",
    grain="one batch of bronze that was cleaned under one state of its mapping",
    key=("_batch", "_source"),
    slice=("_batch",),
    columns=(
        Column("_batch", "string", "batch"),
        Column("_source", "string", "mapping and source kind"),
        Column("kind", "string", "source kind"),
        Column("mapping_hash", "string", "fingerprint of the mapping it was cleaned with"),
        Column("rows_in", "bigint", "records in bronze"),
        Column("accepted", "bigint", "rows in silver"),
        Column("quarantined", "bigint", "records in quarantine"),
        Column("duplicates", "bigint", "exact duplicates that were dropped"),
        Column("warned", "bigint", "accepted rows with a warning"),
        Column("filled", "map<string,bigint>", "values filled in by policy, by column"),
        Column("_cleaned_at", "timestamp", "wall clock"),
    ),
    checks=(Check("rows_reconcile", "rows_in = accepted + quarantined + duplicates"),),
    owner="operations",
)
TARGETS = Table(
    name="ops.targets",
    grain="one row per as-of day and target",
    key=("as_of", "target"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day that does not count"),
        Column("target", "string", "identifier of the requirement"),
        Column("definition", "string", "how it is measured"),
        Column("numerator", "double", "what counts", nullable=True),
        Column("denominator", "double", "out of what", nullable=True),
        Column("value", "double", "numerator / denominator", nullable=True),
        Column("low", "double", "lower end of the 95 % interval", nullable=True),
        Column("high", "double", "upper end of the 95 % interval", nullable=True),
        Column("goal", "double", "what is asked for", nullable=True),
        Column("verdict", "string", "met, missed, measured (no goal is set) or not measurable"),
        Column("reason", "string", "why it cannot be measured yet", nullable=True),
    ),
    checks=(Check("verdict_known", "verdict IN ('met', 'missed', 'measured', 'not measurable')"),),
    owner="operations",
)
TABLES = (RUNS, FILES, BATCHES, TARGETS)
