"""Live state of customers: their interest and their open cart; for streams and for batches."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.live import CART_CHANGES, CUSTOMER_STATE, MOMENT
from clarion.measures.columns.decay import decay_weight
from clarion.streaming.carts import (
    merge_changes,
    moment_of_event,
    product_change,
    products_in,
)
from clarion.streaming.minutes import PAYMENT_STEPS

KEPT_MOMENTS = 3  # of cart adds and of payments that failed
LEAST_INTEREST = 0.001  # in a category, below which it is forgotten: ten half-lives of one action
_MOMENTS = f"array<{MOMENT}>"
# What events may lack, in SQL.
_EVENT_DEFAULTS = {
    "stated_at": "CAST(NULL AS timestamp)",
    "sequence_no": "CAST(NULL AS bigint)",
    "session_ref": "CAST(NULL AS string)",
    "category": "CAST(NULL AS string)",
    "adds_interest": "true",
}


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """Events that enter the state at once.

    Args:
        source: where they come from.
        number: number of the batch of the stream.
        day: day on which they arrived; a batch with several days enters day by day.
    """

    source: str
    number: int
    day: date

    @property
    def mark(self) -> Column:
        """What a row's `_stream_batches` says of it."""
        return F.struct(
            F.lit(self.number).cast("bigint").alias("batch"), F.lit(self.day).alias("day")
        )


def next_customer_state(
    events: DataFrame, state: DataFrame, *, half_life_hours: float, batch: StreamBatch
) -> DataFrame:
    """The state of every customer who has an event in a batch, and the rows that it ends.

    Interest is a number and its time: it halves with every half-life, and each action adds 1. The
    open cart holds what was added since the last checkout and not removed, by the time of events
    and then by their number, in whatever order they arrive.

    Args:
        events: customer_id, happened_at, type, product_id; where there are any, category,
            session_ref, sequence_no, stated_at, and adds_interest: false for an event that changes
            only the cart. Each event that adds interest once.
        state: CUSTOMER_STATE before the batch.
        half_life_hours: half-life of interest.
        batch: what the events belong to.

    Returns:
        CUSTOMER_STATE rows: the present row of each customer, and the row before it where that was
        of an earlier day.
    """
    half_life = half_life_hours * 3600
    lacking = {
        name: F.expr(sql) for name, sql in _EVENT_DEFAULTS.items() if name not in events.columns
    }
    new = _summary(events.withColumns(lacking), half_life=half_life).alias("new")
    old = state.where("valid_to IS NULL").alias("old")
    merged = new.join(old, F.col("new.customer_id") == F.col("old.customer_id"), "left")
    changes = merge_changes(
        F.col("new.changes"),
        F.coalesce("old.cart_changes", F.array().cast(CART_CHANGES)),
        checkout=F.greatest("new.checkout", "old.checkout_moment"),
    )
    present = merged.withColumns(
        {
            "changes": changes.cast(CART_CHANGES),
            "product": F.greatest("new.product", _stored("product_id", "last_product")),
            "session": F.greatest("new.session", _stored("session_ref", "last_session")),
        }
    ).select(*_present_columns(half_life, batch))
    ended = present.select("customer_id", F.col("valid_from").alias("_next_day")).join(
        state.where("valid_to IS NULL"), "customer_id"
    )
    ended = ended.where(F.col("valid_from") < F.col("_next_day")).withColumn(
        "valid_to", F.col("_next_day")
    )
    return present.unionByName(ended.select(*CUSTOMER_STATE.column_names))


def state_as_of(state: DataFrame, day: date) -> DataFrame:
    """The state of each customer as it was known at the beginning of a day.

    Args:
        state: CUSTOMER_STATE.
        day: first day that does not count.

    Returns:
        CUSTOMER_STATE rows, one per customer.
    """
    begins = F.col("valid_from") < F.lit(day)
    return state.where(begins & (F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(day))))


