"""Facts that no customer's will stands behind: taps by mistake, programs, staged orders.

A detector is data (conf/invalid_activity.yml): features and a condition, both SQL, over one of three views of the facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from clarion.config.load import validated
from clarion.kernel.expressions import refuse_unsafe_sql
from clarion.measures.columns.days import local_day
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql

View = Literal["clicks", "actor_days", "orders"]
IN_STORE = ("visit", "dwell", "trial", "arrival", "service")
WANTS = ("cart_add", "favourite", "checkout")
LOOKS = ("view", "click", "cart_add", "favourite", "review_view")
LOOK_BACK_DAYS = 28  # what is usual for a product, and who looked at it before, is told from this much before the first fact judged
NEW_ACCOUNT_DAYS = 30
_BROWSED_WITHIN_DAYS = 7
_UNITS: dict[View, tuple[str, ...]] = {
    "clicks": ("record_id",),
    "actor_days": ("actor", "day"),
    "orders": ("order_id", "customer_id"),
}
_RING_DAYS, _RING_STEP = (
    6,
    3,
)  # windows that overlap by half: what happens within three days lies in one of them


@dataclass(frozen=True, slots=True)
class Detector:
    """What is looked for, and by what it is told.

    Args:
        name: stands beside each fact that it finds.
        view: the view of the facts.
        reason: in words.
        features: SQL by name; over several rows where a unit has several.
        flag_when: SQL over the view's columns; over the features, where a unit has several rows.
    """

    name: str
    view: View
    reason: str
    features: tuple[tuple[str, str], ...]
    flag_when: str

    @property
    def of_orders(self) -> bool:
        return self.view == "orders"


class _Written(BaseModel):
    """A detector as it stands in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: View
    reason: str
    features: dict[str, str]
    flag_when: str


def parse(written: Mapping[str, Any]) -> tuple[Detector, ...]:
    """The detectors of a file.

    Raises:
        ConfigError: an unknown key or view, or more than an expression.
    """
    found = []
    for name, body in written.items():
        where = f"invalid_activity.yml: {name}"
        model = validated(_Written, body, where=where)
        for text in (*model.features.values(), model.flag_when):
            refuse_unsafe_sql(text, where=where)
        found.append(
            Detector(name, model.view, model.reason, tuple(model.features.items()), model.flag_when)
        )
    return tuple(found)


def clicks(events: DataFrame, *, time_zone: str) -> DataFrame:
    """What was done on web and app, each beside what the same actor did before and after.

    Args:
        events: EVENTS.
        time_zone: the shop's, for days and hours.

    Returns:
        record_id, happened_at, type, product_id, actor, day, hour, dwell_s, gap_s and next_gap_s (seconds to the event
        before and after), repeats (same type and product as the one before), goes_back (the next product is the one
        before), wants (cart, favourite, checkout), wanted (the product was wanted on that day), minute_load (events of
        the last minute).
    """
    online = (
        events.where(~F.col("type").isin(*IN_STORE))
        .withColumn("actor", F.coalesce("device_ref", "customer_id"))
        .where("actor IS NOT NULL")
    )
    in_order = Window.partitionBy("actor").orderBy("happened_at", "record_id")
    on_product = Window.partitionBy("actor", "day", "product_id")
    seconds = F.unix_micros("happened_at") / 1e6
    before, after = F.lag("product_id").over(in_order), F.lead("product_id").over(in_order)
    same = F.equal_null(before, F.col("product_id")) & (
        F.lag("type").over(in_order) == F.col("type")
    )
    marked = online.withColumns(
        {"day": local_day("happened_at", time_zone), "wants": F.col("type").isin(*WANTS)}
    )
    return marked.withColumn(
        "wanted", F.col("product_id").isNotNull() & F.bool_or("wants").over(on_product)
    ).select(
        "record_id",
        "happened_at",
        "type",
        "product_id",
        "actor",
        "day",
        F.hour(F.from_utc_timestamp("happened_at", time_zone)).alias("hour"),
        (F.col("dwell_ms") / 1000).alias("dwell_s"),
        (seconds - F.lag(seconds).over(in_order)).alias("gap_s"),
        (F.lead(seconds).over(in_order) - seconds).alias("next_gap_s"),
        F.coalesce(same, F.lit(False)).alias("repeats"),
        F.coalesce((before == after) & (before != F.col("product_id")), F.lit(False)).alias(
            "goes_back"
        ),
        "wants",
        "wanted",
        F.expr(
            "count(*) OVER (PARTITION BY actor ORDER BY happened_at RANGE BETWEEN INTERVAL 59 SECONDS PRECEDING AND CURRENT ROW)"
        ).alias("minute_load"),
    )


