"""Live state of customers: their interest and their open cart; for streams and for batches."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.live import CART_CHANGES, MOMENT
from clarion.measures.columns.decay import decay_weight
from clarion.streaming.carts import (
    merge_changes,
    moment_of_event,
    product_change,
    products_in,
)

# What may be lacking, in SQL.
_EVENT_DEFAULTS = {
    "stated_at": "CAST(NULL AS timestamp)",
    "sequence_no": "CAST(NULL AS bigint)",
    "adds_interest": "true",
}
_STATE_DEFAULTS = {
    "last_product_moment": f"CAST(NULL AS {MOMENT})",
    "checkout_moment": f"CAST(NULL AS {MOMENT})",
    "cart_changes": f"CAST(NULL AS {CART_CHANGES})",
}


def next_customer_state(
    events: DataFrame, state: DataFrame, *, half_life_hours: float, batch: int
) -> DataFrame:
    """The state of every customer who has an event in a batch.

    Interest is a number and its time: it halves with every half-life, and each action adds 1. The
    open cart holds what was added since the last checkout and not removed, by the time of events
    and then by their number, in whatever order they arrive.

    Args:
        events: customer_id, happened_at, type, product_id; where there are any, sequence_no,
            stated_at, and adds_interest: false for an event that changes only the cart. Each event
            that adds interest once.
        state: CUSTOMER_STATE before the batch.
        half_life_hours: half-life of interest.
        batch: number of the batch.

    Returns:
        CUSTOMER_STATE rows.
    """
    half_life = half_life_hours * 3600
    new = _summary(_with_defaults(events, _EVENT_DEFAULTS), half_life=half_life).alias("new")
    old = _with_defaults(state, _STATE_DEFAULTS).alias("old")
    newest = F.greatest("new.last", "old.interest_at")

    def decayed(amount: str, at: str) -> Column:
        age = F.unix_seconds(newest) - F.unix_seconds(at)
        return F.coalesce(F.col(amount) * decay_weight(age, half_life=half_life), F.lit(0.0))

    interest = decayed("new.interest", "new.last") + decayed("old.interest", "old.interest_at")
    checkout = F.greatest("new.checkout", "old.checkout_moment")
    changes = merge_changes(F.col("new.changes"), _stored_changes(), checkout=checkout)
    is_same_customer = F.col("new.customer_id") == F.col("old.customer_id")
    return (
        new.join(old, is_same_customer, "left")
        .withColumns({"product": F.greatest("new.product", _stored_product()), "changes": changes})
        .select(
            F.col("new.customer_id").alias("customer_id"),
            interest.alias("interest"),
            newest.alias("interest_at"),
            F.col("product.product_id").alias("last_product_id"),
            products_in(F.col("changes")).alias("open_cart"),
            F.greatest("new.cart_at", "old.cart_at").alias("cart_at"),
            F.col("product.moment").alias("last_product_moment"),
            checkout.alias("checkout_moment"),
            F.col("changes").cast(CART_CHANGES).alias("cart_changes"),
            F.lit(batch).cast("bigint").alias("_stream_batch"),
        )
    )


def _with_defaults(frame: DataFrame, defaults: dict[str, str]) -> DataFrame:
    """The frame with the optional columns that it lacks."""
    lacking = {name: F.expr(sql) for name, sql in defaults.items() if name not in frame.columns}
    return frame.withColumns(lacking)


def _stored_changes() -> Column:
    """The changes of the state; a row that an older version wrote has only the cart."""
    moment = F.struct(
        F.col("old.cart_at").alias("at"),
        F.lit(None).cast("timestamp").alias("stated_at"),
        F.lit(None).cast("bigint").alias("sequence_no"),
    )
    from_cart = F.transform(
        "old.open_cart",
        lambda product: F.struct(
            moment.alias("moment"), F.lit(False).alias("is_removal"), product.alias("product_id")
        ),
    ).cast(CART_CHANGES)
    return F.coalesce("old.cart_changes", from_cart, F.array().cast(CART_CHANGES))


def _stored_product() -> Column:
    product = F.struct(
        F.col("old.last_product_moment").alias("moment"),
        F.col("old.last_product_id").alias("product_id"),
    )
    return F.when(F.col("old.last_product_id").isNotNull(), product)


def _summary(events: DataFrame, *, half_life: float) -> DataFrame:
    """One row per customer: the events of a batch in sum."""
    last = F.max("happened_at").over(Window.partitionBy("customer_id"))
    weight = decay_weight(
        F.unix_seconds("last") - F.unix_seconds("happened_at"), half_life=half_life
    )
    checkout = F.when(F.col("type") == "checkout", F.col("moment"))
    by_product = (
        events.withColumns({"moment": moment_of_event(), "last": last})
        .withColumns({"weight": F.when(F.col("adds_interest"), weight), "change": product_change()})
        .groupBy("customer_id", "product_id")
        .agg(
            F.max("last").alias("last"),
            F.sum("weight").alias("interest"),
            F.max("moment").alias("moment"),
            F.max("change").alias("change"),
            F.max(checkout).alias("checkout"),
        )
    )
    has_product = F.col("product_id").isNotNull()
    change = F.struct("change.moment", "change.is_removal", "product_id")
    return by_product.groupBy("customer_id").agg(
        F.max("last").alias("last"),
        F.coalesce(F.sum("interest"), F.lit(0.0)).alias("interest"),
        F.max(F.when(has_product, F.struct("moment", "product_id"))).alias("product"),
        F.max("checkout").alias("checkout"),
        F.max(F.greatest("change.moment.at", "checkout.at")).alias("cart_at"),
        F.collect_list(F.when(F.col("change").isNotNull(), change)).alias("changes"),
    )