def _present_columns(half_life: float, batch: StreamBatch) -> list[Column]:
    """CUSTOMER_STATE's columns of the summary `new` joined with the state `old`."""
    newest = F.greatest("new.last", "old.interest_at")

    def weight(at: str) -> Column:
        age = F.unix_seconds(newest) - F.unix_seconds(at)
        return decay_weight(age, half_life=half_life)

    def decayed(amount: str, at: str) -> Column:
        return F.coalesce(F.col(amount) * weight(at), F.lit(0.0))

    def moments(name: str, stored: str) -> Column:
        both = F.concat(f"new.{name}", F.coalesce(f"old.{stored}", F.array().cast(_MOMENTS)))
        return _newest_moments(both).cast(_MOMENTS)

    by_category = F.map_zip_with(
        "new.category_interest",
        F.coalesce("old.category_interest", F.create_map().cast("map<string,double>")),
        lambda _, new, old: (
            F.coalesce(new * weight("new.last"), F.lit(0.0))
            + F.coalesce(old * weight("old.interest_at"), F.lit(0.0))
        ),
    )
    others = F.map_filter(
        F.coalesce(
            "old._stream_batches", F.create_map().cast("map<string,struct<batch:bigint,day:date>>")
        ),
        lambda source, _: source != F.lit(batch.source),
    )
    columns = {
        "customer_id": F.col("new.customer_id"),
        "valid_from": F.greatest("old.valid_from", F.lit(batch.day)),
        "valid_to": F.lit(None).cast("date"),
        "interest": (
            decayed("new.interest", "new.last") + decayed("old.interest", "old.interest_at")
        ),
        "interest_at": newest,
        "category_interest": F.map_filter(by_category, lambda _, value: value >= LEAST_INTEREST),
        "last_product_id": F.col("product.product_id"),
        "open_cart": products_in(F.col("changes")),
        "cart_at": F.greatest("new.cart_at", "old.cart_at"),
        "session_ref": F.col("session.session_ref"),
        "last_product_moment": F.col("product.moment"),
        "last_session_moment": F.col("session.moment"),
        "checkout_moment": F.greatest("new.checkout", "old.checkout_moment"),
        "cart_changes": F.col("changes"),
        "cart_add_moments": moments("cart_adds", "cart_add_moments"),
        "payment_failure_moments": moments("failures", "payment_failure_moments"),
        "_stream_batches": F.map_concat(others, F.create_map(F.lit(batch.source), batch.mark)),
    }
    return [columns[name].alias(name) for name in CUSTOMER_STATE.column_names]


def _newest_moments(moments: Column) -> Column:
    return F.slice(F.sort_array(F.array_distinct(moments), asc=False), 1, KEPT_MOMENTS)


def _stored(name: str, prefix: str) -> Column:
    """The stored moment of what was seen last, with what it was; null for none."""
    stored = "last_product_id" if prefix == "last_product" else "session_ref"
    value = F.col(f"old.{stored}")
    both = F.struct(F.col(f"old.{prefix}_moment").alias("moment"), value.alias(name))
    return F.when(value.isNotNull(), both)


def _summary(events: DataFrame, *, half_life: float) -> DataFrame:
    """One row per customer: the events of a batch in sum."""
    last = F.max("happened_at").over(Window.partitionBy("customer_id"))
    weight = decay_weight(
        F.unix_seconds("last") - F.unix_seconds("happened_at"), half_life=half_life
    )

    def moment_of(*types: str) -> Column:
        return F.when(F.col("type").isin(*types), F.col("moment"))

    session = F.when(F.col("session_ref").isNotNull(), F.struct("moment", "session_ref"))
    by_product = (
        events.withColumns({"moment": moment_of_event(), "last": last})
        .withColumns({"weight": F.when(F.col("adds_interest"), weight), "change": product_change()})
        .groupBy("customer_id", "product_id", "category")
        .agg(
            F.max("last").alias("last"),
            F.sum("weight").alias("own_interest"),
            F.max("moment").alias("moment"),
            F.max("change").alias("change"),
            F.max(moment_of("checkout")).alias("checkout"),
            F.max(session).alias("session"),
            F.collect_set(moment_of("cart_add")).alias("cart_adds"),
            F.collect_set(moment_of(*PAYMENT_STEPS)).alias("failures"),
        )
    )
    has_product = F.col("product_id").isNotNull()
    change = F.struct("change.moment", "change.is_removal", "product_id")
    own_interest = F.coalesce("own_interest", F.lit(0.0))
    of_category = F.struct("category", own_interest.alias("interest"))
    return by_product.groupBy("customer_id").agg(
        F.max("last").alias("last"),
        F.sum(own_interest).alias("interest"),
        _sum_by_category(F.collect_list(F.when(F.col("category").isNotNull(), of_category))).alias(
            "category_interest"
        ),
        F.max(F.when(has_product, F.struct("moment", "product_id"))).alias("product"),
        F.max("session").alias("session"),
        F.max("checkout").alias("checkout"),
        F.max(F.greatest("change.moment.at", "checkout.at")).alias("cart_at"),
        F.collect_list(F.when(F.col("change").isNotNull(), change)).alias("changes"),
        F.flatten(F.collect_list("cart_adds")).alias("cart_adds"),
        F.flatten(F.collect_list("failures")).alias("failures"),
    )


def _sum_by_category(parts: Column) -> Column:
    """Interest by category, of an array of category and interest."""
    categories = F.array_distinct(F.transform(parts, lambda part: part["category"]))

    def total(category: Column) -> Column:
        own = F.filter(parts, lambda part: part["category"] == category)
        return F.aggregate(own, F.lit(0.0), lambda sum_, part: sum_ + part["interest"])

    return F.map_from_arrays(categories, F.transform(categories, total))
