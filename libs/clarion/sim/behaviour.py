"""What customers do between two days, with or without campaigns."""

import math
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim import catalogue, people
from clarion.sim.draws import Draws, lookup
from clarion.sim.shop import Shop

MONEY = "decimal(18,2)"
_CHECKOUT_STEP = 99
_MAX_STEPS = 12
_MAX_ITEMS = 12


@dataclass(frozen=True, slots=True)
class World:
    """A shop with its draws, its customers and its products.

    Args:
        shop: the shop.
        draws: its random draws.
        customers: the frame of `people.customers`.
        products: the frame of `catalogue.products`.
    """

    shop: Shop
    draws: Draws
    customers: DataFrame
    products: DataFrame

    @property
    def spark(self) -> SparkSession:
        """The session of the frames."""
        return self.customers.sparkSession

    def day_number(self, day: date) -> int:
        """Days from the shop's start to a day."""
        return (day - self.shop.starts_on).days

    def instant(self, seconds: Column) -> Column:
        """UTC instant of local seconds since the shop's start."""
        start = F.unix_seconds(F.lit(self.shop.starts_on).cast("timestamp"))
        return F.to_utc_timestamp(F.timestamp_seconds(start + seconds), self.shop.time_zone)


def sessions(world: World, *, first: date, last: date) -> DataFrame:
    """Visits between two days, with the customer's parameters.

    The chance of a visit on a day is the customer's own rate, times the factors of the weekday
    and of the season.

    Args:
        world: the shop.
        first: first day.
        last: day after the last day.

    Returns:
        One row per visit: session_ref, day (since the shop's start), started_at (UTC),
        orders_now, and the customer's columns.
    """
    draws = world.draws
    days = world.spark.range(world.day_number(first), world.day_number(last))
    is_customer = (F.col("day") >= F.col("joined_day")) & (F.col("day") < F.col("left_day"))
    customer_days = world.customers.crossJoin(
        days.select(F.col("id").cast("int").alias("day"))
    ).where(is_customer)
    return (
        people.customers_on_day(customer_days, world.shop, draws, day=F.col("day"))
        .where(draws.uniform("session/comes", "id", "day") < _visit_chance(world.shop))
        .withColumns(
            {
                "session_ref": F.format_string("S%06d-%05d", "id", "day"),
                "started_at": _start_of_visit(world),
                "orders_now": draws.uniform("session/orders", "id", "day") < F.col("conversion"),
            }
        )
    )


def _visit_chance(shop: Shop) -> Column:
    weekday = lookup(list(shop.weekday), F.pmod(F.col("day") + shop.starts_on.weekday(), F.lit(7)))
    day_of_year = F.col("day") + shop.starts_on.timetuple().tm_yday
    season = 1.0 + shop.season * F.sin(day_of_year * (2.0 * math.pi / 365.25))
    return F.col("sessions_per_month") / 30.0 * weekday * season


def _start_of_visit(world: World) -> Column:
    """UTC instant between 8 and 23 o'clock local time."""
    hours = world.draws.uniform("session/time", "id", "day") * 15
    seconds = (8 * 3600 + F.floor(hours * 3600)).cast("int")
    return world.instant(F.col("day") * 86400 + seconds)


def _cluster(world: World, name: str, *ids: str) -> Column:
    """The cluster that a customer turns to.

    It is the most liked one in 70 % of cases, the second one in 20 %, otherwise any.
    """
    draws = world.draws
    shares = [cluster.share for cluster in world.shop.clusters]
    any_cluster = draws.choice(f"{name}/anywhere", shares, *ids)
    drawn = draws.uniform(f"{name}/where", *ids)
    return (
        F.when(drawn < 0.7, F.col("first_like"))
        .when(drawn < 0.9, F.col("second_like"))
        .otherwise(any_cluster)
    )


