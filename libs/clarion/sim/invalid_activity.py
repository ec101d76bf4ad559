"""Simulated clicks and orders with accidental clicks, bots and fake orders; each is labelled.

The names of the draws are seeds: they never change.
"""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from clarion.sim.column_draws import ColumnDraws
from clarion.sim.difficulty import ActivityDifficulty
from clarion.sim.honest_activity import DAYS, PRODUCTS, STEP, HonestActivity, whole_number

_PAGE = ("id", "day", "page")
_MEMBER = ("ring", "member")


@dataclass(frozen=True, slots=True)
class SimulatedActivity:
    """Facts in the shape of silver.

    The column `invalid_activity` (accidental_click, bot, fake_order or null) is the truth, not
    shop data.

    Args:
        events: record_id, happened_at, type, customer_id, device_ref, product_id, dwell_ms.
        order_lines: order_line_id, order_id, happened_at, kind, customer_id, product_id,
            store_ref.
        customers: customer_id, registered_at, address.
    """

    events: DataFrame
    order_lines: DataFrame
    customers: DataFrame


def simulate_activity(
    spark: SparkSession, *, people: int, difficulty: ActivityDifficulty, seed: int, starts_on: date
) -> SimulatedActivity:
    """Activity of honest people, some of which looks invalid, and invalid activity.

    Honest are: views of less than a second, evenings with a hundred views, families and
    residences of thirty at one address, a flash sale that attracts many new accounts, and orders
    of people who looked on another device. There is a bot for every hundred people and a ring of
    fake orders for every two hundred.

    Args:
        spark: the session.
        people: number of honest people.
        difficulty: how much invalid activity looks like that of people.
        seed: names the draw.
        starts_on: day of the first fact.
    """
    honest = HonestActivity(spark, ColumnDraws(seed), starts_on, people)
    invalid = _InvalidActivity(honest, difficulty)
    orders = honest.orders().unionByName(invalid.fake_orders())
    steps = honest.views().unionByName(invalid.accidental_clicks())
    order_lines = orders.select(
        F.concat("order_id", F.lit("-1")).alias("order_line_id"),
        "order_id",
        "happened_at",
        F.lit("sale").alias("kind"),
        "customer_id",
        "product_id",
        F.lit(None).cast("string").alias("store_ref"),
        "invalid_activity",
    )
    return SimulatedActivity(
        honest.session_events(steps)
        .unionByName(invalid.bot_events())
        .unionByName(honest.events_before_orders(orders)),
        order_lines,
        honest.accounts().unionByName(invalid.ring_accounts()),
    )


