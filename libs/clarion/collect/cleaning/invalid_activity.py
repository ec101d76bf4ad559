"""Views of the facts in which invalid activity can be recognised.

Invalid activity is a fact that no customer intended: an accidental click, a bot's visit,
a fake order.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.sources import IN_STORE_EVENTS
from clarion.measures.columns.days import local_day

# How far back the views look: for the usual sales of a product, and for who viewed it before.
LOOK_BACK_DAYS = 28
_INTENTS = ("cart_add", "favourite", "checkout")
_VIEWS = ("view", "click", "cart_add", "favourite", "review_view")
_VIEWED_WITHIN_DAYS = 7
# Windows overlap by half: what happens within three days is in one of them.
_RING_DAYS = 6
_RING_STEP_DAYS = 3
_ORDER_FEATURES = ("unseen", "account_days", "burst", "ring", "ring_unseen")
# The days of opening are compared with this many quantiles of all accounts.
_OPENING_QUANTILES = 100
_MINUTE_LOAD = (
    "count(*) OVER (PARTITION BY actor ORDER BY happened_at "
    "RANGE BETWEEN INTERVAL 59 SECONDS PRECEDING AND CURRENT ROW)"
)


def clicks(events: DataFrame, *, time_zone: str) -> DataFrame:
    """Events of web and app, each with what the same actor did before and after.

    Args:
        events: EVENTS.
        time_zone: the shop's time zone, for days and hours.

    Returns:
        record_id, happened_at, type, product_id, actor (device, else account), day, hour,
        dwell_s, gap_s and next_gap_s (seconds to the event before and after), repeats (same type
        and product as the event before), goes_back (the next product is the one before),
        is_intent (cart, favourite or checkout), has_intent (the actor shows intent for the
        product on that day), minute_load (events of the last minute).
    """
    online = (
        events.where(~F.col("type").isin(*IN_STORE_EVENTS))
        .withColumn("actor", F.coalesce("device_ref", "customer_id"))
        .where("actor IS NOT NULL")
        .withColumns(
            {"day": local_day("happened_at", time_zone), "is_intent": F.col("type").isin(*_INTENTS)}
        )
    )
    by_product = Window.partitionBy("actor", "day", "product_id")
    has_intent = F.col("product_id").isNotNull() & F.bool_or("is_intent").over(by_product)

    in_order = Window.partitionBy("actor").orderBy("happened_at", "record_id")
    seconds = F.unix_micros("happened_at") / 1e6
    product = F.col("product_id")
    before = F.lag("product_id").over(in_order)
    after = F.lead("product_id").over(in_order)
    same_type = F.lag("type").over(in_order) == F.col("type")
    return online.withColumn("has_intent", has_intent).select(
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
        _true(F.equal_null(before, product) & same_type).alias("repeats"),
        _true((before == after) & (before != product)).alias("goes_back"),
        "is_intent",
        "has_intent",
        F.expr(_MINUTE_LOAD).alias("minute_load"),
    )


def _true(condition: Column) -> Column:
    """The condition, false where it is null."""
    return F.coalesce(condition, F.lit(False))


def sale_lines(
    lines: DataFrame, events: DataFrame, customers: DataFrame, *, time_zone: str
) -> DataFrame:
    """Sold lines of known accounts, each with how the account came to it.

    Args:
        lines: ORDER_LINES.
        events: EVENTS of the same time and a week before.
        customers: CUSTOMERS.
        time_zone: the shop's time zone.

    Returns:
        order_line_id, order_id, customer_id, product_id, happened_at and
        unseen: 1 where the account did not view the product in the week before, else 0; null
        where the shop cannot know.
        account_days: age of the account; null where unknown.
        age_rank: of the accounts that existed then, the share that are no older than this one,
        at least 0.01; null where unknown.
        burst: the day's buyers of the product ÷ its usual buyers a day.
    """
    sales = lines.where("kind = 'sale' AND customer_id IS NOT NULL").withColumn(
        "day", local_day("happened_at", time_zone)
    )
    opened = customers.groupBy("customer_id").agg(F.min("registered_at").alias("opened_at"))
    first_event = F.broadcast(events.agg(F.min("happened_at").alias("events_from")))
    quantiles = [number / _OPENING_QUANTILES for number in range(1, _OPENING_QUANTILES + 1)]
    openings = F.percentile_approx("opened_at", quantiles).alias("openings")
    viewed_within = F.make_dt_interval(days=F.lit(_VIEWED_WITHIN_DAYS))
    can_know = F.col("store_ref").isNull() & (
        F.col("happened_at") >= F.col("events_from") + viewed_within
    )
    return (
        sales.join(_viewed_lines(sales, events), "order_line_id", "left")
        .join(opened, "customer_id", "left")
        .join(_bursts(sales), ["product_id", "day"], "left")
        .crossJoin(first_event)
        .crossJoin(F.broadcast(opened.agg(openings)))
        .withColumns(
            {
                "unseen": F.when(can_know, F.col("is_viewed").isNull().cast("int")),
                "account_days": F.datediff("happened_at", "opened_at"),
                "age_rank": _age_rank(),
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
            "age_rank",
            "burst",
        )
    )


def _age_rank() -> Column:
    """The share of the accounts of that time that are no older; accounts of one day are equal."""
    existing = F.size(F.filter("openings", lambda opening: opening <= F.col("happened_at")))
    older = F.size(F.filter("openings", lambda opening: opening < F.col("opened_at")))
    rank = (existing - older) / F.nullif(existing, F.lit(0))
    known = F.col("opened_at").isNotNull() & F.col("openings").isNotNull()
    return F.when(known, F.greatest(rank, F.lit(1 / _OPENING_QUANTILES)))


def orders(sales: DataFrame, links: DataFrame) -> DataFrame:
    """Orders of known accounts, each with who else bought the same and how the account came to it.

    Both frames are read several times; persist them.

    Args:
        sales: rows of `sale_lines`.
        links: rows of `shared_links`.

    Returns:
        order_id, customer_id, happened_at and, as the highest of the order's lines, the features
        of `sale_lines` and
        ring: accounts that share an address or a device with this one and bought the product
        within a few days; null for none.
        ring_unseen: share of the ring's lines that are unseen.
        ring_chance: chance that so many accounts, drawn from all, are as young as the oldest of
        the ring, the lowest of the order's rings; 1 where the age of one is unknown.
    """
    rings = _rings(sales, links)
    return (
        sales.join(rings, "order_line_id", "left")
        .groupBy("order_id", "customer_id")
        .agg(
            F.min("happened_at").alias("happened_at"),
            *(F.max(name).alias(name) for name in _ORDER_FEATURES),
            F.min("ring_chance").alias("ring_chance"),
        )
    )


def shared_links(events: DataFrame, customers: DataFrame) -> DataFrame:
    """Devices and addresses that several accounts share.

    Args:
        events: EVENTS.
        customers: CUSTOMERS.

    Returns:
        customer_id, link.
    """
    devices = events.where("device_ref IS NOT NULL AND customer_id IS NOT NULL").select(
        "customer_id", F.concat(F.lit("d:"), "device_ref").alias("link")
    )
    addresses = customers.where("address IS NOT NULL").select(
        "customer_id", F.concat(F.lit("a:"), "address").alias("link")
    )
    links = devices.unionByName(addresses).distinct()
    accounts = F.count("*").over(Window.partitionBy("link"))
    return links.withColumn("accounts", accounts).where("accounts > 1").drop("accounts")


def _rings(sales: DataFrame, links: DataFrame) -> DataFrame:
    """The least likely ring of each line, the largest of equals.

    A ring is the accounts with a common link that bought the product within one window of a few
    days.
    """
    span = F.window("happened_at", f"{_RING_DAYS} days", f"{_RING_STEP_DAYS} days").alias("span")
    linked_lines = sales.select(
        "order_line_id", "customer_id", "product_id", "unseen", "age_rank", span
    ).join(links, "customer_id")
    measures = {
        "ring": F.countDistinct("customer_id"),
        "ring_unseen": F.avg("unseen"),
        "ring_chance": F.pow(
            F.max(F.coalesce("age_rank", F.lit(1.0))), F.countDistinct("customer_id")
        ),
    }
    rings = (
        linked_lines.groupBy("link", "product_id", "span")
        .agg(*(value.alias(name) for name, value in measures.items()))
        .where("ring > 1")
    )
    order = F.struct("ring_chance", -F.col("ring"), -F.col("ring_unseen"))
    least_likely = F.min_by(F.struct(*measures), order).alias("ring_of_line")
    return (
        linked_lines.join(rings, ["link", "product_id", "span"])
        .groupBy("order_line_id")
        .agg(least_likely)
        .select("order_line_id", "ring_of_line.*")
    )


def _bursts(sales: DataFrame) -> DataFrame:
    """Buyers of a product on a day ÷ its usual buyers: product_id, day, burst.

    Usual is the mean of the four weeks before, at least one.
    """
    daily = sales.groupBy("product_id", "day").agg(F.countDistinct("customer_id").alias("buyers"))
    by_day = Window.partitionBy("product_id").orderBy(F.unix_date("day"))
    weeks_before = by_day.rangeBetween(-LOOK_BACK_DAYS, -1)
    usual = F.coalesce(F.sum("buyers").over(weeks_before), F.lit(0)) / LOOK_BACK_DAYS
    burst = F.col("buyers") / F.greatest(usual, F.lit(1.0))
    return daily.select("product_id", "day", burst.alias("burst"))


def _viewed_lines(sales: DataFrame, events: DataFrame) -> DataFrame:
    """Lines whose account viewed the product in the week before: order_line_id, is_viewed."""
    views = events.where(F.col("type").isin(*_VIEWS)).select(
        "customer_id", "product_id", F.col("happened_at").alias("viewed_at")
    )
    both = sales.select("order_line_id", "customer_id", "product_id", "happened_at").join(
        views, ["customer_id", "product_id"]
    )
    in_week_before = (
        "viewed_at <= happened_at "
        f"AND viewed_at >= happened_at - INTERVAL {_VIEWED_WITHIN_DAYS} DAYS"
    )
    viewed = both.where(in_week_before).select("order_line_id").distinct()
    return viewed.withColumn("is_viewed", F.lit(True))
