"""The shop's files, as its systems would deliver them: period by period, into an inbox."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.kernel.parallel import run_concurrently
from clarion.sim import answers, behaviour, people
from clarion.sim.behaviour import World
from clarion.sim.dirt import soiled
from clarion.sim.draws import Draws
from clarion.sim.shop import Shop

_ROWS_PER_FILE = 500_000


@dataclass(frozen=True, slots=True)
class Planted:
    """Damaged records by kind and damage, as they were planted in one delivery."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)


def world(spark: SparkSession, shop: Shop, *, seed: int) -> World:
    """The shop with its people, all derived from the seed."""
    draws = Draws(seed)
    return World(
        shop, draws, people.customers(spark, shop, draws), people.products(spark, shop, draws)
    )


def deliver_history(shop_world: World, inbox: str, *, last: date, live_from: date) -> Planted:
    """Everything up to a day; events and market prices from `live_from` on go to the live folders instead."""
    planted = Planted()
    begin = shop_world.shop.starts_on
    deliveries: list[Callable[[], object]] = [
        partial(
            _behaviour,
            shop_world,
            inbox,
            first=begin,
            last=last,
            live_from=live_from,
            planted=planted,
        ),
        partial(_people, shop_world, inbox, first=None, last=last),
        partial(_catalogue, shop_world, inbox),
    ]
    run_concurrently(deliveries)
    return planted


def deliver_period(
    shop_world: World, inbox: str, messages: DataFrame, *, first: date, last: date
) -> Planted:
    """A further period, with the answers to messages that were sent on its first day.

    Args:
        shop_world: the shop.
        inbox: folder of the files.
        messages: message_ref, customer_ref, offer_id, benefit.
        first: first day of the period, on which the messages went out.
        last: first day after it.
    """
    planted = Planted()
    zone = shop_world.shop.time_zone
    reacted = answers.reactions(shop_world, messages, sent_on=first).persist()
    try:
        extra, responses = (
            answers.extra_visits(reacted),
            answers.responses(reacted, sent_on=first, time_zone=zone),
        )
        withdrawn = reacted.where("unsubscribes").select(
            "customer_ref",
            F.lit("marketing").alias("purpose"),
            F.lit("*").alias("channel"),
            F.lit("false").alias("granted"),
            F.col("clicked_at").alias("at"),
        )
        deliveries: list[Callable[[], object]] = [
            partial(
                _behaviour,
                shop_world,
                inbox,
                first=first,
                last=last,
                live_from=last,
                planted=planted,
                extra=extra,
            ),
            partial(_people, shop_world, inbox, first=first, last=last),
            partial(
                write, responses, inbox, "responses", last, "json", ("message_ref", "happened_at")
            ),
            partial(
                write,
                withdrawn,
                inbox,
                "consents",
                last,
                "csv",
                ("customer_ref",),
                part="withdrawn",
            ),
        ]
        run_concurrently(deliveries)
    finally:
        reacted.unpersist()
    return planted


def deliver_people(shop_world: World, inbox: str, *, last: date) -> None:
    """The product list, and registrations, consents and what else is known of those who joined before a day."""
    _people(shop_world, inbox, first=None, last=last)
    _catalogue(shop_world, inbox)


def _catalogue(shop_world: World, inbox: str) -> None:
    shop, day = shop_world.shop, shop_world.shop.starts_on
    listed = shop_world.products.select(
        "product_ref",
        "title",
        "description",
        "brand",
        F.concat_ws(" > ", "department", "category").alias("category_path"),
        F.create_map(
            F.lit("origin"),
            F.get(
                F.array(F.lit("domestic"), F.lit("imported")),
                F.pmod("number", F.lit(2)).cast("int"),
            ),
        ).alias("attributes"),
        F.col("price").cast("string").alias("list_price"),
        F.col("cost").cast("string").alias("cost"),
        "stock",
        F.lit(shop.language).alias("language"),
        F.lit(shop.currency).alias("currency"),
    )
    write(listed, inbox, "products", day, "json", ("product_ref",))