def orders(
    lines: DataFrame, events: DataFrame, customers: DataFrame, *, time_zone: str
) -> DataFrame:
    """Orders of known accounts, each beside who else bought the same and how the account came to it.

    Args:
        lines: ORDER_LINES.
        events: EVENTS of the same time and a week before.
        customers: CUSTOMERS.
        time_zone: the shop's.

    Returns:
        order_id, customer_id, happened_at and, the highest of its lines: unseen (1 where the account did not look at the
        product in the week before, else 0; null where the shop could not know), account_days (age of the account; null where
        unknown), burst (the day's buyers of the product, out of the usual number a day), ring (accounts that share an
        address or a device with this one and bought the product within a few days; null for none), ring_unseen and
        ring_new (shares of the ring's lines that are unseen, and whose account is at most thirty days old).
    """
    sales = lines.where("kind = 'sale' AND customer_id IS NOT NULL").withColumn(
        "day", local_day("happened_at", time_zone)
    )
    opened = customers.groupBy("customer_id").agg(F.min("registered_at").alias("opened_at"))
    since = F.broadcast(events.agg(F.min("happened_at").alias("events_from")))
    could_know = F.col("store_ref").isNull() & (
        F.col("happened_at")
        >= F.col("events_from") + F.make_dt_interval(days=F.lit(_BROWSED_WITHIN_DAYS))
    )
    told = (
        sales.join(_seen_before(sales, events), "order_line_id", "left")
        .join(opened, "customer_id", "left")
        .join(_bursts(sales), ["product_id", "day"], "left")
        .crossJoin(since)
        .withColumns(
            {
                "unseen": F.when(could_know, F.col("seen").isNull().cast("int")),
                "account_days": F.datediff("happened_at", "opened_at"),
            }
        )
        .select(
            "order_line_id",
            "order_id",
            "customer_id",
            "product_id",
            "happened_at",
            "unseen",
            "account_days",
            "burst",
        )
    )
    highest = ("unseen", "account_days", "burst", "ring", "ring_unseen", "ring_new")
    return (
        told.join(_rings(told, _links(events, customers)), "order_line_id", "left")
        .groupBy("order_id", "customer_id")
        .agg(
            F.min("happened_at").alias("happened_at"),
            *(F.max(name).alias(name) for name in highest),
        )
    )


def _links(events: DataFrame, customers: DataFrame) -> DataFrame:
    """Devices and addresses that several accounts share: customer_id, link."""
    devices = events.where("device_ref IS NOT NULL AND customer_id IS NOT NULL").select(
        "customer_id", F.concat(F.lit("d:"), "device_ref").alias("link")
    )
    addresses = customers.where("address IS NOT NULL").select(
        "customer_id", F.concat(F.lit("a:"), "address").alias("link")
    )
    both = devices.unionByName(addresses).distinct()
    return both.join(both.groupBy("link").count().where("count > 1").select("link"), "link")


def _rings(told: DataFrame, links: DataFrame) -> DataFrame:
    """For each line the largest crowd of accounts with a link in common that bought the product within one window."""
    span = F.window("happened_at", f"{_RING_DAYS} days", f"{_RING_STEP} days").alias("span")
    linked = told.select(
        "order_line_id", "customer_id", "product_id", "unseen", "account_days", span
    ).join(links, "customer_id")
    crowd = {
        "ring": F.countDistinct("customer_id"),
        "ring_unseen": F.avg("unseen"),
        "ring_new": F.avg((F.col("account_days") <= NEW_ACCOUNT_DAYS).cast("int")),
    }
    crowds = (
        linked.groupBy("link", "product_id", "span")
        .agg(*(value.alias(name) for name, value in crowd.items()))
        .where("ring > 1")
    )
    largest = F.max(F.struct(*crowd)).alias("largest")
    return (
        linked.join(crowds, ["link", "product_id", "span"])
        .groupBy("order_line_id")
        .agg(largest)
        .select("order_line_id", "largest.*")
    )


