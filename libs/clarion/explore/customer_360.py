"""Everything that is known of one customer, on one page."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.subject import find_subject
from clarion.config import Config
from clarion.contracts import Table
from clarion.contracts.gold import (
    CUSTOMER_FEATURES,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    FEATURES,
    SEGMENT_MEMBERS,
    SEGMENTS,
    TAGS,
)
from clarion.contracts.silver import EVENTS, ORDER_LINES
from clarion.customers.segments.transforms import history
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.measures.columns.days import start_of


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One customer.

    Args:
        customer_id: surrogate of the person.
        as_of: the day described.
        profile: CUSTOMER_PROFILES of the day.
        features: per known feature its labels, value, unit and mean over customers.
        tags: per tag its label and since when it is borne.
        groups: stays in groups: name, valid from, valid to (null for now).
        recent: what was last done: when, what, which product, amount.
        decisions: what was last decided: day, action, why others were refused.
    """

    customer_id: str
    as_of: date
    profile: dict[str, Any]
    features: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    recent: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


def card(lake: Lake, config: Config, customer: str, *, as_of: date, show: int = 10) -> CustomerView:
    """The card of a customer on the last day described up to `as_of`.

    Args:
        lake: the tables.
        config: the shop's zone and sources.
        customer: a surrogate, or the shop's own name for the customer.
        as_of: first day that does not count.
        show: events and decisions that are shown.

    Raises:
        UsageError: nobody is known by that name, or nothing is known of them yet.
    """
    accounts = sorted(find_subject(lake, config, customer).accounts)
    described = (
        lake.read(CUSTOMER_PROFILES)
        .where(F.col("as_of") <= F.lit(as_of))
        .where(F.col("customer_id").isin(accounts))
    )
    profile = described.orderBy(F.desc("as_of"), "customer_id").first()
    if profile is None:
        raise UsageError(
            f"nothing is known of '{customer}' up to {as_of}",
            found="no profile: no fact, or no consent to analytics",
            fix="run the pipeline, or name another day",
        )
    who, day = profile["customer_id"], profile["as_of"]

    def mine(table: Table) -> DataFrame:
        return lake.read(table).where(F.col("customer_id") == who)

    return CustomerView(
        customer_id=who,
        as_of=day,
        profile=profile.asDict(recursive=True),
        features=_features(mine(CUSTOMER_FEATURES), lake.read(FEATURES), day),
        tags=_tags(mine(CUSTOMER_TAGS), lake.read(TAGS), day),
        groups=_groups(
            mine(SEGMENT_MEMBERS).where(F.col("as_of") <= F.lit(day)), lake.read(SEGMENTS)
        ),
        recent=_recent(lake, accounts, day, str(config.get("shop.time_zone")), show),
        decisions=_decisions(mine(DECISIONS).where(F.col("as_of") <= F.lit(day)), show),
    )


def _features(mine: DataFrame, declared: DataFrame, day: date) -> list[dict[str, Any]]:
    row = mine.where(F.col("as_of") == F.lit(day)).first()
    known: dict[str, Any] = {**row["values"], **row["labels"]} if row else {}
    rows = (
        declared.where(F.col("as_of") == F.lit(day))
        .select("feature", "label_en", "label_zh", "unit", "mean")
        .orderBy("feature")
        .collect()
    )
    return [
        {**item.asDict(), "value": known[item["feature"]]}
        for item in rows
        if item["feature"] in known
    ]


def _tags(mine: DataFrame, tags: DataFrame, day: date) -> list[dict[str, Any]]:
    borne = mine.where(F.col("as_of") == F.lit(day)).select(F.inline("tags"))
    named = tags.where(F.col("as_of") == F.lit(day)).select("tag", "label_en", "label_zh")
    return [row.asDict() for row in borne.join(named, "tag").orderBy("since", "tag").collect()]


def _groups(mine: DataFrame, segments: DataFrame) -> list[dict[str, Any]]:
    names = segments.select("segment_id", F.col("as_of").alias("valid_from"), "name_en", "name_zh")
    return [
        row.asDict()
        for row in history(mine)
        .join(names, ["segment_id", "valid_from"], "left")
        .orderBy("valid_from")
        .collect()
    ]


def _recent(
    lake: Lake, accounts: list[str], day: date, zone: str, show: int
) -> list[dict[str, Any]]:
    before = F.col("happened_at") < start_of(day, zone)
    events = (
        lake.read(EVENTS)
        .where(before & F.col("customer_id").isin(accounts))
        .select("happened_at", "type", "product_id", F.lit(None).alias("amount"))
    )
    lines = (
        lake.read(ORDER_LINES)
        .where(before & F.col("customer_id").isin(accounts))
        .select("happened_at", F.col("kind").alias("type"), "product_id", "amount")
    )
    return [
        row.asDict()
        for row in events.unionByName(lines)
        .orderBy(F.desc("happened_at"), "type")
        .limit(show)
        .collect()
    ]


def _decisions(mine: DataFrame, show: int) -> list[dict[str, Any]]:
    return [
        row.asDict(recursive=True)
        for row in mine.select("as_of", "action", "is_holdout", "refusals")
        .orderBy(F.desc("as_of"))
        .limit(show)
        .collect()
    ]
