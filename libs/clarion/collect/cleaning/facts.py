"""From accepted rows to silver facts, from rejected rows to the quarantine."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.order_states import SaleSettings, sale_columns
from clarion.collect.cleaning.order_versions import arrived_with_delivery
from clarion.collect.cleaning.parsing import NAMES_TYPE
from clarion.contracts.silver import CUSTOMER_REFERENCES, REFERENCES, record_id_name
from clarion.contracts.sources import KINDS, Kind


def record_id(kind: Kind) -> Column:
    """SHA-256 (its first 128 bits) of source, file content and the record's own name or number."""
    name = F.col("_row").cast("string")
    if kind.column("record_ref"):
        name = F.coalesce(F.col("record_ref"), name)
    return F.substring(F.sha2(F.concat_ws("\x1f", "_source", "_file_hash", name), 256), 1, 32)


def silver_facts(
    accepted: DataFrame,
    identities: DataFrame,
    *,
    kind: Kind,
    columns: tuple[str, ...],
    sale_settings: SaleSettings | None = None,
    arrivals: DataFrame | None = None,
) -> DataFrame:
    """Silver rows of the accepted records.

    Args:
        accepted: rows of `find_reasons` without a reason.
        identities: IDENTITIES of the source's namespace.
        kind: the source kind.
        columns: columns of its silver table.
        sale_settings: which states of an order count; None where all do.
        arrivals: rows of `arrival_of_versions`, where a source of orders states no arrival.
    """
    facts = accepted.withColumn(record_id_name(kind), record_id(kind))
    for name in CUSTOMER_REFERENCES:
        if kind.column(name) is not None:
            surrogates = identities.select(
                F.col("ref").alias(name), F.col("customer_id").alias(REFERENCES[name])
            )
            facts = facts.join(surrogates, name, "left")
    renamed = {
        old: new
        for old, new in REFERENCES.items()
        if kind.column(old) is not None and old not in CUSTOMER_REFERENCES
    }
    facts = facts.withColumnsRenamed(renamed)
    if kind is KINDS["orders"]:
        facts = _with_versions(facts, arrivals).withColumns(sale_columns(sale_settings))
    if kind is KINDS["consents"]:
        facts = facts.withColumn("basis", F.lit("recorded"))
    marks = {"_warnings": "warnings", "_filled": "filled_columns"}
    return facts.withColumnsRenamed(marks).select(*columns)


def _with_versions(lines: DataFrame, arrivals: DataFrame | None) -> DataFrame:
    """The lines with what `mark_versions` says of them; where it was not asked, each is its own."""
    if "line_key" not in lines.columns:
        marks = {"is_redelivered": F.lit(False), "_statement": F.lit(0).cast("bigint")}
        return lines.withColumns({"line_key": F.col("order_line_id"), **marks})
    if arrivals is None:
        return lines
    dated = lines.join(F.broadcast(arrivals), ["_batch", "_file"], "left")
    return dated.withColumn("arrived_at", arrived_with_delivery())


def first_facts(accepted: DataFrame, *, kind: Kind) -> DataFrame:
    """The first fact of each customer in each file.

    Only numbers and times are aggregated: the smallest text would make Spark sort every fact.

    Args:
        accepted: rows of `find_reasons` without a reason.
        kind: the source kind.

    Returns:
        customer_ref, _source, _batch, _file, at, _row.
    """
    by_file = accepted.where("customer_ref IS NOT NULL").groupBy(
        "customer_ref", "_source", "_batch", "_file"
    )
    return by_file.agg(F.min(kind.time).alias("at"), F.min("_row").alias("_row"))


def declared_consents(
    first: DataFrame, identities: DataFrame, *, purposes: tuple[str, ...], columns: tuple[str, ...]
) -> DataFrame:
    """CONSENTS rows for customers whose consent the operator declares.

    Args:
        first: `first_facts` of a source.
        identities: IDENTITIES of the source's namespace.
        purposes: purposes that the operator declares.
        columns: columns of CONSENTS.

    Returns:
        One row per customer, purpose and batch, dated at the customer's first fact of the batch.
    """
    surrogates = identities.select(F.col("ref").alias("customer_ref"), "customer_id")
    by_batch = first.groupBy("customer_ref", "_source", "_batch").agg(
        F.min("at").alias("at"),
        F.min_by("_file", F.struct("at", "_row")).alias("_file"),
        F.min("_row").alias("_row"),
    )
    statement = {
        "channel": F.lit("*"),
        "granted": F.lit(True),
        "basis": F.lit("declared"),
        "arrived_at": F.col("at"),
        "warnings": F.lit(None).cast(NAMES_TYPE),
        "filled_columns": F.lit(None).cast(NAMES_TYPE),
    }
    fingerprint = F.sha2(F.to_json(F.struct("customer_id", "purpose", "_batch")), 256)
    return (
        by_batch.join(surrogates, "customer_ref")
        .withColumn("purpose", F.explode(F.array(*(F.lit(purpose) for purpose in purposes))))
        .withColumns(statement)
        .withColumn("record_id", F.substring(fingerprint, 1, 32))
        .select(*columns)
    )


def quarantine_rows(rejected: DataFrame, *, kind: Kind) -> DataFrame:
    """QUARANTINE rows of the records that have a reason to be rejected.

    Args:
        rejected: rows of `find_reasons` with a reason.
        kind: the source kind.
    """
    return rejected.select(
        F.lit(kind.name).alias("kind"),
        F.col("_reasons").alias("reasons"),
        F.col("_warnings").alias("warnings"),
        "_source",
        "_file",
        "_row",
        "_batch",
    )