def events(world: World, visits: DataFrame) -> DataFrame:
    """Steps of each visit: a login, views, some searches and cart adds, and a checkout.

    Args:
        world: the shop.
        visits: rows of `sessions`.

    Returns:
        One row per event: event_ref, happened_at, type, customer_ref, device_ref, product_ref,
        query, dwell_ms, channel, sequence_no.
    """
    draws, shop = world.draws, world.shop
    ids = ("id", "day", "step")
    checkouts = visits.where("orders_now").withColumns(
        {"step": F.lit(_CHECKOUT_STEP), "cluster": F.lit(0), "type": F.lit("checkout")}
    )
    steps = _steps(world, visits).unionByName(checkouts)
    is_on_product = F.col("type").isin("view", "cart_add")
    product = catalogue.product_reference(
        shop, F.col("cluster"), draws.uniform("event/product", *ids)
    )
    categories = [catalogue.local_text(shop, cluster.category) for cluster in shop.clusters]
    device = F.format_string("D%06d-%d", "id", draws.index("event/device", 2, "id", "day"))
    dwell_ms = F.floor(2000 + 30000 * draws.uniform("event/dwell", *ids))
    uses_app = draws.uniform("event/channel", "id", "day") < 0.6
    return steps.select(
        F.format_string("%s-%02d", "session_ref", "step").alias("event_ref"),
        (F.col("started_at") + F.make_dt_interval(secs=F.col("step") * 37)).alias("happened_at"),
        "type",
        "customer_ref",
        device.alias("device_ref"),
        F.when(is_on_product, product).alias("product_ref"),
        F.when(F.col("type") == "search", lookup(categories, "cluster")).alias("query"),
        F.when(is_on_product, dwell_ms).cast("bigint").alias("dwell_ms"),
        F.when(uses_app, "app").otherwise("web").alias("channel"),
        (F.col("day") * 100 + F.col("step")).cast("bigint").alias("sequence_no"),
    )


def _steps(world: World, visits: DataFrame) -> DataFrame:
    """One row per step of a visit, without the checkout: step, cluster, type."""
    draws = world.draws
    ids = ("id", "day", "step")
    last_step = draws.geometric("event/steps", F.col("views_per_session"), "id", "day")
    step_numbers = F.sequence(F.lit(0), F.least(last_step, F.lit(_MAX_STEPS)))
    event_type = (
        F.when(F.col("step") == 0, "login")
        .when(draws.uniform("event/searches", *ids) < 0.08, "search")
        .when(draws.uniform("event/adds", *ids) < F.col("cart"), "cart_add")
        .otherwise("view")
    )
    return (
        visits.withColumn("step", F.explode(step_numbers))
        .withColumn("cluster", _cluster(world, "event", *ids))
        .withColumn("type", event_type)
    )


def orders(world: World, visits: DataFrame) -> DataFrame:
    """Order lines of the visits that end in an order.

    Args:
        world: the shop.
        visits: rows of `order_visits`, or orders that a campaign caused; with order_ref and
            coupon_ref.

    Returns:
        One row per order line: order_ref, line_no, happened_at, customer_ref, product_ref,
        quantity, unit_price, discount, coupon_ref, channel.
    """
    draws = world.draws
    ids = ("order_ref", "line_no")
    items = draws.geometric("order/items", F.col("items_per_order"), "order_ref")
    line_numbers = F.sequence(F.lit(1), F.least(items, F.lit(_MAX_ITEMS)))
    product = catalogue.product_reference(
        world.shop, F.col("cluster"), draws.uniform("order/product", *ids)
    )
    prices = world.products.select("product_ref", "price")
    order_lines = (
        visits.withColumn("line_no", F.explode(line_numbers))
        .withColumn("cluster", _cluster(world, "order", *ids))
        .withColumn("product_ref", product)
        .join(F.broadcast(prices), "product_ref")
    )
    # A customer's taste for dear things raises the price, up to four times.
    own_price = F.col("price") * F.least(F.col("price_level"), F.lit(4.0))
    unit_price = F.round(F.greatest(own_price, F.lit(0.01)), 2).cast(MONEY)
    quantity = draws.geometric("order/quantity", F.lit(1.3), *ids)
    is_reduced = draws.uniform("order/reduced", *ids) < F.col("discount_love")
    discount = F.when(is_reduced, F.round(unit_price * quantity * 0.15, 2)).otherwise(F.lit(0))
    uses_app = draws.uniform("order/channel", "order_ref") < 0.7
    return order_lines.select(
        "order_ref",
        F.col("line_no").cast("bigint").alias("line_no"),
        (F.col("started_at") + F.make_dt_interval(mins=F.lit(20))).alias("happened_at"),
        "customer_ref",
        "product_ref",
        quantity.cast("bigint").alias("quantity"),
        unit_price.alias("unit_price"),
        discount.cast(MONEY).alias("discount"),
        F.col("coupon_ref"),
        F.when(uses_app, "app").otherwise("web").alias("channel"),
    )


def order_visits(visits: DataFrame) -> DataFrame:
    """The visits that end in an order, with order_ref and coupon_ref."""
    return visits.where("orders_now").withColumns(
        {"order_ref": F.concat(F.lit("O"), "session_ref"), "coupon_ref": F.lit(None).cast("string")}
    )
