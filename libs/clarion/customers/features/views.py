"""The facts that features look at: one view a source, each row a customer's, known by the as-of day and from before it."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.measures.columns.days import days_before, local_day
from clarion.measures.columns.position import price_position

_IN_STORE = ("visit", "dwell", "trial", "arrival", "service")


def _known(facts: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """Facts of customers from before the as-of day that had arrived by then, with age (1 = the day before), hour and weekday (1 = Monday)."""
    local = F.from_utc_timestamp("happened_at", time_zone)
    first_known = F.greatest(
        local_day("happened_at", time_zone), local_day("arrived_at", time_zone)
    )
    return (
        facts.where("customer_id IS NOT NULL")
        .where(first_known < F.lit(as_of))
        .withColumns(
            {
                "age": days_before(as_of, F.to_date(local)),
                "hour": F.hour(local),
                "weekday": F.weekday(local) + 1,
            }
        )
    )


def days(customer_days: DataFrame, *, as_of: date) -> DataFrame:
    """CUSTOMER_DAYS, one row a customer and day: its sums, age, weekday."""
    known = customer_days.where((F.col("day") < F.lit(as_of)) & (F.col("known_on") < F.lit(as_of)))
    sums = [name for name in known.columns if name not in ("customer_id", "day", "known_on")]
    # By customer first, so that adding up what became known on several days needs no further exchange.
    single = (
        known.repartition("customer_id")
        .groupBy("customer_id", "day")
        .agg(*(F.sum(name).alias(name) for name in sums))
    )
    return single.withColumns({"age": days_before(as_of, "day"), "weekday": F.weekday("day") + 1})


def orders(order_lines: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """ORDER_LINES, one row an order or return.

    Returns:
        customer_id, order_id, age, hour, weekday, amount, discount (null for a return), units, lines, returned (value of
        what came back), coupon, in_store, channel, gap_days (since the customer's order before).
    """

    def sale(value: str | Column) -> Column:
        return F.when(F.col("kind") == "sale", F.col(value) if isinstance(value, str) else value)

    by_order = (
        _known(order_lines, as_of=as_of, time_zone=time_zone)
        .repartition("customer_id")
        .groupBy("customer_id", "order_id")
        .agg(
            F.max("age").alias("age"),
            F.min("hour").alias("hour"),
            F.min("weekday").alias("weekday"),
            F.sum(sale("amount")).cast("double").alias("amount"),
            F.sum(sale(F.coalesce("discount", F.lit(0)))).cast("double").alias("discount"),
            F.sum(sale("quantity")).cast("double").alias("units"),
            F.count(sale("amount")).alias("lines"),
            F.sum(F.when(F.col("kind") == "return", F.col("amount")))
            .cast("double")
            .alias("returned"),
            F.bool_or(F.col("coupon_ref").isNotNull()).alias("coupon"),
            F.bool_or(
                F.col("store_ref").isNotNull() | (F.coalesce("channel", F.lit("")) == "store")
            ).alias("in_store"),
            F.min("channel").alias("channel"),
        )
    )
    earlier = Window.partitionBy("customer_id", F.col("amount").isNotNull()).orderBy(
        F.desc("age"), "hour", "order_id"
    )
    return by_order.withColumn(
        "gap_days", F.when(F.col("amount").isNotNull(), F.lag("age").over(earlier) - F.col("age"))
    )


def events(facts: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """EVENTS, one row each: its columns, age, hour, weekday, dwell_s, in_store, words (of a search)."""
    return _known(facts, as_of=as_of, time_zone=time_zone).withColumns(
        {
            "dwell_s": F.col("dwell_ms") / 1000,
            "in_store": F.col("type").isin(*_IN_STORE),
            "words": F.size(F.split(F.trim("query"), r"\s+")),
        }
    )


def facts(table: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """REVIEWS, RESPONSES, REDEMPTIONS or SERVICE_CONTACTS: their columns, age, hour, weekday."""
    return _known(table, as_of=as_of, time_zone=time_zone)


def traits(stated: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """TRAITS, what customers stated or surveys found: name, value, age (of the statement), hour, weekday."""
    return _known(stated.withColumnRenamed("at", "happened_at"), as_of=as_of, time_zone=time_zone)


def registrations(customers: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """CUSTOMERS, what accounts say of their owner: their columns, age (of the registration), hour, weekday, years (of the person, whole ones)."""
    known = _known(
        customers.withColumnRenamed("registered_at", "happened_at"),
        as_of=as_of,
        time_zone=time_zone,
    )
    return known.withColumn("years", F.floor(F.months_between(F.lit(as_of), "birth_date") / 12))


def interactions(strongest: DataFrame, products: DataFrame) -> DataFrame:
    """INTERACTIONS of the as-of day, with what the shop knows of the product.

    Args:
        strongest: INTERACTIONS of the day.
        products: current products.

    Returns:
        customer_id, product_id, category, brand, orders, interest, share (of the customer's interest), category_share,
        brand_share (of the product's category and brand together), first_of_category, first_of_brand (one row of each),
        price_position (0 = the cheapest of its category, 1 = the dearest; null without a price or a second product).
    """
    priced = products.select(
        "product_id", "brand", price_position("list_price", of="category").alias("price_position")
    )
    everything = Window.partitionBy("customer_id")
    joined = strongest.join(F.broadcast(priced), "product_id", "left")

    def share(*by: str) -> Column:
        known = F.coalesce(*(F.col(name) for name in by)).isNotNull() if by else F.lit(True)
        return F.when(
            known,
            F.sum("interest").over(Window.partitionBy("customer_id", *by))
            / F.sum("interest").over(everything),
        )

    def first_of(name: str) -> Column:
        return F.col(name).isNotNull() & (
            F.row_number().over(Window.partitionBy("customer_id", name).orderBy("rank")) == 1
        )

    return joined.select(
        "customer_id", "product_id", "category", "brand", "orders", "interest", "price_position",
        (F.col("interest") / F.sum("interest").over(everything)).alias("share"),
        share("category").alias("category_share"),
        share("brand").alias("brand_share"),
        first_of("category").alias("first_of_category"),
        first_of("brand").alias("first_of_brand"),
    )  # fmt: skip
