"""Live state of customers: their interest and their open cart; for streams and for batches."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.measures.columns.decay import decay_weight


def next_customer_state(
    events: DataFrame, state: DataFrame, *, half_life_hours: float, batch: int
) -> DataFrame:
    """The state of every customer who has an event in a batch.

    Interest is a number and its time: it halves with every half-life, and each action adds 1. The
    open cart holds what was added since the last checkout and not removed.

    Args:
        events: customer_id, happened_at, type, product_id; each event once.
        state: CUSTOMER_STATE before the batch.
        half_life_hours: half-life of interest.
        batch: number of the batch.

    Returns:
        CUSTOMER_STATE rows.
    """
    half_life = half_life_hours * 3600
    new = _summary(events, half_life=half_life).alias("new")
    old = state.alias("old")
    newest = F.greatest("new.last", "old.interest_at")

    def decayed(amount: str, at: str) -> Column:
        age = F.unix_seconds(newest) - F.unix_seconds(at)
        return F.coalesce(F.col(amount) * decay_weight(age, half_life=half_life), F.lit(0.0))

    no_products = F.array().cast("array<string>")
    old_cart = F.coalesce("old.open_cart", no_products)
    kept = F.when(F.col("has_checkout"), no_products).otherwise(old_cart)
    open_cart = F.array_except(F.array_union(kept, "added_products"), "removed_products")
    interest = decayed("new.interest", "new.last") + decayed("old.interest", "old.interest_at")
    is_same_customer = F.col("new.customer_id") == F.col("old.customer_id")
    return new.join(old, is_same_customer, "left").select(
        F.col("new.customer_id").alias("customer_id"),
        interest.alias("interest"),
        newest.alias("interest_at"),
        F.coalesce("new.product", "old.last_product_id").alias("last_product_id"),
        F.array_sort(open_cart).alias("open_cart"),
        F.coalesce("cart_changed_at", "old.cart_at").alias("cart_at"),
        F.lit(batch).cast("bigint").alias("_stream_batch"),
    )


def _summary(events: DataFrame, *, half_life: float) -> DataFrame:
    """One row per customer: the events of a batch in sum."""
    own_events = Window.partitionBy("customer_id")
    last = F.max("happened_at").over(own_events)
    is_checkout = F.col("type") == "checkout"
    last_checkout = F.max(F.when(is_checkout, F.col("happened_at"))).over(own_events)
    age = F.unix_seconds("last") - F.unix_seconds("happened_at")
    is_open = F.col("last_checkout").isNull() | (F.col("happened_at") > F.col("last_checkout"))
    changes_cart = F.col("type").isin("cart_add", "cart_remove", "checkout")
    product_time = F.when(F.col("product_id").isNotNull(), F.struct("happened_at", "product_id"))

    def products_of(type_: str) -> Column:
        return F.collect_set(F.when(is_open & (F.col("type") == type_), F.col("product_id")))

    return (
        events.withColumns({"last": last, "last_checkout": last_checkout})
        .withColumn("age", age)
        .groupBy("customer_id")
        .agg(
            F.max("last").alias("last"),
            F.sum(decay_weight(F.col("age"), half_life=half_life)).alias("interest"),
            F.max_by("product_id", product_time).alias("product"),
            F.max(F.when(changes_cart, F.col("happened_at"))).alias("cart_changed_at"),
            F.bool_or(is_checkout).alias("has_checkout"),
            products_of("cart_add").alias("added_products"),
            products_of("cart_remove").alias("removed_products"),
        )
    )
