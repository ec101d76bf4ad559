"""Whose records a stream has, and under which surrogate."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import active_resolution_rows, assign_persons
from clarion.collect.identity.surrogates import surrogate
from clarion.collect.privacy.suppression import reference_field
from clarion.collect.sources.mapping import Source
from clarion.contracts.silver import IDENTITIES, IDENTITY_MODELS, RESOLUTIONS
from clarion.runtime.scope import Scope
from clarion.workflows.intake import suppression_list


def customer_facts(scope: Scope, source: Source, records: DataFrame) -> DataFrame:
    """Records of named customers who were not erased.

    It is looked up for each batch, so that an erasure counts at once.

    Args:
        scope: the run.
        source: where the records come from.
        records: one batch of them, with customer_ref.

    Returns:
        The records with customer_id, the surrogate of the person, in place of customer_ref, and
        with product_id in place of product_ref.
    """
    named = records.where("customer_ref IS NOT NULL")
    suppressed = suppression_list(scope)
    if suppressed is not None:
        is_suppressed = suppressed.matches_name(reference_field("customer_ref", source.namespace))
        named = named.where(~is_suppressed(F.col("customer_ref")))
    return of_persons(scope, _with_surrogates(scope, source, named))


def of_persons(scope: Scope, rows: DataFrame) -> DataFrame:
    """The rows with the surrogate of the person in customer_id, in place of the account's."""
    persons = _persons(scope)
    return rows if persons is None else assign_persons(rows, persons)


def _persons(scope: Scope) -> DataFrame | None:
    """The active rows of RESOLUTIONS; None where no account stands for another."""
    if not scope.exists(IDENTITY_MODELS):
        return None
    return active_resolution_rows(
        scope.raw(IDENTITY_MODELS), scope.raw(RESOLUTIONS), as_of=scope.as_of
    )


def _with_surrogates(scope: Scope, source: Source, records: DataFrame) -> DataFrame:
    """Records with customer_id; a new customer gets the surrogate that cleaning will record."""
    identities = (
        scope.raw(IDENTITIES)
        .where(F.col("namespace") == source.namespace)
        .select(F.col("ref").alias("customer_ref"), "customer_id")
    )
    new_surrogate = surrogate(source.namespace, F.col("customer_ref"))
    return (
        records.join(identities, "customer_ref", "left")
        .withColumn("customer_id", F.coalesce("customer_id", new_surrogate))
        .withColumnRenamed("product_ref", "product_id")
        .drop("customer_ref")
    )
