"""The views that features are computed from: one per source.

Each row belongs to a customer, happened before the as-of day and had arrived by then.
"""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.sources import IN_STORE_EVENTS
from clarion.measures.columns.days import days_before, known_sums, local_day
from clarion.measures.columns.position import price_position


def days(customer_days: DataFrame, *, as_of: date) -> DataFrame:
    """One row per customer and day.

    Args:
        customer_days: CUSTOMER_DAYS.
        as_of: first day that does not count.

    Returns:
        The sums of CUSTOMER_DAYS, age, weekday.
    """
    by_day = known_sums(customer_days, of="customer_id", as_of=as_of)
    return by_day.withColumns({"age": days_before(as_of, "day"), "weekday": F.weekday("day") + 1})


def orders(order_lines: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per order or return.

    Args:
        order_lines: ORDER_LINES.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        customer_id, order_id, age, hour, weekday, amount and discount (null for a return), units,
        lines, returned (value of returned goods), units_returned, coupon, in_store, channel,
        gap_days (since the customer's previous order).
    """

    def sale(value: str | Column) -> Column:
        amount = F.col(value) if isinstance(value, str) else value
        return F.when(F.col("kind") == "sale", amount)

    def sent_back(value: str) -> Column:
        return F.when(F.col("kind") == "return", F.col(value))

    in_store = F.col("store_ref").isNotNull() | (F.coalesce("channel", F.lit("")) == "store")
    orders_and_returns = (
        known_facts(order_lines, as_of=as_of, time_zone=time_zone)
        .where("kind <> 'no_sale'")
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
            F.sum(sent_back("amount")).cast("double").alias("returned"),
            F.sum(sent_back("quantity")).cast("double").alias("units_returned"),
            F.bool_or(F.col("coupon_ref").isNotNull()).alias("coupon"),
            F.bool_or(in_store).alias("in_store"),
            F.min("channel").alias("channel"),
        )
    )
    is_order = F.col("amount").isNotNull()
    by_time = Window.partitionBy("customer_id", is_order).orderBy(F.desc("age"), "hour", "order_id")
    return orders_and_returns.withColumn(
        "gap_days", F.when(is_order, F.lag("age").over(by_time) - F.col("age"))
    )


def events(facts: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per event.

    Args:
        facts: EVENTS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        The columns of EVENTS, age, hour, weekday, dwell_s, in_store, words (of a search).
    """
    return known_facts(facts, as_of=as_of, time_zone=time_zone).withColumns(
        {
            "dwell_s": F.col("dwell_ms") / 1000,
            "in_store": F.col("type").isin(*IN_STORE_EVENTS),
            "words": F.size(F.split(F.trim("query"), r"\s+")),
        }
    )


def facts(table: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per fact of REVIEWS, RESPONSES or REDEMPTIONS.

    Args:
        table: the silver table.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        The table's columns, age, hour, weekday.
    """
    return known_facts(table, as_of=as_of, time_zone=time_zone)


def contacts(service_contacts: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per contact with the shop's service; one that was sent again in its last version.

    Args:
        service_contacts: SERVICE_CONTACTS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        The columns of SERVICE_CONTACTS, age, hour, weekday, is_settled (before the as-of day).
    """
    known = known_facts(service_contacts, as_of=as_of, time_zone=time_zone).withColumn(
        "is_settled", F.coalesce(local_day("resolved_at", time_zone) < F.lit(as_of), F.lit(False))
    )
    versions = Window.partitionBy("_source", "contact_ref").orderBy(
        F.desc("arrived_at"), F.desc("is_settled"), "record_id"
    )
    newest = F.row_number().over(versions) == 1
    return known.withColumn("_is_newest", newest).where("_is_newest").drop("_is_newest")


def traits(statements: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per answer to a survey or statement of a customer.

    Args:
        statements: TRAITS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        name, value, age (of the statement), hour, weekday.
    """
    dated = statements.withColumnRenamed("at", "happened_at")
    return known_facts(dated, as_of=as_of, time_zone=time_zone)


def ties(statements: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per tie and end: a tie between two customers has a row for each of them.

    Args:
        statements: TIES.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        customer_id, other_id (customer at the other end), side ('from' for who recommends or
        follows, else 'to'), kind, strength, age, hour, weekday.
    """

    def end(own: str, other: str) -> Column:
        side = F.lit(own.removesuffix("_id")).alias("side")
        return F.struct(F.col(own).alias("customer_id"), F.col(other).alias("other_id"), side)

    # Two accounts of one person are no tie.
    ends = F.array(end("from_id", "to_id"), end("to_id", "from_id"))
    of_customers = statements.where("from_id <> to_id").select(
        F.inline(ends), "kind", "strength", F.col("at").alias("happened_at"), "arrived_at"
    )
    return known_facts(of_customers, as_of=as_of, time_zone=time_zone)


def registrations(customers: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per account.

    Args:
        customers: CUSTOMERS.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        The columns of CUSTOMERS, age (days since registering), hour, weekday, years (whole years
        since the person's birth).
    """
    accounts = known_facts(
        customers.withColumnRenamed("registered_at", "happened_at"),
        as_of=as_of,
        time_zone=time_zone,
    )
    return accounts.withColumn("years", F.floor(F.months_between(F.lit(as_of), "birth_date") / 12))


def interactions(top_interests: DataFrame, products: DataFrame) -> DataFrame:
    """The products of most interest to each customer, with facts about the product.

    Args:
        top_interests: INTERACTIONS of the day.
        products: current products.

    Returns:
        customer_id, product_id, category, brand, orders, interest, share (of the customer's
        interest), category_share and brand_share (of all products of the category or brand),
        first_of_category and first_of_brand (true for one row of each), price_position (0 = the
        cheapest of its category, 1 = the dearest; null without a price or a second product).
    """
    brands_and_prices = products.select(
        "product_id", "brand", price_position("list_price", of="category").alias("price_position")
    )
    joined = top_interests.join(F.broadcast(brands_and_prices), "product_id", "left")
    total_interest = F.sum("interest").over(Window.partitionBy("customer_id"))

    def share_of(name: str) -> Column:
        interest = F.sum("interest").over(Window.partitionBy("customer_id", name))
        return F.when(F.col(name).isNotNull(), interest / total_interest)

    def is_first_of(name: str) -> Column:
        by_rank = Window.partitionBy("customer_id", name).orderBy("rank")
        return F.col(name).isNotNull() & (F.row_number().over(by_rank) == 1)

    return joined.select(
        "customer_id",
        "product_id",
        "category",
        "brand",
        "orders",
        "interest",
        "price_position",
        (F.col("interest") / total_interest).alias("share"),
        share_of("category").alias("category_share"),
        share_of("brand").alias("brand_share"),
        is_first_of("category").alias("first_of_category"),
        is_first_of("brand").alias("first_of_brand"),
    )


def known_facts(facts: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """Facts of customers that happened and arrived before the as-of day.

    Returns:
        The columns of the facts, age (days, 1 = the day before), hour, weekday (1 = Monday).
    """
    local_time = F.from_utc_timestamp("happened_at", time_zone)
    first_known = F.greatest(
        local_day("happened_at", time_zone), local_day("arrived_at", time_zone)
    )
    return (
        facts.where("customer_id IS NOT NULL")
        .where(first_known < F.lit(as_of))
        .withColumns(
            {
                "age": days_before(as_of, F.to_date(local_time)),
                "hour": F.hour(local_time),
                "weekday": F.weekday(local_time) + 1,
            }
        )
    )
