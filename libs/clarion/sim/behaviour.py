"""What customers do between two days, with or without campaigns."""

import math
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim import people
from clarion.sim.draws import Draws, lookup
from clarion.sim.shop import Shop

MONEY = "decimal(18,2)"


@dataclass(frozen=True, slots=True)
class World:
    """A shop, its draws and its people."""

    shop: Shop
    draws: Draws
    customers: DataFrame
    products: DataFrame

    @property
    def spark(self) -> SparkSession:
        return self.customers.sparkSession


def sessions(world: World, *, first: date, last: date) -> DataFrame:
    """Visits between two days, the last exclusive: one row each, with the customer's parameters.

    A customer comes on a day with the chance of their own rate, times the weekday's and the season's factor.

    Returns:
        session_ref, day, started_at (UTC), orders_now, and the customer's columns.
    """
    shop, draws = world.shop, world.draws
    from_day, to_day = (first - shop.starts_on).days, (last - shop.starts_on).days
    days = world.spark.range(from_day, to_day).select(F.col("id").cast("int").alias("day"))
    weekday = lookup(list(shop.weekday), F.pmod(F.col("day") + shop.starts_on.weekday(), F.lit(7)))
    season = 1.0 + shop.season * F.sin(
        (F.col("day") + shop.starts_on.timetuple().tm_yday) * (2.0 * math.pi / 365.25)
    )
    chance = F.col("sessions_per_month") / 30.0 * weekday * season
    seconds = (8 * 3600 + F.floor(draws.uniform("session/time", "id", "day") * 15 * 3600)).cast(
        "int"
    )
    local = F.timestamp_seconds(
        F.unix_seconds(F.lit(shop.starts_on).cast("timestamp")) + F.col("day") * 86400 + seconds
    )
    present = world.customers.crossJoin(days).where(
        (F.col("day") >= F.col("joined_day")) & (F.col("day") < F.col("left_day"))
    )
    return (
        people.on_day(present, shop, draws, day=F.col("day"))
        .where(draws.uniform("session/comes", "id", "day") < chance)
        .withColumns(
            {
                "session_ref": F.format_string("S%06d-%05d", "id", "day"),
                "started_at": F.to_utc_timestamp(local, shop.time_zone),
                "orders_now": draws.uniform("session/orders", "id", "day") < F.col("conversion"),
            }
        )
    )


def _cluster(world: World, name: str, *ids: str) -> Column:
    """A customer looks at the liked cluster seven times in ten, at a second one twice, else anywhere."""
    draws, shop = world.draws, world.shop
    anywhere = draws.choice(f"{name}/anywhere", [cluster.share for cluster in shop.clusters], *ids)
    where = draws.uniform(f"{name}/where", *ids)
    return (
        F.when(where < 0.7, F.col("first_like"))
        .when(where < 0.9, F.col("second_like"))
        .otherwise(anywhere)
    )


