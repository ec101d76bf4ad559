"""Clicks and orders of people, with planted accidental clicks, bots and fake orders.

The truth about each fact is known. The names of the draws are seeds: they never change.
"""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from clarion.sim.draws import Draws

DAYS = 60
_PRODUCTS = 400
_FLASH_DAY, _FLASH_PRODUCT = 45, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """How much invalid activity looks like people.

    Args:
        accidental_dwell: median seconds before an accidental click is undone.
        accidental_back: chance that the person goes back to where they were, instead of on.
        visits: pages a bot visits on a day.
        visit_gap: median seconds between two of its pages.
        gap_spread: standard deviation of the logarithm of that gap.
        bot_adds: chance that a bot puts a product into a cart.
        ring: accounts that place fake orders for one product.
        ring_days: days over which they place them.
        devices: devices that a ring uses.
        shares_address: chance that an account of a ring states the ring's address.
        looks_first: chance that it views the product before.
        account_days: greatest age of its accounts.
    """

    accidental_dwell: float
    accidental_back: float
    visits: int
    visit_gap: float
    gap_spread: float
    bot_adds: float
    ring: int
    ring_days: int
    devices: int
    shares_address: float
    looks_first: float
    account_days: int


DIFFICULTIES = {
    "easy": Difficulty(
        accidental_dwell=0.4, accidental_back=0.97, visits=400, visit_gap=2.0, gap_spread=0.1, bot_adds=0.0,
        ring=25, ring_days=1, devices=2, shares_address=1.0, looks_first=0.02, account_days=4,
    ),
    "default": Difficulty(
        accidental_dwell=0.7, accidental_back=0.85, visits=200, visit_gap=12.0, gap_spread=0.5, bot_adds=0.002,
        ring=14, ring_days=2, devices=4, shares_address=0.6, looks_first=0.2, account_days=25,
    ),
    "hard": Difficulty(
        accidental_dwell=1.1, accidental_back=0.6, visits=110, visit_gap=30.0, gap_spread=1.0, bot_adds=0.01,
        ring=8, ring_days=4, devices=6, shares_address=0.3, looks_first=0.6, account_days=80,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlantedActivity:
    """Facts in the shape of silver, with the truth in the column `invalid_activity`.

    It is accidental_click, bot, fake_order or null.

    Args:
        events: record_id, happened_at, type, customer_id, device_ref, product_id, dwell_ms.
        lines: order_line_id, order_id, happened_at, kind, customer_id, product_id, store_ref.
        customers: customer_id, registered_at, address.
    """

    events: DataFrame
    lines: DataFrame
    customers: DataFrame


def plant(
    spark: SparkSession, *, people: int, difficulty: Difficulty, seed: int, starts_on: date
) -> PlantedActivity:
    """Honest people, among them some who are easily mistaken, and planted invalid activity.

    Honest are: glances of less than a second, evenings with a hundred views, families and halls of
    thirty at one address, a flash sale to which many new accounts come, and orders of people who
    viewed the product on another device. There is one bot per hundred people, and one ring per two
    hundred.
    """
    world = _World(spark, Draws(seed), difficulty, starts_on, people)
    views, accidental_clicks = world.views(), world.accidental_clicks()
    honest_orders, fake_orders = world.orders(), world.fake_orders()
    lines = honest_orders.unionByName(fake_orders)
    return PlantedActivity(
        world.stepped(views.unionByName(accidental_clicks)).unionByName(world.bots()).unionByName(world.logins(lines)),
        lines.select(
            F.concat("order_id", F.lit("-1")).alias("order_line_id"), "order_id", "happened_at", F.lit("sale").alias("kind"), "customer_id", "product_id",
            F.lit(None).cast("string").alias("store_ref"), "invalid_activity",
        ),
        world.accounts().unionByName(world.ring_accounts()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _World:
    spark: SparkSession
    draws: Draws
    difficulty: Difficulty
    starts_on: date
    people: int

    def _u(self, name: str, *ids: str) -> Column:
        return self.draws.uniform(f"noise/{name}", *ids)

    def _log_normal(self, name: str, median: float, spread: float, *ids: str) -> Column:
        return median * F.exp(spread * self.draws.normal(f"noise/{name}", *ids))

    def _whole(self, value: Column) -> Column:
        return F.floor(value).cast("int")

    def _at(self, seconds: Column) -> Column:
        """The instant some seconds after the first day began."""
        return F.timestamp_micros(
            F.unix_micros(F.lit(self.starts_on).cast("timestamp"))
            + F.floor(seconds * 1e6).cast("bigint")
        )

    def _product(self, name: str, *ids: str) -> Column:
        """Popularity by Zipf's law."""
        return F.format_string(
            "P%04d", self._whole(F.pow(F.lit(float(_PRODUCTS)), self._u(name, *ids)))
        )

    def _persons(self) -> DataFrame:
        return self.spark.range(self.people).withColumn(
            "customer_id", F.format_string("c%06d", "id")
        )

    def accounts(self) -> DataFrame:
        """One in ten lives in a hall of thirty, of the others one in three in twos; one in twenty joined for the flash sale."""
        placed = self._persons().withColumns(
            {"hall": self._whole(F.col("id") / 30), "house": self._whole(F.col("id") / 2)}
        )
        home = F.when(self._u("in_hall", "hall") < 0.1, F.format_string("hall %d", "hall")).when(
            self._u("in_twos", "house") < 0.33, F.format_string("house %d", "house")
        )
        joined = F.when(self._u("new", "id") < 0.05, F.lit(float(_FLASH_DAY))).otherwise(
            -600 * self._u("joined", "id")
        )
        return placed.select(
            "customer_id",
            self._at(joined * 86400).alias("registered_at"),
            F.coalesce(home, F.format_string("street %d", "id")).alias("address"),
        )

    def views(self) -> DataFrame:
        """Sessions of people: id, session, step, product_id, dwell, invalid_activity, customer_id, device_ref, type, back."""
        ids = ("id", "session", "step")
        visits = self._persons().withColumn(
            "session", F.explode(F.sequence(F.lit(1), self._whole(1 + 5 * self._u("often", "id"))))
        )
        steps = F.least(
            self.draws.geometric(
                "noise/steps",
                F.when(self._u("long", "id", "session") < 0.02, F.lit(90.0)).otherwise(F.lit(9.0)),
                "id",
                "session",
            ),
            F.lit(250),
        )
        walked = visits.withColumn("step", F.explode(F.sequence(F.lit(1), steps))).withColumn(
            "step", F.col("step").cast("double")
        )
        # One view in four goes back to a product that was looked at three steps before.
        place = F.when(
            (self._u("again", *ids) < 0.25) & (F.col("step") > 3), F.col("step") - 3
        ).otherwise(F.col("step"))
        named = walked.withColumn("place", place)
        in_twos = F.format_string("d%d", self._whole(F.col("id") / 2))
        device = F.when(self._u("shared_device", "id") < 0.1, in_twos).otherwise(
            F.format_string("D%d", "id")
        )
        return named.select(
            "id", "session", "step", self._product("product", "id", "session", "place").alias("product_id"),
            self._log_normal("dwell", 8.0, 1.1, *ids).alias("dwell"), F.lit(None).cast("string").alias("invalid_activity"), "customer_id",
            device.alias("device_ref"),
            F.when(self._u("adds", *ids) < 0.08, "cart_add").otherwise("view").alias("type"), F.lit(False).alias("back"),
        )  # fmt: skip

    def accidental_clicks(self) -> DataFrame:
        """After one honest view in forty a click on another product, mostly followed by a return."""
        ids, hard = ("id", "session", "step"), self.difficulty
        chosen = self.views().where(self._u("mistap", *ids) < 0.025)
        tap = chosen.withColumns(
            {
                "back": self._u("back", *ids) < hard.accidental_back,
                "dwell": self._log_normal("tap_dwell", hard.accidental_dwell, 0.4, *ids),
                "wrong": self._product("wrong", *ids),
            }
        )
        there = tap.withColumns(
            {
                "product_id": F.col("wrong"),
                "step": F.col("step") + 0.3,
                "invalid_activity": F.lit("accidental_click"),
                "type": F.lit("view"),
            }
        ).drop("wrong")
        again = (
            tap.where("back")
            .withColumns({"step": F.col("step") + 0.6, "dwell": F.lit(6.0), "type": F.lit("view")})
            .drop("wrong")
        )
        return there.unionByName(again)

    def stepped(self, steps: DataFrame) -> DataFrame:
        """Events of sessions, each as long after the one before as that one was looked at."""
        until = (
            Window.partitionBy("id", "session")
            .orderBy("step")
            .rowsBetween(Window.unboundedPreceding, -1)
        )
        begin = 86400 * self._whole(DAYS * self._u("day", "id", "session")) + 3600 * (
            8 + 14 * self._u("time", "id", "session")
        )
        return steps.select(
            F.format_string("V%06d-%d-%05.1f", "id", "session", "step").alias("record_id"),
            self._at(begin + F.coalesce(F.sum(F.col("dwell") + 0.4).over(until), F.lit(0.0))).alias("happened_at"),
            "type", F.when(self._u("logged_in", "id", "session") < 0.6, F.col("customer_id")).alias("customer_id"), "device_ref", "product_id",
            F.floor(F.col("dwell") * 1000).cast("bigint").alias("dwell_ms"), "invalid_activity",
        )  # fmt: skip

    def bots(self) -> DataFrame:
        """Bots on five days each, page after page, some with a break at night."""
        hard, ids = self.difficulty, ("id", "day", "page")
        days = self.spark.range(max(5, self.people // 100)).withColumn(
            "day", F.explode(F.sequence(F.lit(0), F.lit(4)))
        )
        pages = days.withColumn(
            "page",
            F.explode(
                F.sequence(
                    F.lit(1), self._whole(hard.visits * (0.5 + self._u("many", "id", "day")))
                )
            ),
        )
        gap = self._log_normal("visit_gap", hard.visit_gap, hard.gap_spread, *ids)
        until = (
            Window.partitionBy("id", "day")
            .orderBy("page")
            .rowsBetween(Window.unboundedPreceding, -1)
        )
        begin = 86400 * (
            F.col("day") * 9 + self._whole(9 * self._u("on", "id"))
        ) + 3600 * 8 * self._u("begin", "id", "day")
        listed = F.pmod(
            F.col("page") + self._whole(_PRODUCTS * self._u("first", "id", "day")), F.lit(_PRODUCTS)
        )
        return pages.withColumn("gap", gap).select(
            F.format_string("B%05d-%d-%05d", *ids).alias("record_id"),
            self._at(begin + F.coalesce(F.sum("gap").over(until), F.lit(0.0))).alias("happened_at"),
            F.when(self._u("bot_adds", *ids) < hard.bot_adds, "cart_add").otherwise("view").alias("type"),
            F.lit(None).cast("string").alias("customer_id"), F.format_string("b%d", "id").alias("device_ref"),
            F.format_string("P%04d", listed).alias("product_id"), F.floor(F.col("gap") * 900).cast("bigint").alias("dwell_ms"), F.lit("bot").alias("invalid_activity"),
        )  # fmt: skip

    def orders(self) -> DataFrame:
        """Two a person; three in ten come to the flash sale, and four in five looked at the product before."""
        ids = ("id", "number")
        bought = self._persons().withColumn("number", F.explode(F.sequence(F.lit(1), F.lit(2))))
        flash = (F.col("number") == 2) & (
            (self._u("flash", "id") < 0.25) | (self._u("new", "id") < 0.05)
        )
        day = F.when(flash, F.lit(float(_FLASH_DAY))).otherwise(
            8 + self._whole((DAYS - 8) * self._u("order_day", *ids))
        )
        return bought.select(
            F.format_string("O%06d-%d", *ids).alias("order_id"), self._at(86400 * day + 3600 * (10 + 12 * self._u("order_time", *ids))).alias("happened_at"),
            "customer_id", F.when(flash, F.format_string("P%04d", F.lit(_FLASH_PRODUCT))).otherwise(self._product("bought", *ids)).alias("product_id"),
            (self._u("looks", *ids) < 0.8).alias("looks"), F.format_string("D%d", "id").alias("device_ref"), F.lit(None).cast("string").alias("invalid_activity"),
        )  # fmt: skip

    def _rings(self) -> DataFrame:
        hard = self.difficulty
        rings = self.spark.range(max(4, self.people // 200)).withColumnRenamed("id", "ring")
        member = rings.withColumn("member", F.explode(F.sequence(F.lit(1), F.lit(hard.ring))))
        return member.withColumn("customer_id", F.format_string("r%04d-%03d", "ring", "member"))

    def _ring_day(self) -> Column:
        return (
            10
            + self._whole((DAYS - 16) * self._u("ring_day", "ring"))
            + self._whole(self.difficulty.ring_days * self._u("member_day", "ring", "member"))
        )

    def ring_accounts(self) -> DataFrame:
        hard = self.difficulty
        own = F.format_string("lane %d-%d", "ring", "member")
        shared = F.when(
            self._u("same_address", "ring", "member") < hard.shares_address,
            F.format_string("ring %d", "ring"),
        ).otherwise(own)
        opened = self._ring_day() - hard.account_days * self._u("age", "ring", "member")
        return self._rings().select(
            "customer_id", self._at(opened * 86400).alias("registered_at"), shared.alias("address")
        )

    def fake_orders(self) -> DataFrame:
        hard, ids = self.difficulty, ("ring", "member")
        device = self._whole(hard.devices * self._u("ring_device", *ids))
        at = 86400 * self._ring_day() + 3600 * (9 + 10 * self._u("ring_time", *ids))
        return self._rings().select(
            F.format_string("S%04d-%03d", *ids).alias("order_id"), self._at(at).alias("happened_at"),
            "customer_id", F.format_string("P%04d", 1 + self._whole((_PRODUCTS - 1) * self._u("ring_product", "ring"))).alias("product_id"),
            (self._u("ring_looks", *ids) < hard.looks_first).alias("looks"), F.format_string("ring%d-%d", F.col("ring"), device).alias("device_ref"),
            F.lit("fake_order").alias("invalid_activity"),
        )  # fmt: skip

    def logins(self, ordered: DataFrame) -> DataFrame:
        """An hour before each order a login, or a look at what is bought."""
        looked = F.col("looks")
        return ordered.select(
            F.concat(F.lit("L"), "order_id").alias("record_id"), (F.col("happened_at") - F.make_dt_interval(mins=F.lit(60))).alias("happened_at"),
            F.when(looked, "view").otherwise("login").alias("type"), "customer_id", "device_ref", F.when(looked, F.col("product_id")).alias("product_id"),
            F.lit(20_000).cast("bigint").alias("dwell_ms"), F.lit(None).cast("string").alias("invalid_activity"),
        )  # fmt: skip