def _people(shop_world: World, inbox: str, *, first: date | None, last: date) -> None:
    """Registrations, consents and what else is known of those who joined in the period."""
    shop, draws = shop_world.shop, shop_world.draws
    until = (last - shop.starts_on).days
    since = -10_000 if first is None else (first - shop.starts_on).days
    if since > 0.9 * shop.history_days:
        return  # nobody joins after that
    joined = shop_world.customers.where(
        (F.col("joined_day") >= since) & (F.col("joined_day") < until)
    )
    at = instant(shop, F.col("joined_day") * 86400 + 9 * 3600)
    named = joined.withColumns(people.person(draws, shop.language)).withColumn("registered_at", at)
    columns = ("customer_ref", "registered_at", "phone", "mail", "name", "address", "region")
    registrations = partial(
        write,
        named.select(*columns, F.lit("app").alias("channel")),
        inbox,
        "registrations",
        last,
        "csv",
        ("customer_ref",),
    )
    purposes = F.array(
        *(
            F.struct(F.lit(purpose).alias("purpose"), granted.cast("string").alias("granted"))
            for purpose, granted in (
                ("collection", F.col("collection")),
                ("analytics", F.col("collection")),
                ("marketing", F.col("collection") & F.col("marketing")),
            )
        )
    )
    stated = named.select(
        "customer_ref",
        F.inline(purposes),
        F.lit("*").alias("channel"),
        F.col("registered_at").alias("at"),
    )
    consents = partial(
        write,
        stated.select("customer_ref", "purpose", "channel", "granted", "at"),
        inbox,
        "consents",
        last,
        "csv",
        ("customer_ref", "purpose"),
    )
    surveyed = named.where(draws.uniform("trait/asked", "id") < 0.2).select(
        "customer_ref", F.lit("household_size").alias("name"), F.floor(1 + draws.uniform("trait/value", "id") * 4).cast("string").alias("value"),
        F.col("registered_at").alias("at"), F.lit("survey").alias("method"),
    )  # fmt: skip
    traits = partial(write, surveyed, inbox, "traits", last, "csv", ("customer_ref",))
    invited = named.where((draws.uniform("tie/invited", "id") < 0.15) & (F.col("id") > 0)).select(
        F.format_string("C%06d", F.floor(draws.uniform("tie/by", "id") * F.col("id")).cast("long")).alias("from_ref"),
        F.col("customer_ref").alias("to_ref"), F.lit("invited").alias("kind"), F.col("registered_at").alias("at"),
    )  # fmt: skip
    run_concurrently(
        [
            registrations,
            consents,
            traits,
            partial(write, invited, inbox, "ties", last, "csv", ("to_ref",)),
        ]
    )


def _behaviour(
    shop_world: World,
    inbox: str,
    *,
    first: date,
    last: date,
    live_from: date,
    planted: Planted,
    extra: DataFrame | None = None,
) -> None:
    shop, draws = shop_world.shop, shop_world.draws
    visits = behaviour.sessions(shop_world, first=first, last=last).persist()
    bought = behaviour.ordered(visits)
    shared = [name for name in bought.columns if extra is None or name in extra.columns]
    everyone = (
        bought.select(*shared)
        if extra is None
        else bought.select(*shared).unionByName(extra.select(*shared))
    )
    lines = (
        behaviour.orders(shop_world, everyone)
        .withColumn("currency", F.lit(shop.currency))
        .persist()
    )
    orders = soiled(lines, shop.dirt, draws, name="orders", key=("order_ref", "line_no"))
    events = soiled(
        behaviour.events(shop_world, visits), shop.dirt, draws, name="events", key=("event_ref",)
    )
    is_live = F.col("event_ref").substr(9, 5).cast("int") >= (live_from - shop.starts_on).days
    coupons = lines.where("coupon_ref IS NOT NULL AND line_no = 1").select(
        "customer_ref", "coupon_ref", "order_ref", "happened_at"
    )
    prices = _market(shop_world, first=first, last=last)
    # The stream begins with the last weekly look, so that a move within it can be seen.
    at_live = F.col("observed_at") >= F.lit(live_from).cast("timestamp") - F.make_dt_interval(
        days=F.lit(8)
    )
    by_time = ("observed_at", "competitor", "product_ref")
    damaged = [
        ("orders", partial(write, orders, inbox, "orders", last, "csv", ("order_ref", "line_no"))),
        (
            "events",
            partial(write, events.where(~is_live), inbox, "events", last, "json", ("event_ref",)),
        ),
    ]
    writes = [
        partial(
            write, _reviews(shop_world, lines), inbox, "reviews", last, "parquet", ("review_ref",)
        ),
        partial(
            write,
            _costs(shop_world, first=first, last=last),
            inbox,
            "costs",
            last,
            "csv",
            ("day", "channel"),
        ),
        partial(write, prices.where(~at_live), inbox, "market", last, "csv", by_time),
    ]
    if live_from < last:
        damaged.append(
            (
                "events",
                partial(
                    write,
                    events.where(is_live),
                    inbox,
                    "live_events",
                    last,
                    "json",
                    ("happened_at", "event_ref"),
                ),
            )
        )
        writes.append(
            partial(write, prices.where(at_live), inbox, "live_market", last, "csv", by_time)
        )
    if extra is not None:
        writes.append(partial(write, coupons, inbox, "redemptions", last, "csv", ("order_ref",)))
    try:
        counts = run_concurrently([write for _, write in damaged] + writes)
    finally:
        lines.unpersist()
        visits.unpersist()
    for (kind, _), found in zip(damaged, counts, strict=False):
        _count(planted, kind, found)