def events(world: World, visits: DataFrame) -> DataFrame:
    """What was done in each visit, step by step: a login, views, a search now and then, cart adds, a checkout.

    Returns:
        event_ref, happened_at, type, customer_ref, device_ref, product_ref, query, dwell_ms, channel, sequence_no.
    """
    draws, shop = world.draws, world.shop
    steps = F.least(
        draws.geometric("event/steps", F.col("views_per_session"), "id", "day"), F.lit(12)
    )
    walked = visits.withColumn("step", F.explode(F.sequence(F.lit(0), steps))).withColumn(
        "cluster", _cluster(world, "event", "id", "day", "step")
    )
    ids = ("id", "day", "step")
    adds = draws.uniform("event/adds", *ids) < F.col("cart")
    kind = (
        F.when(F.col("step") == 0, "login")
        .when(draws.uniform("event/searches", *ids) < 0.08, "search")
        .when(adds, "cart_add")
        .otherwise("view")
    )
    bought = visits.where("orders_now").withColumns(
        {"step": F.lit(99), "cluster": F.lit(0), "type": F.lit("checkout")}
    )
    on_product = F.col("type").isin("view", "cart_add")
    word = lookup(
        [
            cluster.category.zh if shop.language == "zh" else cluster.category.en
            for cluster in shop.clusters
        ],
        "cluster",
    )
    return (
        walked.withColumn("type", kind)
        .unionByName(bought)
        .select(
            F.format_string("%s-%02d", "session_ref", "step").alias("event_ref"),
            (F.col("started_at") + F.make_dt_interval(secs=F.col("step") * 37)).alias(
                "happened_at"
            ),
            "type",
            "customer_ref",
            F.format_string(
                "D%06d-%d",
                "id",
                F.floor(draws.uniform("event/device", "id", "day") * 2).cast("int"),
            ).alias("device_ref"),
            F.when(
                on_product,
                people.product_reference(
                    shop, F.col("cluster"), draws.uniform("event/product", *ids)
                ),
            ).alias("product_ref"),
            F.when(F.col("type") == "search", word).alias("query"),
            F.when(on_product, F.floor(2000 + 30000 * draws.uniform("event/dwell", *ids)))
            .cast("bigint")
            .alias("dwell_ms"),
            F.when(draws.uniform("event/channel", "id", "day") < 0.6, "app")
            .otherwise("web")
            .alias("channel"),
            (F.col("day") * 100 + F.col("step")).cast("bigint").alias("sequence_no"),
        )
    )


def orders(world: World, visits: DataFrame) -> DataFrame:
    """Order lines of the visits that end in an order.

    Args:
        world: the shop.
        visits: rows of `sessions`, or of orders that a campaign brought, with order_ref and coupon_ref.

    Returns:
        order_ref, line_no, happened_at, customer_ref, product_ref, quantity, unit_price, discount, coupon_ref, channel.
    """
    draws, shop = world.draws, world.shop
    items = F.least(
        draws.geometric("order/items", F.col("items_per_order"), "order_ref"), F.lit(12)
    )
    ids = ("order_ref", "line_no")
    lines = visits.withColumn("line_no", F.explode(F.sequence(F.lit(1), items))).withColumn(
        "cluster", _cluster(world, "order", *ids)
    )
    # Dearer taste: of two products drawn, the dearer one with a chance that rises with the customer's price level.
    first = people.product_reference(shop, F.col("cluster"), draws.uniform("order/product", *ids))
    named = lines.withColumn("product_ref", first).join(
        F.broadcast(world.products.select("product_ref", "price")), "product_ref"
    )
    list_price = F.greatest(F.col("price") * F.least(F.col("price_level"), F.lit(4.0)), F.lit(0.01))
    reduced = draws.uniform("order/reduced", *ids) < F.col("discount_love")
    quantity = draws.geometric("order/quantity", F.lit(1.3), *ids)
    unit_price = F.round(list_price, 2).cast(MONEY)
    return named.select(
        "order_ref",
        F.col("line_no").cast("bigint").alias("line_no"),
        (F.col("started_at") + F.make_dt_interval(mins=F.lit(20))).alias("happened_at"),
        "customer_ref",
        "product_ref",
        quantity.cast("bigint").alias("quantity"),
        unit_price.alias("unit_price"),
        F.when(reduced, F.round(unit_price * quantity * 0.15, 2))
        .otherwise(F.lit(0))
        .cast(MONEY)
        .alias("discount"),
        F.col("coupon_ref"),
        F.when(draws.uniform("order/channel", "order_ref") < 0.7, "app")
        .otherwise("web")
        .alias("channel"),
    )


def ordered(visits: DataFrame) -> DataFrame:
    """The visits that end in an order, with the order's name."""
    return visits.where("orders_now").withColumns(
        {"order_ref": F.concat(F.lit("O"), "session_ref"), "coupon_ref": F.lit(None).cast("string")}
    )
