"""Mark records that repeat an earlier record of the same source."""

from collections.abc import Callable
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


def record_identity(policy: DuplicatePolicy, *, raw: str = "raw") -> Column:
    """A text that is equal for records that the policy takes for the same fact.

    Args:
        policy: when two records are equal.
        raw: name of the column that holds the record.
    """
    identity = F.col("_hash") if policy.key is None else _key_text(policy.key, raw)
    if not policy.person_in_key:
        return identity
    own = F.md5(F.to_json(F.struct("_file_hash", "_row")))
    return F.when(F.col("_person_removed"), own).otherwise(identity)


def mark_duplicates(
    records: DataFrame, earlier: DataFrame | None, policy: DuplicatePolicy
) -> DataFrame:
    """The records with `_duplicate`: true for all but the first to arrive of equal records.

    The first is that of the earliest batch, then by file and record number.

    Args:
        records: _identity (of `record_identity`), _ingested_at, _batch, _file, _row, and others;
            of one source, of the batches being cleaned.
        earlier: _identity of records of the same source that were cleaned before; None for none.
        policy: when two records are equal.

    Returns:
        The records with `_duplicate`.
    """
    by_arrival = Window.partitionBy("_identity").orderBy("_ingested_at", "_batch", "_file", "_row")
    is_repeat = F.row_number().over(by_arrival) > 1
    if policy.within_days is not None:
        within = F.make_dt_interval(days=F.lit(policy.within_days))
        previous_at = F.lag("_ingested_at").over(by_arrival)
        is_repeat = F.coalesce(previous_at >= F.col("_ingested_at") - within, F.lit(False))

    marked = records.withColumn("_duplicate", is_repeat)
    if earlier is None:
        return marked
    before = earlier.select("_identity").distinct().withColumn("_before", F.lit(True))
    return (
        marked.join(before, "_identity", "left")
        .withColumn("_duplicate", F.col("_duplicate") | F.col("_before").isNotNull())
        .drop("_before")
    )


def with_key_twice(
    rows: DataFrame,
    key: str,
    earlier_keys: DataFrame | None,
    *,
    send: Callable[[DataFrame], DataFrame],
) -> DataFrame:
    """The rows whose key occurs twice in them, or also in earlier ones; few others with them.

    Only fingerprints of eight bytes move to count them; where two are equal by chance, a row is
    compared for nothing.

    Args:
        rows: any rows.
        key: the column that is counted.
        earlier_keys: that column of earlier rows; None for none.
        send: makes a frame that may be small ready for a join.
    """
    fingerprint = F.xxhash64(key).alias("_fingerprint")
    keys = rows.select(fingerprint)
    if earlier_keys is not None:
        keys = keys.unionByName(earlier_keys.select(fingerprint))
    twice = keys.groupBy("_fingerprint").count().where("count > 1").select("_fingerprint")
    return (
        rows.withColumn("_fingerprint", fingerprint)
        .join(send(twice), "_fingerprint", "left_semi")
        .drop("_fingerprint")
    )


def _key_text(key: tuple[str, ...], raw: str) -> Column:
    """A text that is equal for records with equal values in these columns, nulls included."""
    if len(key) == 1:
        # JSON took a tenth of the time of cleaning.
        return F.coalesce(F.concat(F.lit("="), F.col(raw)[key[0]]), F.lit(""))
    return F.to_json(F.array(*(F.col(raw)[name] for name in key)))
