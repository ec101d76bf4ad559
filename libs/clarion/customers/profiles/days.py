"""Sums of customers and products by day."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.sources import MONEY
from clarion.measures.columns.days import local_day

_SALE_SUMS = ("quantity", "amount", "discount")
_STORE_VISITS = ("visit", "arrival", "trial", "dwell")


def customer_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """What each customer did on each day, by the day on which the shop learned of it.

    A line that a newer version replaces is taken off on the day on which that became known. So the
    sums of what was known on any day are those of the versions that counted then.

    Args:
        order_lines: ORDER_LINES; with replaced_at, where lines were delivered again.
        events: EVENTS.
        time_zone: the shop's zone.

    Returns:
        CUSTOMER_DAYS.
    """
    keys = ("customer_id", "day", "known_on")
    lines = order_lines.where("customer_id IS NOT NULL")
    orders = _order_sums(lines, of="customer_id", time_zone=time_zone)

    def count_of(*types: str) -> Column:
        return F.count_if(F.col("type").isin(*types))

    actions = (
        events.where("customer_id IS NOT NULL")
        .withColumns(day_columns(time_zone))
        .groupBy(*keys)
        .agg(
            count_of("view", "review_view").alias("views"),
            count_of("search").alias("searches"),
            count_of("cart_add").alias("cart_adds"),
            count_of("login").alias("logins"),
            count_of(*_STORE_VISITS).alias("visits"),
            F.count("*").alias("events"),
        )
    )
    types = {
        "orders": "bigint",
        "lines": "bigint",
        "quantity": MONEY,
        "amount": MONEY,
        "discount": MONEY,
        "returned": MONEY,
        "views": "bigint",
        "searches": "bigint",
        "cart_adds": "bigint",
        "logins": "bigint",
        "visits": "bigint",
        "events": "bigint",
    }
    return _sum_by(orders.unionByName(actions, allowMissingColumns=True), keys, types=types)


def product_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """Sales and views of each product on each day, by the day on which the shop learned of them.

    Args:
        order_lines: ORDER_LINES; with replaced_at, where lines were delivered again.
        events: EVENTS.
        time_zone: the shop's zone.

    Returns:
        PRODUCT_DAYS.
    """
    keys = ("product_id", "day", "known_on")
    orders = _order_sums(order_lines, of="product_id", time_zone=time_zone)
    actions = (
        events.where("product_id IS NOT NULL")
        .withColumns(day_columns(time_zone))
        .groupBy(*keys)
        .agg(
            F.count_if(F.col("type") == "view").alias("views"),
            F.count_if(F.col("type") == "cart_add").alias("cart_adds"),
        )
    )
    types = {
        "orders": "bigint",
        "views": "bigint",
        "cart_adds": "bigint",
        "quantity": MONEY,
        "amount": MONEY,
        "returned": MONEY,
    }
    return _sum_by(orders.unionByName(actions, allowMissingColumns=True), keys, types=types)


def day_columns(time_zone: str) -> dict[str, Column]:
    """The columns day and known_on of a fact, on the shop's calendar."""
    day = local_day("happened_at", time_zone)
    # A fact known before its own time (a wrong clock) counts as known on its day.
    return {"day": day, "known_on": F.greatest(day, local_day("arrived_at", time_zone))}


def _order_sums(order_lines: DataFrame, *, of: str, time_zone: str) -> DataFrame:
    """Sums of each order's lines by day and day of knowing, for each customer or product.

    An order counts once, on the day of the first of its sales that became known, for as long as
    one of its lines is a sale.

    Args:
        order_lines: ORDER_LINES, also with replaced_at.
        of: customer_id or product_id.
        time_zone: the shop's zone.

    Returns:
        `of`, day, known_on, orders, lines, quantity, amount, discount, returned.
    """
    by_order = (
        _entries(order_lines)
        .withColumns(day_columns(time_zone))
        # What follows needs no further exchange.
        .repartition(of, "order_id")
        .groupBy(of, "order_id", "known_on", "day")
        .agg(
            F.sum(_signed(F.lit(1), "sale")).alias("lines"),
            *(F.sum(_signed(F.col(name), "sale")).alias(name) for name in _SALE_SUMS),
            F.sum(_signed(F.col("amount"), "return")).alias("returned"),
        )
    )
    order = Window.partitionBy(of, "order_id")
    by_knowing = order.orderBy("known_on", "day")
    of_knowing = Window.partitionBy(of, "order_id", "known_on")
    whole = by_knowing.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    sale_day = F.when(F.col("lines") > 0, F.col("day"))
    known = F.sum("lines").over(order.orderBy("known_on"))
    known_before = F.coalesce(known, F.lit(0)) - F.coalesce(
        F.sum("lines").over(of_knowing), F.lit(0)
    )
    change = F.coalesce(known > 0, F.lit(False)).cast("int") - (known_before > 0).cast("int")
    placed = by_order.withColumns(
        {
            "_order_day": F.first(sale_day, ignorenulls=True).over(whole),
            "_change": change,
            "_is_last": F.row_number().over(of_knowing.orderBy(F.col("day")))
            == F.count("*").over(of_knowing),
        }
    )
    sums = ("lines", *_SALE_SUMS, "returned")
    of_lines = F.struct(
        "day", F.lit(0).alias("orders"), *(F.col(name).alias(name) for name in sums)
    )
    types = dict(by_order.dtypes)
    of_order = F.struct(
        F.col("_order_day").alias("day"),
        F.col("_change").alias("orders"),
        *(F.lit(0).cast(types[name]).alias(name) for name in sums),
    )
    changes = F.when(F.col("_is_last") & (F.col("_change") != 0), of_order)
    return placed.select(of, "known_on", F.inline(F.array_compact(F.array(of_lines, changes))))


def _entries(order_lines: DataFrame) -> DataFrame:
    """Each line as it became known, and taken back as its newer version did, with is_taken_back."""
    if "replaced_at" not in order_lines.columns:
        return order_lines.withColumn("is_taken_back", F.lit(False))
    entry = F.struct("arrived_at", F.lit(False).alias("is_taken_back"))
    replaced = F.struct(
        F.col("replaced_at").alias("arrived_at"), F.lit(True).alias("is_taken_back")
    )
    entries = F.array_compact(F.array(entry, F.when(F.col("replaced_at").isNotNull(), replaced)))
    columns = [name for name in order_lines.columns if name != "arrived_at"]
    return order_lines.select(*columns, F.inline(entries))


def _signed(value: Column, kind: str) -> Column:
    """A line's value where it is of a kind; less than zero where the line is taken back."""
    signed = F.when(F.col("is_taken_back"), -value).otherwise(value)
    return F.when(F.col("kind") == kind, signed)


def _sum_by(frame: DataFrame, keys: tuple[str, ...], *, types: dict[str, str]) -> DataFrame:
    """Sums by key, each in its type; a sum of nothing is zero."""

    def total(name: str, type_: str) -> Column:
        return F.coalesce(F.sum(name), F.lit(0)).cast(type_).alias(name)

    return frame.groupBy(*keys).agg(*(total(name, type_) for name, type_ in types.items()))
