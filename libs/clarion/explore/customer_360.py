"""One customer on one page: profile, groups, tags, features, service, activity, decisions."""

from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.subject import find_subject
from clarion.collect.cleaning.order_versions import replacements, without_replaced
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
from clarion.contracts.silver import EVENTS, ORDER_LINES, SERVICE_CONTACTS
from clarion.customers.segments.transforms import history
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.measures.columns.days import start_of

# Features that say how the shop served the customer, in the order of the page.
SERVICE_FEATURES = (
    "deliveries_365d", "delivery_days", "late_deliveries_365d", "late_share", "returns_365d",
    "returned_units_365d", "return_share_units", "returned_value_365d", "return_share",
    "service_contacts_365d", "last_contact", "complaints_365d", "open_complaints", "satisfaction",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerView:
    """One customer.

    Args:
        customer_id: surrogate of the person.
        as_of: day of the profile.
        profile: CUSTOMER_PROFILES of the day.
        service: features about deliveries, returns and service contacts, likewise.
        features: per other feature with a value its labels, value, unit and mean over customers.
        tags: per tag its labels and the day since which the customer has it.
        groups: stays in groups: name, valid from, valid to (null for now).
        activity: the last events, order lines, deliveries and service contacts: when, what, which
            product, amount.
        decisions: the last decisions: day, action, refusals.
    """

    customer_id: str
    as_of: date
    profile: dict[str, Any]
    service: list[dict[str, Any]]
    features: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    activity: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


def customer_view(
    lake: Lake, config: Config, customer: str, *, as_of: date, show: int = 10
) -> CustomerView:
    """A customer on the last day with a profile up to `as_of`.

    Args:
        lake: the tables.
        config: the shop's zone and sources.
        customer: a surrogate, or the shop's own name for the customer.
        as_of: first day that does not count.
        show: events and decisions that are shown.

    Raises:
        UsageError: nobody has that name, or they have no profile yet.
    """
    accounts = sorted(find_subject(lake, config, customer).accounts)
    profiles = (
        lake.read(CUSTOMER_PROFILES)
        .where(F.col("as_of") <= F.lit(as_of))
        .where(F.col("customer_id").isin(accounts))
    )
    profile = profiles.orderBy(F.desc("as_of"), "customer_id").first()
    if profile is None:
        raise UsageError(
            f"'{customer}' has no profile up to {as_of}",
            found="no fact, or no consent to analytics",
            fix="run the pipeline, or name another day",
        )
    customer_id = profile["customer_id"]
    day = profile["as_of"]

    time_zone = str(config.get("shop.time_zone"))

    def rows(table: Table) -> DataFrame:
        return lake.read(table).where(F.col("customer_id") == customer_id)

    def past_rows(table: Table) -> DataFrame:
        return rows(table).where(F.col("as_of") <= F.lit(day))

    features = _features(rows(CUSTOMER_FEATURES), lake.read(FEATURES), day=day)
    by_name = {feature["feature"]: feature for feature in features}
    return CustomerView(
        customer_id=customer_id,
        as_of=day,
        profile=profile.asDict(recursive=True),
        service=[by_name.pop(name) for name in SERVICE_FEATURES if name in by_name],
        features=list(by_name.values()),
        tags=_tags(rows(CUSTOMER_TAGS), lake.read(TAGS), day=day),
        groups=_groups(past_rows(SEGMENT_MEMBERS), lake.read(SEGMENTS)),
        activity=_activity(lake, accounts, day=day, time_zone=time_zone, show=show),
        decisions=_decisions(past_rows(DECISIONS), show=show),
    )


def _features(
    customer_features: DataFrame, features: DataFrame, *, day: date
) -> list[dict[str, Any]]:
    """The features of the day that have a value, by name."""
    is_of_day = F.col("as_of") == F.lit(day)
    row = customer_features.where(is_of_day).first()
    values: dict[str, Any] = {**row["values"], **row["labels"]} if row else {}
    declared = (
        features.where(is_of_day)
        .select("feature", "label_en", "label_zh", "unit", "mean")
        .orderBy("feature")
        .collect()
    )
    return [
        {**feature.asDict(), "value": values[feature["feature"]]}
        for feature in declared
        if feature["feature"] in values
    ]


def _tags(customer_tags: DataFrame, tags: DataFrame, *, day: date) -> list[dict[str, Any]]:
    """The tags of the day, the oldest first."""
    is_of_day = F.col("as_of") == F.lit(day)
    labels = tags.where(is_of_day).select("tag", "label_en", "label_zh")
    own_tags = customer_tags.where(is_of_day).select(F.inline("tags"))
    return [row.asDict() for row in own_tags.join(labels, "tag").orderBy("since", "tag").collect()]


def _groups(members: DataFrame, segments: DataFrame) -> list[dict[str, Any]]:
    """Stays in groups, the first one first."""
    names = segments.select("segment_id", F.col("as_of").alias("valid_from"), "name_en", "name_zh")
    stays = history(members).join(names, ["segment_id", "valid_from"], "left")
    return [row.asDict() for row in stays.orderBy("valid_from").collect()]


def _activity(
    lake: Lake, accounts: list[str], *, day: date, time_zone: str, show: int
) -> list[dict[str, Any]]:
    """What all accounts of a person did last, and what reached them, the newest first."""
    before = start_of(day, time_zone)
    is_own = F.col("customer_id").isin(accounts) & (F.col("happened_at") < before)
    no_amount = F.lit(None).cast("decimal(18,4)").alias("amount")
    events = lake.read(EVENTS).where(is_own).select("happened_at", "type", "product_id", no_amount)
    of_orders = lake.read(ORDER_LINES).where(is_own)
    newest_lines = without_replaced(
        of_orders, replacements(of_orders), as_of=day, time_zone=time_zone
    )
    lines = newest_lines.select("happened_at", F.col("kind").alias("type"), "product_id", "amount")
    no_product = F.lit(None).cast("string").alias("product_id")
    deliveries = (
        newest_lines.where((F.col("kind") != "return") & (F.col("delivered_at") < before))
        .select("order_id", "delivered_at")
        .distinct()
        .select(
            F.col("delivered_at").alias("happened_at"),
            F.lit("delivery").alias("type"),
            no_product,
            no_amount,
        )
    )
    contacts = (
        lake.read(SERVICE_CONTACTS)
        .where(is_own)
        .select("contact_ref", "happened_at", F.concat(F.lit("service: "), "topic").alias("type"))
        .distinct()
        .select("happened_at", "type", no_product, no_amount)
    )
    everything = reduce(DataFrame.unionByName, (events, lines, deliveries, contacts))
    newest = everything.orderBy(F.desc("happened_at"), "type").limit(show)
    return [row.asDict() for row in newest.collect()]


def _decisions(decisions: DataFrame, *, show: int) -> list[dict[str, Any]]:
    """The last decisions, the newest first."""
    columns = ("as_of", "action", "is_holdout", "refusals")
    newest = decisions.select(*columns).orderBy(F.desc("as_of")).limit(show)
    return [row.asDict(recursive=True) for row in newest.collect()]
