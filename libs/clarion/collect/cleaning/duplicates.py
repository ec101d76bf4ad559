"""Mark records that repeat an earlier record of the same source."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatePolicy:
    """When a record of a source is a duplicate of another one.

    Args:
        key: source columns that identify the fact; None compares every column.
        within_days: days within which an equal record is a duplicate; None for no limit.
        person_in_key: True where the key names the person. Records whose person was removed then
            equal no other record.
    """

    key: tuple[str, ...] | None
    within_days: int | None = None
    person_in_key: bool = False


def mark_duplicates(
    records: DataFrame,
    earlier: DataFrame | None,
    policy: DuplicatePolicy,
    *,
    broadcast_records: bool = False,
) -> DataFrame:
    """The records with `_duplicate`: true for all but the first to arrive of equal records.

    The first is that of the earliest batch, then by file and record number.

    Args:
        records: BRONZE records of one source, of the batches being cleaned.
        earlier: BRONZE records of the same source that were cleaned before; None for none.
        policy: when two records are equal.
        broadcast_records: True where the records are few enough to be sent to each executor.

    Returns:
        The records with `_duplicate`.
    """
    identity = _identity(policy)
    by_arrival = Window.partitionBy("_identity").orderBy("_ingested_at", "_batch", "_file", "_row")
    is_repeat = F.row_number().over(by_arrival) > 1
    if policy.within_days is not None:
        within = F.make_dt_interval(days=F.lit(policy.within_days))
        previous_at = F.lag("_ingested_at").over(by_arrival)
        is_repeat = F.coalesce(previous_at >= F.col("_ingested_at") - within, F.lit(False))

    marked = records.withColumn("_identity", identity).withColumn("_duplicate", is_repeat)
    if earlier is not None:
        earlier_identities = earlier.select(identity.alias("_identity"))
        if broadcast_records:
            arriving = F.broadcast(marked.select("_identity"))
            earlier_identities = earlier_identities.join(arriving, "_identity", "left_semi")
        before = earlier_identities.distinct().withColumn("_before", F.lit(True))
        marked = (
            marked.join(before, "_identity", "left")
            .withColumn("_duplicate", F.col("_duplicate") | F.col("_before").isNotNull())
            .drop("_before")
        )
    return marked.drop("_identity")


def _identity(policy: DuplicatePolicy) -> Column:
    """A text that is equal for records that the policy takes for the same fact."""
    identity = F.col("_hash") if policy.key is None else _key_text(policy.key)
    if not policy.person_in_key:
        return identity
    own = F.md5(F.to_json(F.struct("_file_hash", "_row")))
    return F.when(F.col("_person_removed"), own).otherwise(identity)


def _key_text(key: tuple[str, ...]) -> Column:
    """A text that is equal for records with equal values in these columns, nulls included."""
    if len(key) == 1:
        # JSON took a tenth of the time of cleaning.
        return F.coalesce(F.concat(F.lit("="), F.col("raw")[key[0]]), F.lit(""))
    return F.to_json(F.array(*(F.col("raw")[name] for name in key)))
