"""Audiences: customers who meet a condition, their groups, and a file of those who consent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.access.policy import AccessPolicy
from clarion.config import Config, settings
from clarion.contracts import Table
from clarion.contracts.gold import (
    CUSTOMER_FEATURES,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    SEGMENT_MEMBERS,
    SEGMENTS,
)
from clarion.customers.features.transforms import unpack_features
from clarion.declarations import shop
from clarion.kernel.errors import ClarionError, UsageError
from clarion.kernel.expressions import names, refuse_unsafe_sql
from clarion.lake import Lake
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql, user_column
from clarion.measures.statistics.intervals import Interval, share


@settings("audience")
class AudienceSettings:
    """How small an audience may be that leaves the lake."""

    floor: int


@dataclass(frozen=True, slots=True)
class GroupOverlap:
    """One group and the audience.

    Args:
        segment_id: the group.
        segment: its English name.
        customers: its size.
        matching: how many of them are in the audience.
        share: matching / customers, with its 95 % interval.
        lift: share / the audience's share of all customers; None where the audience is empty.
    """

    segment_id: str | None
    segment: str | None
    customers: int
    matching: int
    share: Interval
    lift: float | None


@dataclass(frozen=True, slots=True)
class Audience:
    """Customers who meet a condition, on one day.

    Args:
        as_of: day of the features.
        customers: customer_id, segment_id, tags and the columns of the condition; only of
            customers who consent to the purpose.
        matching: how many customers meet the condition.
        consenting: how many of those consent to the purpose.
        total: how many customers have features on that day.
        groups: the overlap with each group, the largest first.
        preview: a few of the customers, ids masked.
    """

    as_of: date
    customers: DataFrame
    matching: int
    consenting: int
    total: int
    groups: list[GroupOverlap]
    preview: list[dict[str, Any]]


class AudienceTooSmallError(ClarionError):
    """So few customers that a person could be identified among them."""


def select_audience(
    lake: Lake,
    config: Config,
    expression: str,
    *,
    as_of: date,
    purpose: str,
    channel: str | None = None,
    show: int = 5,
) -> Audience:
    """The customers who meet a condition, on the last day with features up to `as_of`.

    Args:
        lake: the tables.
        config: the shop's features, and the zone of its days.
        expression: SQL over the declared features, segment_id, segment (its English name) and
            tags (array).
        as_of: first day that does not count.
        purpose: analytics or marketing; customers without consent to it are only counted.
        channel: for which the audience is used; None asks for consent on every channel.
        show: customers of the preview.

    Raises:
        UsageError: no valid condition, or no features yet.
    """
    refuse_unsafe_sql(expression, where="the audience", error=UsageError)
    day = _last_day(lake, as_of)
    customers = _customers_of_day(lake, config, day)
    condition = UserSql(
        where="the audience",
        text=expression,
        result=CONDITION,
        hint="use names of conf/features.yml, segment_id, segment or tags",
    )
    check_user_sql(customers, [condition], error=UsageError)
    used = [name for name in names(expression) if name in customers.columns]
    columns = dict.fromkeys(("customer_id", "segment_id", "segment", "tags", *used))
    matching = customers.where(user_column(expression)).select(*columns).persist()
    # Consent as it is now, not as of the day of the features: a withdrawal counts at once.
    policy = AccessPolicy(lake, config, as_of, str(config.get("shop.time_zone")), DataFrame.persist)
    consenting = policy.with_consent(
        CUSTOMER_PROFILES, matching, purpose=purpose, channel=channel
    ).persist()
    sizes = customers.groupBy("segment_id", "segment").count().collect()  # one row a group
    matching_sizes = matching.groupBy("segment_id").count().collect()
    groups = _overlaps(sizes, {row["segment_id"]: row["count"] for row in matching_sizes})
    preview = consenting.orderBy("customer_id").limit(show).collect()
    return Audience(
        as_of=day,
        customers=consenting,
        matching=sum(group.matching for group in groups),
        consenting=consenting.count(),
        total=sum(group.customers for group in groups),
        groups=groups,
        preview=[{**row.asDict(), "customer_id": f"{row['customer_id'][:4]}…"} for row in preview],
    )


def _last_day(lake: Lake, as_of: date) -> date:
    """The last day with features.

    Raises:
        UsageError: there is none.
    """
    last: date | None = None
    if lake.exists(CUSTOMER_FEATURES):
        is_past = F.col("as_of") <= F.lit(as_of)
        row = lake.read(CUSTOMER_FEATURES).where(is_past).agg(F.max("as_of")).first()
        last = row[0] if row else None
    if last is None:
        raise UsageError(
            "no customer has features yet",
            found=f"no day up to {as_of} in {lake.root}",
            fix="run the pipeline first: clarion run all",
        )
    return last


def _customers_of_day(lake: Lake, config: Config, day: date) -> DataFrame:
    """Every customer of a day with all features, the group and the tags."""

    def of_day(table: Table) -> DataFrame:
        return lake.read(table).where(F.col("as_of") == F.lit(day))

    group_names = of_day(SEGMENTS).select("segment_id", F.col("name_en").alias("segment"))
    members = (
        of_day(SEGMENT_MEMBERS)
        .select("customer_id", "segment_id")
        .join(F.broadcast(group_names), "segment_id", "left")
    )
    tags = of_day(CUSTOMER_TAGS).select("customer_id", F.col("tags.tag").alias("tags"))
    features = unpack_features(of_day(CUSTOMER_FEATURES), shop.features(config))
    return features.join(members, "customer_id", "left").join(tags, "customer_id", "left")


def _overlaps(sizes: Iterable[Row], matching_sizes: Mapping[str | None, int]) -> list[GroupOverlap]:
    """Each group beside the audience, by customers in it."""
    rows = list(sizes)
    total = sum(row["count"] for row in rows)
    audience_share = sum(matching_sizes.values()) / total if total else 0.0
    overlaps = []
    for row in rows:
        matching = matching_sizes.get(row["segment_id"], 0)
        rate = share(matching, row["count"])
        assert isinstance(rate, Interval)
        overlaps.append(
            GroupOverlap(
                segment_id=row["segment_id"],
                segment=row["segment"],
                customers=row["count"],
                matching=matching,
                share=rate,
                lift=rate.value / audience_share if audience_share else None,
            )
        )
    return sorted(overlaps, key=lambda overlap: -overlap.matching)


def export_audience(audience: Audience, file: Path, *, floor: int) -> int:
    """Write the customers who consent into one file, CSV or Parquet by its ending.

    Args:
        audience: what to write.
        file: a file that does not exist yet.
        floor: fewest customers that may leave the lake.

    Returns:
        How many customers were written.

    Raises:
        AudienceTooSmallError: fewer than the floor.
        UsageError: another ending, a file that exists, or a folder that does not.
    """
    check_export_file(file)
    if audience.consenting < floor:
        raise AudienceTooSmallError(
            "the audience is too small to be handed out",
            found=f"{audience.consenting} customers, fewer than {floor}",
            fix="widen the expression (the floor is audience.floor)",
        )
    rows = audience.customers.select(
        "customer_id", "segment_id", F.array_join("tags", ";").alias("tags")
    ).orderBy("customer_id")
    table: pa.Table = rows.toArrow()
    write_table(table, file)
    return int(table.num_rows)


def write_table(table: pa.Table, file: Path) -> None:
    """Write rows into a file, CSV or Parquet by its ending."""
    if file.suffix == ".csv":
        pyarrow.csv.write_csv(table, str(file))
    else:
        pyarrow.parquet.write_table(table, str(file))


def check_export_file(file: Path) -> None:
    """Check the name of a file before any customer is read.

    Raises:
        UsageError: another ending than .csv or .parquet, a file that exists, or no such folder.
    """
    if file.suffix not in (".csv", ".parquet"):
        raise UsageError(
            f"{file.name} is neither CSV nor Parquet",
            fix="name a file that ends in .csv or .parquet",
        )
    if file.exists():
        raise UsageError(f"{file} exists", fix="name another file, or remove it")
    if not file.parent.is_dir():
        raise UsageError(
            f"{file} cannot be written",
            found=f"no folder {file.parent}",
            fix="create the folder, or name another file",
        )
