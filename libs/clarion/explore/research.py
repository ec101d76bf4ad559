"""Portraits of groups for market research: figures of many, and nobody's name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_PROFILES, SEGMENTS
from clarion.customers.segments.transforms import portraits
from clarion.explore.audience import (
    Audience,
    AudienceTooSmallError,
    check_export_file,
    write_table,
)
from clarion.lake import Lake

_INTERESTS_SHOWN = 5
# Who contributes to a figure: a mean to which one customer contributes is that customer's.
_CONTRIBUTORS = {
    "recency_days": "recency_days IS NOT NULL",
    "orders": "orders > 0",
    "monetary": "monetary <> 0",
    "average_order": "average_order IS NOT NULL",
    "views": "views > 0",
    "discount_share": "discount_share IS NOT NULL",
}
_SCHEMA = pa.schema(
    [
        ("as_of", pa.date32()),
        *((name, pa.string()) for name in ("segment_id", "name_en", "name_zh")),
        ("customers", pa.int64()),
        ("customer_share", pa.float64()),
        *((name, pa.float64()) for name in _CONTRIBUTORS),
        *((name, pa.string()) for name in ("life_cycles", "interests")),
    ]
)


class Research(NamedTuple):
    """How many groups were written, and how many were left out as too small."""

    written: int
    left_out: int


def export_research(audience: Audience, lake: Lake, file: Path, *, floor: int) -> Research:
    """Write the portraits of an audience's groups into one file, CSV or Parquet by its ending.

    A group with fewer consenting customers than the floor is left out. So is each figure, stage of
    the life cycle and category to which fewer contribute. No row names a customer.

    Args:
        audience: customers who consent to analytics.
        lake: the tables.
        file: a file that does not exist yet.
        floor: fewest customers behind a row and behind each of its figures.

    Raises:
        AudienceTooSmallError: no group has so many.
        UsageError: another ending, a file that exists, or a folder that does not.
    """
    check_export_file(file)
    sizes = audience.customers.where("segment_id IS NOT NULL").groupBy("segment_id").count()
    groups = {row["segment_id"]: row["count"] for row in sizes.collect()}  # one row a group
    large = sorted(name for name, customers in groups.items() if customers >= floor)
    if not large:
        raise AudienceTooSmallError(
            "no group of the audience is large enough for a portrait",
            found=f"the largest has {max(groups.values(), default=0)} customers, not {floor}",
            fix="widen the expression (the floor is audience.floor)",
        )
    members = audience.customers.where(F.col("segment_id").isin(large))
    rows = _portraits(lake, audience, members, floor=floor)
    write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), file)
    return Research(len(rows), len(groups) - len(large))


def _portraits(
    lake: Lake, audience: Audience, members: DataFrame, *, floor: int
) -> list[dict[str, Any]]:
    """One row per group, in the order of their ids, without figures of few."""
    is_of_day = F.col("as_of") == F.lit(audience.as_of)
    profiles = lake.read(CUSTOMER_PROFILES).where(is_of_day)
    names = lake.read(SEGMENTS).where(is_of_day).select("segment_id", "name_en", "name_zh")
    rows = (
        portraits(profiles, members, as_of=audience.as_of)
        .drop("interests")
        .join(names, "segment_id")
    )
    member_profiles = members.select("customer_id", "segment_id").join(profiles, "customer_id")
    contributors = member_profiles.groupBy("segment_id").agg(
        *(F.count_if(F.expr(condition)).alias(name) for name, condition in _CONTRIBUTORS.items())
    )
    counts = {row["segment_id"]: row.asDict() for row in contributors.collect()}
    interests = _interests(member_profiles, floor=floor)
    return [
        _row(row.asDict(), counts[row["segment_id"]], interests, floor=floor)
        for row in rows.orderBy("segment_id").collect()
    ]


def _row(
    portrait: Mapping[str, Any],
    contributors: Mapping[str, int],
    interests: Mapping[str, str],
    *,
    floor: int,
) -> dict[str, Any]:
    figures = {
        name: float(portrait[name])
        if contributors[name] >= floor and portrait[name] is not None
        else None
        for name in _CONTRIBUTORS
    }
    stages = large_shares(portrait["life_cycles"], of=portrait["customers"], floor=floor)
    kept = {name: portrait[name] for name in _SCHEMA.names if name in portrait}
    return (
        kept
        | figures
        | {
            "life_cycles": _as_text(stages),
            "interests": interests.get(portrait["segment_id"], ""),
        }
    )


def large_shares(shares: Mapping[str, float], *, of: int, floor: int) -> dict[str, float]:
    """The shares that stand for at least `floor` customers, the largest first.

    Where the rest stands for fewer, it would follow from the others: the smallest share that is
    left goes, too.

    Args:
        shares: share of each value; they sum to 1.
        of: customers in all.
        floor: fewest customers behind a share.
    """
    counts = {name: round(share * of) for name, share in shares.items()}
    kept = sorted((name for name in counts if counts[name] >= floor), key=lambda n: (-counts[n], n))
    while kept and 0 < of - sum(counts[name] for name in kept) < floor:
        kept.pop()
    return {name: shares[name] for name in kept}


def _interests(member_profiles: DataFrame, *, floor: int) -> dict[str, str]:
    """Categories in which enough members of a group are interested, by their mean share."""
    sizes = member_profiles.groupBy("segment_id").agg(F.count("*").alias("members"))
    rows = (
        member_profiles.select("customer_id", "segment_id", F.inline("interests"))
        .groupBy("segment_id", "category")
        .agg(F.sum("share").alias("total"), F.count_distinct("customer_id").alias("interested"))
        .where(F.col("interested") >= floor)
        .join(sizes, "segment_id")
        .select("segment_id", "category", (F.col("total") / F.col("members")).alias("share"))
        .orderBy("segment_id", F.desc("share"), "category")
        .collect()  # categories of groups
    )
    by_group: dict[str, dict[str, float]] = {}
    for row in rows:
        shares = by_group.setdefault(row["segment_id"], {})
        if len(shares) < _INTERESTS_SHOWN:
            shares[row["category"]] = row["share"]
    return {group: _as_text(shares) for group, shares in by_group.items()}


def _as_text(shares: Mapping[str, float]) -> str:
    """Such as active=0.62;new=0.21."""
    return ";".join(f"{name}={share:.2f}" for name, share in shares.items())
