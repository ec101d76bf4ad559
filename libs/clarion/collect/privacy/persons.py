"""Remove a person from records, for lack of consent or because the person was erased."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.protect import PersonalSource, used_columns
from clarion.collect.privacy.suppression import SuppressionList, is_reference, reference_field
from clarion.collect.privacy.tokens import TOKEN_PREFIX


def remove_persons(
    records: DataFrame,
    source: PersonalSource,
    *,
    source_columns: tuple[str, ...],
    consenting: DataFrame | None = None,
    suppression_list: SuppressionList | None = None,
) -> DataFrame:
    """Records without the people who did not consent to collection, or who were erased.

    Args:
        records: raw and `_person_removed`.
        source: the source of the records.
        source_columns: the source's columns; empty where each record states its own.
        consenting: ref of everyone who consents; None where consent is not asked for.
        suppression_list: who was erased; None for nobody.

    Returns:
        The same records. Where a person is removed, every column that names the person is gone
        and `_person_removed` is true.
    """
    mapped = tuple(name for name in source.kind.people if name in source.columns)
    references = tuple(name for name in mapped if is_reference(name))
    identifying = used_columns(source, mapped, source_columns)
    used = used_columns(source, references, source_columns)
    names = {
        _name(name): F.expr(source.columns[name].try_sql).cast("string") for name in references
    }
    opened = (
        records.select("*", *(F.col("raw")[name].alias(name) for name in used))
        .withColumns(names)
        .drop(*used)
    )
    remove = F.lit(False)
    if consenting is not None:
        opened = _add_consent(opened, consenting, references)
        names_someone = F.col("_ref").isNotNull()
        for name in identifying:
            names_someone = names_someone | F.col("raw")[name].isNotNull()
        remove = names_someone & F.col("_consents").isNull()
    if suppression_list is not None:
        remove = remove | _is_suppressed(source, mapped, suppression_list)

    removed_names = [*identifying, *(f"{TOKEN_PREFIX}{name}" for name in mapped)]
    without_person = F.map_filter("raw", lambda name, _: ~name.isin(removed_names))
    marked = opened.withColumn("_remove", remove)
    return marked.withColumns(
        {
            "raw": F.when(F.col("_remove"), without_person).otherwise(F.col("raw")),
            "_person_removed": F.col("_person_removed") | F.col("_remove"),
        }
    ).select(*records.columns)


def _name(column: str) -> str:
    """The column that holds the name a record gives in a mapped column."""
    return f"_is_{column}"


def _add_consent(
    opened: DataFrame, consenting: DataFrame, references: tuple[str, ...]
) -> DataFrame:
    """The records with `_ref`, the name of the customer, and `_consents`, true or null."""
    customer = next((name for name in ("customer_ref", "from_ref") if name in references), None)
    ref = F.col(_name(customer)) if customer else F.lit(None).cast("string")
    consents = consenting.select(F.col("ref").alias("_ref"), F.lit(True).alias("_consents"))
    return opened.withColumn("_ref", ref).join(consents, "_ref", "left")


def _is_suppressed(
    source: PersonalSource, mapped: tuple[str, ...], suppression_list: SuppressionList
) -> Column:
    """Whether a record names someone on the suppression list."""
    is_suppressed = F.lit(False)
    for name in mapped:
        if is_reference(name):
            matches = suppression_list.matches_name(reference_field(name, source.namespace))
            is_suppressed = is_suppressed | F.coalesce(matches(F.col(_name(name))), F.lit(False))
        if name in suppression_list.fields:
            token = F.col("raw")[f"{TOKEN_PREFIX}{name}"]
            matches_token = suppression_list.matches_token(token)
            is_suppressed = is_suppressed | F.coalesce(matches_token, F.lit(False))
    return is_suppressed
