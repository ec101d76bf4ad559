"""Simulated clicks and orders of honest people, some of which look invalid."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from clarion.sim.column_draws import ColumnDraws

DAYS = 60
PRODUCTS = 400
STEP = ("id", "session", "step")
_FLASH_DAY = 45
_FLASH_PRODUCT = 3
_MAX_STEPS = 250
_ORDER = ("id", "number")


@dataclass(frozen=True, slots=True)
class HonestActivity:
    """What honest people do in sixty days.

    Args:
        spark: the session.
        draws: the random draws.
        starts_on: day of the first fact.
        people: number of people.
    """

    spark: SparkSession
    draws: ColumnDraws
    starts_on: date
    people: int

    def uniform(self, name: str, *ids: str) -> Column:
        """A number in (0, 1)."""
        return self.draws.uniform(f"noise/{name}", *ids)

    def log_normal(self, name: str, median: float, spread: float, *ids: str) -> Column:
        """A log-normal number, by its median and the standard deviation of its logarithm."""
        return median * F.exp(spread * self.draws.normal(f"noise/{name}", *ids))

    def instant(self, seconds: Column) -> Column:
        """The instant some seconds after the first day began."""
        first_micros = F.unix_micros(F.lit(self.starts_on).cast("timestamp"))
        return F.timestamp_micros(first_micros + F.floor(seconds * 1e6).cast("bigint"))

    def product(self, name: str, *ids: str) -> Column:
        """A product, with a popularity that follows Zipf's law."""
        number = whole_number(F.pow(F.lit(float(PRODUCTS)), self.uniform(name, *ids)))
        return F.format_string("P%04d", number)

    def _people(self) -> DataFrame:
        number = self.spark.range(self.people)
        return number.withColumn("customer_id", F.format_string("c%06d", "id"))

    def accounts(self) -> DataFrame:
        """One row per person.

        One in ten lives in a residence of thirty, and of the others one in three in twos. One in
        twenty joined for the flash sale.
        """
        people = self._people().withColumns(
            {"hall": whole_number(F.col("id") / 30), "house": whole_number(F.col("id") / 2)}
        )
        shared_address = F.when(
            self.uniform("in_hall", "hall") < 0.1, F.format_string("hall %d", "hall")
        ).when(self.uniform("in_twos", "house") < 0.33, F.format_string("house %d", "house"))
        joined_day = F.when(self.uniform("new", "id") < 0.05, F.lit(float(_FLASH_DAY))).otherwise(
            -600 * self.uniform("joined", "id")
        )
        return people.select(
            "customer_id",
            self.instant(joined_day * 86400).alias("registered_at"),
            F.coalesce(shared_address, F.format_string("street %d", "id")).alias("address"),
        )

    def views(self) -> DataFrame:
        """Steps of honest sessions.

        Returns:
            One row per step: id, session, step, product_id, dwell, invalid_activity, customer_id,
            device_ref, type, back.
        """
        # One view in four returns to the product of three steps before.
        returns = (self.uniform("again", *STEP) < 0.25) & (F.col("step") > 3)
        product_step = F.when(returns, F.col("step") - 3).otherwise(F.col("step"))
        shared_device = F.format_string("d%d", whole_number(F.col("id") / 2))
        own_device = F.format_string("D%d", "id")
        device = F.when(self.uniform("shared_device", "id") < 0.1, shared_device).otherwise(
            own_device
        )
        adds_to_cart = self.uniform("adds", *STEP) < 0.08
        steps = self._steps().withColumn("product_step", product_step)
        return steps.select(
            "id",
            "session",
            "step",
            self.product("product", "id", "session", "product_step").alias("product_id"),
            self.log_normal("dwell", 8.0, 1.1, *STEP).alias("dwell"),
            F.lit(None).cast("string").alias("invalid_activity"),
            "customer_id",
            device.alias("device_ref"),
            F.when(adds_to_cart, "cart_add").otherwise("view").alias("type"),
            F.lit(False).alias("back"),
        )

    def _steps(self) -> DataFrame:
        """One row per person, session and step; one session in fifty is long."""
        sessions = whole_number(1 + 5 * self.uniform("often", "id"))
        is_long = self.uniform("long", "id", "session") < 0.02
        mean_steps = F.when(is_long, F.lit(90.0)).otherwise(F.lit(9.0))
        steps = self.draws.geometric("noise/steps", mean_steps, "id", "session")
        step_numbers = F.sequence(F.lit(1), F.least(steps, F.lit(_MAX_STEPS)))
        return (
            self._people()
            .withColumn("session", F.explode(F.sequence(F.lit(1), sessions)))
            .withColumn("step", F.explode(step_numbers))
            .withColumn("step", F.col("step").cast("double"))
        )

    def session_events(self, steps: DataFrame) -> DataFrame:
        """Events of sessions; each follows the one before after that one's dwell time."""
        before = (
            Window.partitionBy("id", "session")
            .orderBy("step")
            .rowsBetween(Window.unboundedPreceding, -1)
        )
        day = whole_number(DAYS * self.uniform("day", "id", "session"))
        hour = 8 + 14 * self.uniform("time", "id", "session")
        elapsed = F.coalesce(F.sum(F.col("dwell") + 0.4).over(before), F.lit(0.0))
        is_logged_in = self.uniform("logged_in", "id", "session") < 0.6
        return steps.select(
            F.format_string("V%06d-%d-%05.1f", *STEP).alias("record_id"),
            self.instant(86400 * day + 3600 * hour + elapsed).alias("happened_at"),
            "type",
            F.when(is_logged_in, F.col("customer_id")).alias("customer_id"),
            "device_ref",
            "product_id",
            F.floor(F.col("dwell") * 1000).cast("bigint").alias("dwell_ms"),
            "invalid_activity",
        )

    def orders(self) -> DataFrame:
        """Two orders per person.

        Three people in ten come to the flash sale, and four in five looked at the product before.
        """
        orders = self._people().withColumn("number", F.explode(F.sequence(F.lit(1), F.lit(2))))
        is_attracted = (self.uniform("flash", "id") < 0.25) | (self.uniform("new", "id") < 0.05)
        in_flash_sale = (F.col("number") == 2) & is_attracted
        other_day = 8 + whole_number((DAYS - 8) * self.uniform("order_day", *_ORDER))
        day = F.when(in_flash_sale, F.lit(float(_FLASH_DAY))).otherwise(other_day)
        hour = 10 + 12 * self.uniform("order_time", *_ORDER)
        flash_product = F.format_string("P%04d", F.lit(_FLASH_PRODUCT))
        product = F.when(in_flash_sale, flash_product).otherwise(self.product("bought", *_ORDER))
        return orders.select(
            F.format_string("O%06d-%d", *_ORDER).alias("order_id"),
            self.instant(86400 * day + 3600 * hour).alias("happened_at"),
            "customer_id",
            product.alias("product_id"),
            (self.uniform("looks", *_ORDER) < 0.8).alias("looks"),
            F.format_string("D%d", "id").alias("device_ref"),
            F.lit(None).cast("string").alias("invalid_activity"),
        )

    def events_before_orders(self, orders: DataFrame) -> DataFrame:
        """A login or a view of the product, an hour before each order."""
        looks = F.col("looks")
        return orders.select(
            F.concat(F.lit("L"), "order_id").alias("record_id"),
            (F.col("happened_at") - F.make_dt_interval(mins=F.lit(60))).alias("happened_at"),
            F.when(looks, "view").otherwise("login").alias("type"),
            "customer_id",
            "device_ref",
            F.when(looks, F.col("product_id")).alias("product_id"),
            F.lit(20_000).cast("bigint").alias("dwell_ms"),
            F.lit(None).cast("string").alias("invalid_activity"),
        )


def whole_number(value: Column) -> Column:
    """The value without its fraction."""
    return F.floor(value).cast("int")
