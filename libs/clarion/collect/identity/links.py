"""Which pairs of accounts are linked, and why."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.pairs import AGREES, DIFFERS, FIELDS, all_true
from clarion.collect.identity.settings import IdentitySettings

_IDENTIFYING = ("name", "birth_date", "id_number")


def classify_pairs(pairs: DataFrame, settings: IdentitySettings) -> DataFrame:
    """The pairs that are linked, and those that would be but for a conflict.

    - A `deterministic` entry links two accounts that agree in all its fields. It does not where
      name, birth date or identity number differ, or where the probability is below one half.
    - A `conflicts` entry keeps two accounts apart that differ in all its fields, whatever else
      agrees: two of a household have telephone and address in common.
    - Other pairs are linked from the probability `link_at`.

    Args:
        pairs: rows of `score_pairs`.
        settings: when a pair is linked.

    Returns:
        left_id, right_id, method, agrees, differs, weight, probability, is_linked.
    """
    is_conflict = F.lit(False)
    for fields in settings.conflicts:
        is_conflict = is_conflict | _every(fields, DIFFERS)
    is_unopposed = all_true([F.col(name) != DIFFERS for name in _IDENTIFYING]) & (
        F.col("probability") >= 0.5
    )
    rules = [
        F.when(_every(fields, AGREES) & is_unopposed, " + ".join(fields))
        for fields in settings.deterministic
    ]
    by_probability = F.when(F.col("probability") >= settings.link_at, "probability")
    method = F.when(F.col("_is_conflict"), "conflict").otherwise(
        F.coalesce("_rule", by_probability)
    )
    is_relevant = (
        "method IS NOT NULL AND (method != 'conflict' OR _rule IS NOT NULL OR probability >= 0.5)"
    )
    return (
        pairs.withColumns({"_is_conflict": is_conflict, "_rule": F.coalesce(*rules)})
        .withColumn("method", method)
        .where(is_relevant)
        .select(
            "left_id",
            "right_id",
            "method",
            _fields_with(AGREES).alias("agrees"),
            _fields_with(DIFFERS).alias("differs"),
            "weight",
            "probability",
            (F.col("method") != "conflict").alias("is_linked"),
        )
    )


def _every(fields: tuple[str, ...], outcome: str) -> Column:
    """Whether all of some fields have an outcome."""
    return all_true([F.col(name) == outcome for name in fields])


def _fields_with(outcome: str) -> Column:
    """The names of the fields that have an outcome."""
    return F.array_compact(F.array(*(F.when(F.col(name) == outcome, name) for name in FIELDS)))


def remove_implausible(links: DataFrame, members: DataFrame) -> DataFrame:
    """Links with their final state: those within an implausible component are removed.

    Args:
        links: rows of `classify_pairs`.
        members: rows of `plausible_components`.

    Returns:
        The links; a removed one has the method 'implausible' and is not linked.
    """
    left = members.select(F.col("customer_id").alias("left_id"), F.col("component").alias("_left"))
    right = members.select(
        F.col("customer_id").alias("right_id"), F.col("component").alias("_right")
    )
    in_one_component = F.coalesce(F.col("_left") == F.col("_right"), F.lit(False))
    is_linked = F.col("is_linked") & in_one_component
    method = F.when(F.col("is_linked") & ~is_linked, "implausible").otherwise(F.col("method"))
    return (
        links.join(left, "left_id", "left")
        .join(right, "right_id", "left")
        .withColumns({"method": method, "is_linked": is_linked})
    )