@dataclass(frozen=True, slots=True)
class _InvalidActivity:
    honest: HonestActivity
    difficulty: ActivityDifficulty

    def accidental_clicks(self) -> DataFrame:
        """Clicks on a wrong product after one honest view in forty.

        After most of them the person returns to the product before.
        """
        chances = self.difficulty
        clicks = (
            self.honest.views()
            .where(self.honest.uniform("mistap", *STEP) < 0.025)
            .withColumns(
                {
                    "back": self.honest.uniform("back", *STEP) < chances.accidental_back,
                    "dwell": self.honest.log_normal(
                        "tap_dwell", chances.accidental_dwell, 0.4, *STEP
                    ),
                    "wrong": self.honest.product("wrong", *STEP),
                }
            )
        )
        accidental = clicks.withColumns(
            {
                "product_id": F.col("wrong"),
                "step": F.col("step") + 0.3,
                "invalid_activity": F.lit("accidental_click"),
                "type": F.lit("view"),
            }
        ).drop("wrong")
        returns = (
            clicks.where("back")
            .withColumns({"step": F.col("step") + 0.6, "dwell": F.lit(6.0), "type": F.lit("view")})
            .drop("wrong")
        )
        return accidental.unionByName(returns)

    def bot_events(self) -> DataFrame:
        """Views of bots: each works on five days, page after page."""
        chances = self.difficulty
        before = (
            Window.partitionBy("id", "day")
            .orderBy("page")
            .rowsBetween(Window.unboundedPreceding, -1)
        )
        gap = self.honest.log_normal("visit_gap", chances.visit_gap, chances.gap_spread, *_PAGE)
        day = F.col("day") * 9 + whole_number(9 * self.honest.uniform("on", "id"))
        first_second = 86400 * day + 3600 * 8 * self.honest.uniform("begin", "id", "day")
        elapsed = F.coalesce(F.sum("gap").over(before), F.lit(0.0))
        first_product = whole_number(PRODUCTS * self.honest.uniform("first", "id", "day"))
        product = F.pmod(F.col("page") + first_product, F.lit(PRODUCTS))
        adds_to_cart = self.honest.uniform("bot_adds", *_PAGE) < chances.bot_cart_rate
        return (
            self._bot_pages()
            .withColumn("gap", gap)
            .select(
                F.format_string("B%05d-%d-%05d", *_PAGE).alias("record_id"),
                self.honest.instant(first_second + elapsed).alias("happened_at"),
                F.when(adds_to_cart, "cart_add").otherwise("view").alias("type"),
                F.lit(None).cast("string").alias("customer_id"),
                F.format_string("b%d", "id").alias("device_ref"),
                F.format_string("P%04d", product).alias("product_id"),
                F.floor(F.col("gap") * 900).cast("bigint").alias("dwell_ms"),
                F.lit("bot").alias("invalid_activity"),
            )
        )

    def _bot_pages(self) -> DataFrame:
        """One row per bot, day and page."""
        bots = self.honest.spark.range(max(5, self.honest.people // 100))
        pages = whole_number(
            self.difficulty.visits * (0.5 + self.honest.uniform("many", "id", "day"))
        )
        return bots.withColumn("day", F.explode(F.sequence(F.lit(0), F.lit(4)))).withColumn(
            "page", F.explode(F.sequence(F.lit(1), pages))
        )

    def _ring_members(self) -> DataFrame:
        """One row per account of a ring: ring, member, customer_id."""
        rings = self.honest.spark.range(max(4, self.honest.people // 200)).withColumnRenamed(
            "id", "ring"
        )
        members = F.sequence(F.lit(1), F.lit(self.difficulty.ring))
        return rings.withColumn("member", F.explode(members)).withColumn(
            "customer_id", F.format_string("r%04d-%03d", *_MEMBER)
        )

    def _ring_day(self) -> Column:
        """The day on which an account of a ring orders."""
        first_day = 10 + whole_number((DAYS - 16) * self.honest.uniform("ring_day", "ring"))
        return first_day + whole_number(
            self.difficulty.ring_days * self.honest.uniform("member_day", *_MEMBER)
        )

    def ring_accounts(self) -> DataFrame:
        """One row per account of a ring."""
        chances = self.difficulty
        own_address = F.format_string("lane %d-%d", *_MEMBER)
        shares_address = self.honest.uniform("same_address", *_MEMBER) < chances.shares_address
        address = F.when(shares_address, F.format_string("ring %d", "ring")).otherwise(own_address)
        opened_day = self._ring_day() - chances.account_days * self.honest.uniform("age", *_MEMBER)
        return self._ring_members().select(
            "customer_id",
            self.honest.instant(opened_day * 86400).alias("registered_at"),
            address.alias("address"),
        )

    def fake_orders(self) -> DataFrame:
        """One order per account of a ring, all for one product."""
        chances = self.difficulty
        device = whole_number(chances.devices * self.honest.uniform("ring_device", *_MEMBER))
        hour = 9 + 10 * self.honest.uniform("ring_time", *_MEMBER)
        product = 1 + whole_number((PRODUCTS - 1) * self.honest.uniform("ring_product", "ring"))
        return self._ring_members().select(
            F.format_string("S%04d-%03d", *_MEMBER).alias("order_id"),
            self.honest.instant(86400 * self._ring_day() + 3600 * hour).alias("happened_at"),
            "customer_id",
            F.format_string("P%04d", product).alias("product_id"),
            (self.honest.uniform("ring_looks", *_MEMBER) < chances.looks_first).alias("looks"),
            F.format_string("ring%d-%d", F.col("ring"), device).alias("device_ref"),
            F.lit("fake_order").alias("invalid_activity"),
        )