def _bursts(sales: DataFrame) -> DataFrame:
    """Buyers of a product on a day, out of its usual number: the mean of the four weeks before, at least one."""
    daily = sales.groupBy("product_id", "day").agg(F.countDistinct("customer_id").alias("buyers"))
    number = F.unix_date("day")
    weeks = Window.partitionBy("product_id").orderBy(number).rangeBetween(-LOOK_BACK_DAYS, -1)
    usual = F.coalesce(F.sum("buyers").over(weeks), F.lit(0)) / LOOK_BACK_DAYS
    return daily.select(
        "product_id", "day", (F.col("buyers") / F.greatest(usual, F.lit(1.0))).alias("burst")
    )


def _seen_before(sales: DataFrame, events: DataFrame) -> DataFrame:
    """Lines whose account looked at the product in the week before."""
    looks = events.where(F.col("type").isin(*LOOKS)).select(
        "customer_id", "product_id", F.col("happened_at").alias("looked_at")
    )
    both = sales.select("order_line_id", "customer_id", "product_id", "happened_at").join(
        looks, ["customer_id", "product_id"]
    )
    within = f"looked_at <= happened_at AND looked_at >= happened_at - INTERVAL {_BROWSED_WITHIN_DAYS} DAYS"
    return both.where(within).select("order_line_id").distinct().withColumn("seen", F.lit(True))


def found(detector: Detector, view: DataFrame) -> DataFrame:
    """Units of a view that a detector finds, with their features.

    Args:
        detector: what is looked for.
        view: `clicks` for clicks and days of actors, `orders` for orders.

    Returns:
        record_id, or actor and day, or order_id and customer_id; features (map of doubles).
    """
    unit = _UNITS[detector.view]
    if detector.view == "actor_days":
        view = _computed_features(detector, view)
        told = {name: F.col(name) for name, _ in detector.features}
    else:
        told = {name: F.expr(text) for name, text in detector.features}
    entries = [part for name, value in told.items() for part in (F.lit(name), value.cast("double"))]
    return view.where(detector.flag_when).select(*unit, F.create_map(*entries).alias("features"))


def _computed_features(detector: Detector, view: DataFrame) -> DataFrame:
    """The features of a detector over groups of rows, one row per unit."""
    features = [F.expr(text).alias(name) for name, text in detector.features]
    return view.groupBy(*_UNITS[detector.view]).agg(*features)


def check_detector(detector: Detector, view: DataFrame) -> None:
    """Refuse a detector that its view cannot compute.

    Args:
        detector: what is looked for.
        view: as `found` takes it.

    Raises:
        ConfigError: a feature or the condition is invalid over the view's columns.
    """
    of_groups = detector.view == "actor_days"
    where = f"invalid_activity.yml: {detector.name}"
    hint = "use the columns that libs/clarion/collect/cleaning/README.md names"
    features = [
        UserSql(where=where, text=text, result="double", is_aggregate=of_groups, hint=hint)
        for _, text in detector.features
    ]
    check_user_sql(view, features)
    condition = UserSql(where=where, text=detector.flag_when, result=CONDITION, hint=hint)
    check_user_sql(_computed_features(detector, view) if of_groups else view, [condition])


def facts(detector: Detector, units: DataFrame, view: DataFrame, lines: DataFrame) -> DataFrame:
    """The single facts of what a detector found: record_id, happened_at, features.

    Args:
        detector: what was looked for.
        units: as `found` returns them.
        view: `clicks`.
        lines: ORDER_LINES.
    """
    if detector.of_orders:
        # Returns too: taken off what was sold, they would otherwise count for less than nothing.
        of_order = lines.join(F.broadcast(units), ["order_id", "customer_id"])
        return of_order.select(F.col("order_line_id").alias("record_id"), "happened_at", "features")
    keys = ["record_id"] if detector.view == "clicks" else ["actor", "day"]
    return view.join(units, keys).select("record_id", "happened_at", "features")
