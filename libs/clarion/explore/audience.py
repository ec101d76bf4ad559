"""Customers by what is known of them: how many, in which groups, and a file of those who may be addressed."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.policy import AccessPolicy
from clarion.config import Config, settings
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
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.statistics.intervals import Interval, share


@settings("audience")
class AudienceSettings:
    """How small a group may be that leaves the lake."""

    floor: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Customers of whom an expression is true, on one day.

    Args:
        as_of: the day that was described.
        customers: customer_id, segment_id, tags and what the expression speaks of, of those who consent to the purpose.
        found: of how many the expression is true.
        consenting: how many of those consent to the purpose.
        everyone: how many are described.
        groups: per group its name, customers, those in the audience, share with its 95 % interval, and lift.
        preview: a few of those who consent, ids masked.
    """

    as_of: date
    customers: DataFrame
    found: int
    consenting: int
    everyone: int
    groups: list[dict[str, Any]]
    preview: list[dict[str, Any]]


class AudienceTooSmallError(ClarionError):
    """So few customers that each of them could be known again."""


def select(
    lake: Lake, config: Config, expression: str, *, as_of: date, purpose: str, show: int = 5
) -> Audience:
    """The customers of whom an expression is true on the last day described up to `as_of`.

    Args:
        lake: the tables.
        config: the shop's features, and the zone of its days.
        expression: SQL over the declared features, segment_id, segment (its English name) and tags (array).
        as_of: first day that does not count.
        purpose: analytics or marketing; who does not consent to it is counted and not handed out.
        show: customers of the preview.

    Raises:
        UsageError: no condition, an unknown name, or no day described yet.
    """
    refuse_unsafe_sql(expression, where="the audience", error=UsageError)
    day = _last_day(lake, as_of)
    described = _described(lake, config, day)
    condition = UserSql(
        where="the audience",
        text=expression,
        result=CONDITION,
        hint="use names of conf/features.yml, segment_id, segment or tags",
    )
    check_user_sql(described, [condition], error=UsageError)
    mine = described.where(F.expr(expression))
    # Consent as it stands now, not as on the day that was described: a withdrawal counts at once.
    policy = AccessPolicy(lake, config, as_of, str(config.get("shop.time_zone")), DataFrame.persist)
    spoken_of = [name for name in dict.fromkeys(names(expression)) if name in described.columns]
    columns = list(dict.fromkeys(("customer_id", "segment_id", "segment", "tags", *spoken_of)))
    found = mine.select(*columns).persist()
    allowed = policy.with_consent(CUSTOMER_PROFILES, found, purpose=purpose).persist()
    counts = (
        described.groupBy("segment_id", "segment").agg(F.count("*").alias("customers")).collect()
    )
    inside = {
        row["segment_id"]: row["count"] for row in found.groupBy("segment_id").count().collect()
    }
    total, everyone = sum(inside.values()), sum(row["customers"] for row in counts)
    groups = [
        _overlap(row.asDict(), inside.get(row["segment_id"], 0), total=total, everyone=everyone)
        for row in counts
    ]
    preview = [
        {**row.asDict(), "customer_id": f"{row['customer_id'][:4]}…"}
        for row in allowed.orderBy("customer_id").limit(show).collect()
    ]
    return Audience(
        day,
        allowed,
        total,
        allowed.count(),
        everyone,
        sorted(groups, key=lambda group: -group["inside"]),
        preview,
    )


def _last_day(lake: Lake, as_of: date) -> date:
    if lake.exists(CUSTOMER_FEATURES):
        last = (
            lake.read(CUSTOMER_FEATURES)
            .where(F.col("as_of") <= F.lit(as_of))
            .agg(F.max("as_of"))
            .first()
        )
        if last and last[0]:
            return last[0]  # type: ignore[no-any-return]
    raise UsageError(
        "no customer is described yet",
        found=f"nothing up to {as_of}",
        fix="run the pipeline first: clarion run all",
    )


def _described(lake: Lake, config: Config, day: date) -> DataFrame:
    """Everyone of a day: every feature, the group and the tags."""

    def of_day(table: Any) -> DataFrame:
        return lake.read(table).where(F.col("as_of") == F.lit(day))

    members = of_day(SEGMENT_MEMBERS).select("customer_id", "segment_id")
    named = members.join(
        F.broadcast(of_day(SEGMENTS).select("segment_id", F.col("name_en").alias("segment"))),
        "segment_id",
        "left",
    )
    tags = of_day(CUSTOMER_TAGS).select("customer_id", F.col("tags.tag").alias("tags"))
    features = unpack_features(of_day(CUSTOMER_FEATURES), shop.features(config))
    return features.join(named, "customer_id", "left").join(tags, "customer_id", "left")


def _overlap(group: dict[str, Any], inside: int, *, total: int, everyone: int) -> dict[str, Any]:
    rate = share(inside, group["customers"])
    assert isinstance(rate, Interval)
    lift = rate.value / (total / everyone) if total else None
    return {
        **group,
        "inside": inside,
        "share": rate.value,
        "low": rate.low,
        "high": rate.high,
        "lift": lift,
    }


def export(audience: Audience, file: Path, *, floor: int) -> int:
    """Write those who may be addressed into one file, CSV or Parquet by its ending; returns how many.

    Raises:
        AudienceTooSmallError: fewer than the floor.
        UsageError: another ending, or a file that exists.
    """
    if file.suffix not in (".csv", ".parquet"):
        raise UsageError(
            f"{file.name} is neither CSV nor Parquet",
            fix="name a file that ends in .csv or .parquet",
        )
    if file.exists():
        raise UsageError(f"{file} exists", fix="name another file, or remove it")
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
    if file.suffix == ".csv":
        pyarrow.csv.write_csv(table, str(file))
    else:
        pyarrow.parquet.write_table(table, str(file))
    return int(table.num_rows)
