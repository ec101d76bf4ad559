"""What C7 counts: records that landed, out of those that clients numbered or manifests declared."""

from collections.abc import Iterator, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.ops import FILES, UNDELIVERED
from clarion.contracts.silver import EVENTS
from clarion.runtime.scope import Scope

Sums = Mapping[str, float]
# What C7 asks for, and the source kinds of which it consists. Any other kind stands for itself.
GROUPS = {
    "paths": ("events",),
    "purchases": ("orders", "redemptions"),
    "interactions": ("responses", "contacts"),
    "feedback": ("reviews",),
}
_LANDED, _DECLARED = "landed of ", "declared of "
_NUMBERED_LANDED, _NUMBERED_SENT = "numbers landed", "numbers sent"


def collection_frames(scope: Scope) -> Iterator[DataFrame]:
    """One row of sums a group that manifests declare, and one of all numbers of clients."""
    yield _by_manifest(scope)
    yield count_numbers(scope.raw(EVENTS))


def _by_manifest(scope: Scope) -> DataFrame:
    """Records of files that arrived, and of those that were declared and never came."""
    taken = (
        scope.raw(FILES)
        .where("state = 'taken' AND declared IS NOT NULL")
        .selectExpr("_source", "least(records, declared) AS landed", "declared")
    )
    undelivered = scope.current(UNDELIVERED).selectExpr(
        "_source", "CAST(0 AS bigint) AS landed", "declared"
    )
    kind = F.element_at(F.split("_source", "[.]"), 2)
    groups = [F.when(kind.isin(*kinds), F.lit(name)) for name, kinds in GROUPS.items()]
    by_group = (
        taken.unionByName(undelivered)
        .groupBy(F.coalesce(*groups, kind).alias("name"))
        .agg(F.sum("landed").alias("landed"), F.sum("declared").alias("declared"))
    )
    return by_group.select(
        F.create_map(
            F.concat(F.lit(_LANDED), "name"), "landed",
            F.concat(F.lit(_DECLARED), "name"), "declared",
        ).cast("map<string,double>").alias("sums")
    )  # fmt: skip


def count_numbers(events: DataFrame) -> DataFrame:
    """Distinct numbers that landed, and those that were given.

    A device's numbers run on over its visits: a visit that was lost whole leaves a gap. Where
    there are none, those of each visit count, which begin at 1. Neither shows what was lost after
    the last number; a manifest does.

    Args:
        events: rows of EVENTS.

    Returns:
        One row: sums, by name.
    """
    by_device = F.col("device_ref").isNotNull() & F.col("device_sequence_no").isNotNull()
    by_visit = F.col("session_ref").isNotNull() & F.col("sequence_no").isNotNull()
    counters = (
        events.where(by_device | by_visit)
        .select(
            "_source",
            by_device.alias("is_device"),
            F.when(by_device, F.col("device_ref")).otherwise(F.col("session_ref")).alias("counter"),
            F.when(by_device, F.col("device_sequence_no"))
            .otherwise(F.col("sequence_no"))
            .alias("number"),
        )
        .groupBy("_source", "is_device", "counter")
        .agg(
            F.count_distinct("number").alias("landed"),
            F.min("number").alias("first"),
            F.max("number").alias("last"),
        )
    )
    # A device may have begun to count before the shop sent its events here.
    sent = F.when(F.col("is_device"), F.col("last") - F.col("first") + 1).otherwise(F.col("last"))
    sums = (
        counters.select("landed", sent.alias("sent"))
        .where("landed <= sent")
        .agg(F.sum("landed").alias("landed"), F.sum("sent").alias("sent"))
    )
    return sums.select(
        F.create_map(F.lit(_NUMBERED_LANDED), "landed", F.lit(_NUMBERED_SENT), "sent")
        .cast("map<string,double>")
        .alias("sums")
    )


def groups_with_manifests(sums: Sums) -> list[str]:
    """Groups of which manifests declare files."""
    return sorted(name.removeprefix(_DECLARED) for name in sums if name.startswith(_DECLARED))


def landed_and_declared(sums: Sums, group: str) -> tuple[float, float]:
    """Records of a group that landed, and records that its manifests declare."""
    return sums.get(f"{_LANDED}{group}", 0.0), sums.get(f"{_DECLARED}{group}", 0.0)


def landed_and_sent(sums: Sums) -> tuple[float, float]:
    """Numbers of clients that landed, and those that were given."""
    return sums[_NUMBERED_LANDED], sums[_NUMBERED_SENT]
