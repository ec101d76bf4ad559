"""Which pairs are joined, and why; the rest is refused with its reason."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.pairs import AGREES, DIFFERS, FIELDS, reduce_and

_IDENTIFYING = ("name", "birth_date", "id_number")


def judged(
    pairs: DataFrame,
    *,
    deterministic: tuple[tuple[str, ...], ...],
    conflicts: tuple[tuple[str, ...], ...],
    link_at: float,
) -> DataFrame:
    """The pairs that are joined, and those that would be but for a conflict.

    Args:
        pairs: scored candidates.
        deterministic: fields that join two accounts by themselves, unless name, birth date or identity number differ, or
            all that is known of both makes it less likely than not.
        conflicts: fields that keep two accounts apart when all of them differ, whatever else agrees: two of a household
            have telephone and address in common.
        link_at: probability from which the rest are joined.

    Returns:
        left_id, right_id, method, agrees, differs, weight, probability, is_linked.
    """

    def every(fields: tuple[str, ...], outcome: str) -> Column:
        return reduce_and([F.col(name) == outcome for name in fields])

    def listed(outcome: str) -> Column:
        return F.array_compact(F.array(*(F.when(F.col(name) == outcome, name) for name in FIELDS)))

    apart = F.lit(False)
    for fields in conflicts:
        apart = apart | every(fields, DIFFERS)
    unopposed = reduce_and([F.col(name) != DIFFERS for name in _IDENTIFYING]) & (
        F.col("probability") >= 0.5
    )
    rule = F.coalesce(
        *(F.when(every(fields, AGREES) & unopposed, " + ".join(fields)) for fields in deterministic)
    )
    return (
        pairs.withColumns({"_apart": apart, "_rule": rule})
        .withColumn("method", F.when(F.col("_apart"), "conflict").otherwise(F.coalesce("_rule", F.when(F.col("probability") >= link_at, "probability"))))
        .where("method IS NOT NULL AND (method != 'conflict' OR _rule IS NOT NULL OR probability >= 0.5)")
        .select(
            "left_id", "right_id", "method", listed(AGREES).alias("agrees"), listed(DIFFERS).alias("differs"), "weight", "probability",
            (F.col("method") != "conflict").alias("is_linked"),
        )
    )  # fmt: skip
