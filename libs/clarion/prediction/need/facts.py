"""What customers bought, looked at and put into the cart, by category and day."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import local_day
from clarion.prediction.need.histories import KINDS

_NO_NUMBER = 2**31 - 1  # place of a line without a number: after those that have one
_TYPES = {"view": "viewed", "cart_add": "carted", "favourite": "carted"}


def need_facts(
    order_lines: DataFrame, events: DataFrame, products: DataFrame, *, time_zone: str
) -> DataFrame:
    """Categories that customers bought, looked at or put into the cart, once a day each.

    The category with which a purchase begins is that of its first line; where lines have no
    numbers, of the line with the highest amount. A day has one: that of its first order.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        products: current products.
        time_zone: the shop's zone.

    Returns:
        customer_id, category, kind (index in KINDS), day and known (on which it was known), both
        in days since 1970.
    """
    categories = F.broadcast(
        products.where("category IS NOT NULL").select(
            "product_id", F.col("category").alias("of_product")
        )
    )
    dated = {
        "day": _day_number("happened_at", time_zone),
        "known": _day_number("arrived_at", time_zone),
    }
    lines = (
        order_lines.where("kind = 'sale' AND customer_id IS NOT NULL")
        .join(categories, "product_id")
        .withColumn("category", F.col("of_product"))
        .withColumns(dated)
    )
    place = F.struct(
        "happened_at",
        "order_id",
        F.coalesce("line_no", F.lit(_NO_NUMBER)).alias("line_no"),
        (-F.col("amount")).alias("minus_amount"),
        "product_id",
    )
    begins = (
        lines.groupBy("customer_id", "day")
        .agg(F.min_by(F.struct("category", "known"), place).alias("line"))
        .select("customer_id", "line.category", _kind("began"), "day", "line.known")
    )
    actions = (
        events.where(F.col("customer_id").isNotNull() & F.col("type").isin(*_TYPES))
        .join(categories, "product_id", "left")
        .withColumn("category", F.coalesce("of_product", "category"))
        .where("category IS NOT NULL")
        .withColumns(dated)
        .withColumn(
            "kind", F.when(F.col("type") == "view", _index("viewed")).otherwise(_index("carted"))
        )
    )
    columns = ("customer_id", "category", "kind", "day", "known")
    once = (
        lines.withColumn("kind", _index("bought"))
        .select(*columns)
        .unionByName(actions.select(*columns))
        .groupBy("customer_id", "category", "kind", "day")
        .agg(F.min("known").alias("known"))
    )
    return once.unionByName(begins).select(*columns)


def customer_histories(facts: DataFrame) -> DataFrame:
    """The facts of each customer who ever bought something, in one row.

    Args:
        facts: the frame of `need_facts`.

    Returns:
        customer_id, facts (array of category, kind, day, known).
    """
    fact = F.struct("category", "kind", "day", "known")
    has_bought = F.max(F.col("kind") == _index("began")).alias("has_bought")
    return (
        facts.groupBy("customer_id")
        .agg(F.collect_list(fact).alias("facts"), has_bought)
        .where("has_bought")
        .select("customer_id", "facts")
    )


def _day_number(instant: str, time_zone: str) -> Column:
    return F.unix_date(local_day(instant, time_zone))


def _index(kind: str) -> Column:
    return F.lit(KINDS.index(kind))


def _kind(kind: str) -> Column:
    return _index(kind).alias("kind")
