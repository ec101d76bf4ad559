"""Ops: the suite about itself. The only layer that grows when a run is repeated."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.sources import ID_FAULTS

# Null where Spark does not say: with Spark Connect, or if it no longer has all stages of the run.
_USAGE = (
    Column("rows_read", "bigint", "rows read from files and from memory", nullable=True),
    Column(
        "bytes_read",
        "bigint",
        "read from files and from memory",
        nullable=True,
        unit="bytes",
    ),
    Column("bytes_written", "bigint", "written to files", nullable=True, unit="bytes"),
    Column("bytes_shuffled", "bigint", "passed between tasks", nullable=True, unit="bytes"),
    Column(
        "bytes_spilled",
        "bigint",
        "written to disk for lack of memory",
        nullable=True,
        unit="bytes",
    ),
    Column(
        "processor_seconds",
        "double",
        "processor time of the tasks, without planning",
        nullable=True,
        unit="seconds",
    ),
)
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
        Column("notes", "array<string>", "messages of the run for a person"),
        Column("error", "string", "message of the error that ended it", nullable=True),
        Column(
            "rows_without_rate",
            "map<string,bigint>",
            "rows left out because their currency had no exchange rate on their day, by table",
            nullable=True,
        ),
        *_USAGE,
    ),
    checks=(Check("state_known", "state IN ('done', 'failed')"),),
    owner="operations",
)
FILES = Table(
    name="ops.files",
    grain="one state of a chunk of a source: a file, or a range of a table or topic",
    key=("_source", "_file", "_batch", "state"),
    columns=(
        Column("_source", "string", "mapping and source kind it was taken through"),
        Column("_file", "string", "path of the file, or name of the range"),
        Column("bytes", "bigint", "its length", unit="bytes"),
        Column("content_hash", "string", "SHA-256 of its content, or of what names the range"),
        Column("_batch", "string", "batch that brought it"),
        Column(
            "state",
            "string",
            "planned, then taken; replaced by a changed file, undone by clarion undo",
        ),
        Column("columns", "array<string>", "columns the mapping's reader found"),
        Column("_taken_at", "timestamp", "wall clock"),
        Column("records", "bigint", "records found in it", nullable=True),
        Column(
            "declared",
            "bigint",
            "records that the source's manifest says it should hold",
            nullable=True,
        ),
        Column(
            "modified_ns",
            "bigint",
            "when the file was last written, since 1970",
            unit="ns",
            nullable=True,
        ),
        Column("position", "string", "bounds of a range, as JSON", nullable=True),
        Column(
            "delays",
            "array<double>",
            "of a stream's batch: 50th and 99th percentile of ingested - occurred",
            unit="seconds",
            nullable=True,
        ),
        Column(
            "prompt",
            "bigint",
            "of a stream's batch: records that landed within three minutes; null for a replay",
            nullable=True,
        ),
        Column(
            "drift",
            "array<struct<change:string,column:string>>",
            "how its columns differ from those before: new or missing",
            nullable=True,
        ),
        Column("as_of", "date", "as-of day of the run that took it", nullable=True),
    ),
    checks=(Check("state_known", "state IN ('planned', 'taken', 'replaced', 'undone')"),),
    owner="operations",
)
UNDELIVERED = Table(
    name="ops.undelivered",
    grain="one file that a manifest declares and that no ingest up to the day has found",
    key=("as_of", "_source", "_file"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "as-of day of the ingest"),
        Column("_source", "string", "mapping and source kind"),
        Column("_file", "string", "the file as its manifest names it, with the manifest's folder"),
        Column("declared", "bigint", "records that it should hold"),
    ),
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
        Column("filled_values", "map<string,bigint>", "missing values filled by policy, by column"),
        Column("_cleaned_at", "timestamp", "wall clock"),
        Column("content_hash", "string", "fingerprint of its chunks", nullable=True),
        Column(
            "redelivered",
            "bigint",
            "accepted order lines that were delivered before, now with other values",
            nullable=True,
        ),
    ),
    checks=(Check("rows_reconcile", "rows_in = accepted + quarantined + duplicates"),),
    owner="operations",
)
QUALITY = Table(
    name="ops.quality",
    grain="one rule of a source in one batch, cleaned under one state of its mapping",
    key=("_batch", "_source", "mapping_hash", "rule", "column"),
    slice=("_batch",),
    columns=(
        Column("_batch", "string", "batch"),
        Column("_source", "string", "mapping and source kind"),
        Column(
            "mapping_hash",
            "string",
            "fingerprint of the mapping and rules it was cleaned with; earlier states stay",
        ),
        Column(
            "rule",
            "string",
            "rule of conf/rules, or missing, unreadable, malformed_record, "
            "no_consent_to_collection, out_of_range, other_currency, filled, missing_word, "
            f"repaired_id, standard_form, or what is wrong with an id: {', '.join(ID_FAULTS)}",
        ),
        Column(
            "column", "string", "column that it checks; empty for the record or for several columns"
        ),
        Column(
            "severity",
            "string",
            "error (quarantined), warning (marked), repair (filled in or repaired) or measure "
            "(counted alone)",
        ),
        Column("reason", "string", "in words"),
        Column(
            "failed",
            "bigint",
            "records that failed it; of standard_form: values without their column's standard form",
        ),
        Column(
            "checked",
            "bigint",
            "records that were checked: all but duplicates; of standard_form: values that they "
            "state",
        ),
        Column(
            "usual_rate",
            "double",
            "share of records that failed it in earlier batches of the source",
            nullable=True,
        ),
        Column(
            "anomaly",
            "boolean",
            "true where it fails at least twice as often as usual, and not by chance",
        ),
        Column("_cleaned_at", "timestamp", "wall clock"),
    ),
    checks=(
        Check("severity_known", "severity IN ('error', 'warning', 'repair', 'measure')"),
        Check("not_more_than_all", "failed <= checked"),
    ),
    owner="operations",
)
REPLAYS = Table(
    name="ops.replays",
    grain="one record that left the quarantine: its mapping, a rule or its file was corrected",
    key=("_source", "_file", "_row", "_batch", "mapping_hash"),
    slice=("_batch",),
    columns=(
        Column("_source", "string", "mapping and source kind"),
        Column("_file", "string", "its file"),
        Column("_row", "bigint", "number of the record in its file"),
        Column("_batch", "string", "batch that brought it"),
        Column(
            "reasons",
            "array<struct<rule:string,column:string,sample:string>>",
            "why it was rejected",
        ),
        Column(
            "mapping_hash", "string", "fingerprint of the mapping and rules under which it left"
        ),
        Column("_cleaned_at", "timestamp", "wall clock"),
    ),
    owner="operations",
)
DETECTIONS = Table(
    name="ops.detections",
    grain="one detector of invalid activity as of a day: what it checked and what it flagged",
    key=("as_of", "detector"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "first day whose facts do not count"),
        Column("detector", "string", "detector of conf/invalid_activity.yml"),
        Column("reason", "string", "in words"),
        Column("fact_table", "string", "table that it checked"),
        Column(
            "checked",
            "bigint",
            "facts that it checked: all, or those since shortly before the previous run",
        ),
        Column("flagged", "bigint", "facts that it flagged"),
    ),
    checks=(Check("not_more_than_all", "flagged <= checked"),),
    owner="operations",
)
FITS = Table(
    name="ops.fits",
    grain="one value that replaces missing ones in a batch, and the rows it was learned from",
    key=("_batch", "_source", "column", "group"),
    slice=("_batch",),
    columns=(
        Column("_batch", "string", "batch"),
        Column("_source", "string", "mapping and source kind"),
        Column("column", "string", "column that was filled in"),
        Column("statistic", "string", "mean, median or mode"),
        Column(
            "group", "array<string>", "values of the columns it was learned by; empty for all rows"
        ),
        Column("value", "string", "the value", nullable=True),
        Column("rows", "bigint", "accepted rows it was learned from"),
    ),
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
        Column(
            "reason",
            "string",
            "why it cannot be measured yet, or what is left out where it is measured",
            nullable=True,
        ),
    ),
    checks=(Check("verdict_known", "verdict IN ('met', 'missed', 'measured', 'not measurable')"),),
    owner="operations",
)
ERASURES = Table(
    name="ops.erasures",
    grain="one person who was erased: the certificate",
    key=("erasure_id",),
    columns=(
        Column("erasure_id", "string", "random name of the certificate"),
        Column(
            "subject",
            "string",
            "token of the person's surrogate, by which the shop can show that it was this person",
        ),
        Column("key_id", "string", "key of that token"),
        Column("accounts", "bigint", "accounts of the person"),
        Column("rows", "map<string,bigint>", "rows removed, or rid of the person, by table"),
        Column(
            "suppressed_tokens",
            "bigint",
            "names and values on the suppression list, by which the person stays out",
        ),
        Column("remaining_rows", "bigint", "rows that still named the person afterwards"),
        Column("_erased_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
LEAKS = Table(
    name="ops.leaks",
    grain="one column or file in which something personal could be read on a day",
    key=("as_of", "location", "source", "column", "kind"),
    slice=("as_of",),
    columns=(
        Column("as_of", "date", "day of the scan"),
        Column("location", "string", "table, or file"),
        Column(
            "column",
            "string",
            "column of the table, of the source's record in bronze, or field of a message; empty "
            "for another file",
        ),
        Column("kind", "string", "phone, mail, id_number, name or address"),
        Column("cells", "bigint", "cells in which it was found"),
        Column("sample", "string", "one of them, masked"),
        Column(
            "source",
            "string",
            "mapping and source kind of the records in bronze; null elsewhere",
            nullable=True,
        ),
    ),
    owner="privacy",
)
SCANNED = Table(
    name="ops.scanned",
    grain="one batch of bronze, or one file of the outbox, in which nothing personal could be read",
    key=("location", "part"),
    columns=(
        Column("location", "string", "table of bronze, or outbox"),
        Column("part", "string", "batch, or file"),
        Column("mark", "string", "when the batch was taken, or the file's length and time"),
        Column(
            "rules", "string", "fingerprint of what was looked for: a change has all scanned again"
        ),
        Column("as_of", "date", "day of the scan"),
        Column("_scanned_at", "timestamp", "wall clock"),
    ),
    owner="privacy",
)
LEASES = Table(
    name="ops.leases",
    grain="one job that runs at most once at a time, behind a URL where there are no locks",
    key=("name",),
    columns=(
        Column("name", "string", "job"),
        Column("holder", "string", "random name of the run that holds it"),
        Column("held_until", "timestamp", "when another run may take it; it is renewed before"),
    ),
    owner="operations",
)
TABLES = (
    RUNS, FILES, UNDELIVERED, BATCHES, QUALITY, REPLAYS, FITS, DETECTIONS, TARGETS, ERASURES,
    LEAKS, SCANNED, LEASES,
)  # fmt: skip