def _reviews(shop_world: World, lines: DataFrame) -> DataFrame:
    draws = shop_world.draws
    written = lines.where(draws.uniform("review/written", "order_ref", "line_no") < 0.08)
    rating = (
        F.round(
            F.least(
                F.lit(5.0),
                F.greatest(
                    F.lit(1.0), 4.2 + draws.normal("review/rating", "order_ref", "line_no") * 0.8
                ),
            )
            * 2
        )
        / 2
    )
    return written.select(
        F.concat_ws("-", F.lit("R"), "order_ref", "line_no").alias("review_ref"),
        "product_ref",
        (F.col("happened_at") + F.make_dt_interval(days=F.lit(4))).alias("happened_at"),
        "customer_ref",
        rating.alias("rating"),
        F.when(rating >= 4, "good").otherwise("so so").alias("text"),
    )


def _costs(shop_world: World, *, first: date, last: date) -> DataFrame:
    shop = shop_world.shop
    start = (first - shop.starts_on).days
    days = shop_world.spark.range(start, (last - shop.starts_on).days)
    spent = 30.0 + 20.0 * shop_world.draws.uniform("cost/spent", "id", "channel")
    return (
        days.withColumn("channel", F.explode(F.array(F.lit("search"), F.lit("social"))))
        .withColumn("amount", F.round(spent, 2).cast("decimal(18,2)"))
        .select(
            F.date_add(F.lit(shop.starts_on), F.col("id").cast("int")).alias("day"),
            "channel",
            "amount",
            F.lit("advertising").alias("note"),
        )
    )


def _market(shop_world: World, *, first: date, last: date) -> DataFrame:
    """Competitors' prices, seen weekly for every third product; in one week of eight a price is cut by a fifth."""
    shop, draws = shop_world.shop, shop_world.draws
    start, stop = (first - shop.starts_on).days, (last - shop.starts_on).days
    weeks = (
        shop_world.spark.range(start, stop)
        .where((F.col("id") % 7 == 3) | (F.col("id") == stop - 1))
        .withColumnRenamed("id", "day")
    )
    seen = shop_world.products.where("number % 3 = 0").crossJoin(weeks)
    competitors = F.explode(F.array(*(F.lit(name) for name in shop.competitors)))
    ids = ("number", "competitor")
    usual = F.col("price") * (0.92 + 0.16 * draws.uniform("market/level", *ids))
    cut = draws.uniform("market/cut", *ids, "day") < 0.125
    return (
        seen.withColumn("competitor", competitors)
        .withColumns(
            {
                "price_now": F.greatest(
                    F.round(usual * F.when(cut, 0.8).otherwise(1.0), 2), F.lit(0.01)
                ).cast("decimal(18,2)"),
                "cut": cut,
            }
        )
        .select(
            "competitor",
            "title",
            F.col("price_now").alias("price"),
            instant(shop, F.col("day") * 86400 + 12 * 3600).alias("observed_at"),
            "product_ref",
            F.when(F.col("cut"), "week deal").alias("promotion"),
            F.lit(shop.currency).alias("currency"),
        )
    )


def instant(shop: Shop, seconds: Column) -> Column:
    """UTC instant of local seconds since the shop's start."""
    return F.to_utc_timestamp(
        F.timestamp_seconds(F.unix_seconds(F.lit(shop.starts_on).cast("timestamp")) + seconds),
        shop.time_zone,
    )


def write(
    frame: DataFrame,
    inbox: str,
    kind: str,
    last: date,
    form: str,
    order: tuple[str, ...],
    *,
    part: str = "",
) -> dict[str, int]:
    """Write records in a fixed order; returns planted damage by kind."""
    counts: dict[str, int] = {}
    if "_dirt" in frame.columns:
        frame = frame.persist()
        rows = frame.groupBy("_dirt").count().collect()
        total = sum(row["count"] for row in rows)
        # A record that stands twice is one planted duplicate.
        counts = {
            row["_dirt"]: row["count"] // (2 if row["_dirt"] == "duplicates" else 1)
            for row in rows
            if row["_dirt"]
        }
        files = max(1, total // _ROWS_PER_FILE)
        plain = frame.drop("_dirt")
    else:
        files, plain = 1, frame
    spread = plain.repartition(1) if files == 1 else plain.repartitionByRange(files, *order)
    writer = (
        spread.sortWithinPartitions(*order)
        .write.mode("overwrite")
        .option("timestampFormat", "yyyy-MM-dd HH:mm:ss")
    )
    path = f"{inbox}/{kind}/{last}{'-' + part if part else ''}"
    if form == "csv":
        writer.option("header", True).csv(path)
    elif form == "json":
        writer.json(path)
    else:
        writer.parquet(path)
    if counts:
        frame.unpersist()
    return counts


def _count(planted: Planted, kind: str, counts: dict[str, int]) -> None:
    for damage, number in counts.items():
        planted.counts[kind, damage] = planted.counts.get((kind, damage), 0) + number
