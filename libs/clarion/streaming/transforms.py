"""Minutes, states and alerts; the same functions serve the stream and the batch that it is held against."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.measures.columns.decay import decay_weight


def kpi_minutes(events: DataFrame) -> DataFrame:
    """What was done in each minute of event time.

    Args:
        events: event_ref (each once), happened_at, type, customer_ref, device_ref; a stream or a batch.

    Returns:
        KPI_MINUTES.
    """

    def of_type(name: str) -> Column:
        return F.count_if(F.col("type") == name)

    return (
        events.groupBy(F.window("happened_at", "1 minute").alias("window"))
        .agg(
            F.count("*").alias("events"),
            of_type("view").alias("views"),
            of_type("search").alias("searches"),
            of_type("cart_add").alias("cart_adds"),
            of_type("checkout").alias("checkouts"),
            F.approx_count_distinct(F.coalesce("customer_ref", "device_ref")).alias("visitors"),
        )
        .select(
            F.col("window.start").alias("minute"),
            "events",
            "views",
            "searches",
            "cart_adds",
            "checkouts",
            "visitors",
        )
    )


def next_state(
    events: DataFrame, state: DataFrame, *, half_life_hours: float, batch: int
) -> DataFrame:
    """The state of every customer that a batch of events touches.

    Interest is a number and its time: it halves with every half-life, and each action adds 1. The open cart holds what
    was put in since the last checkout and not taken out.

    Args:
        events: customer_id, happened_at, type, product_id; each event once.
        state: CUSTOMER_STATE before the batch.
        half_life_hours: half-life of interest.
        batch: number of the batch.

    Returns:
        CUSTOMER_STATE rows.
    """
    half_life = half_life_hours * 3600
    last = F.max("happened_at").over(Window.partitionBy("customer_id"))
    checkout = F.max(F.when(F.col("type") == "checkout", F.col("happened_at"))).over(
        Window.partitionBy("customer_id")
    )
    aged = events.withColumns({"last": last, "checkout": checkout}).withColumn(
        "age", F.unix_seconds("last") - F.unix_seconds("happened_at")
    )
    open_now = F.col("checkout").isNull() | (F.col("happened_at") > F.col("checkout"))
    moves = F.col("type").isin("cart_add", "cart_remove", "checkout")
    touched = (
        aged.groupBy("customer_id")
        .agg(
            F.max("last").alias("last"),
            F.sum(decay_weight(F.col("age"), half_life=half_life)).alias("added"),
            F.max_by(
                "product_id",
                F.when(F.col("product_id").isNotNull(), F.struct("happened_at", "product_id")),
            ).alias("product"),
            F.max(F.when(moves, F.col("happened_at"))).alias("moved_at"),
            F.bool_or(F.col("type") == "checkout").alias("cleared"),
            F.collect_set(
                F.when(open_now & (F.col("type") == "cart_add"), F.col("product_id"))
            ).alias("put_in"),
            F.collect_set(
                F.when(open_now & (F.col("type") == "cart_remove"), F.col("product_id"))
            ).alias("taken_out"),
        )
        .alias("new")
    )
    old = state.alias("old")
    joined = touched.join(old, F.col("new.customer_id") == F.col("old.customer_id"), "left")
    newest = F.greatest("new.last", "old.interest_at")

    def decayed(amount: str, at: str) -> Column:
        return F.coalesce(
            F.col(amount)
            * decay_weight(F.unix_seconds(newest) - F.unix_seconds(at), half_life=half_life),
            F.lit(0.0),
        )

    before = F.when(F.col("cleared"), F.array().cast("array<string>")).otherwise(
        F.coalesce("old.open_cart", F.array().cast("array<string>"))
    )
    return joined.select(
        F.col("new.customer_id").alias("customer_id"),
        (decayed("new.added", "new.last") + decayed("old.interest", "old.interest_at")).alias(
            "interest"
        ),
        newest.alias("interest_at"),
        F.coalesce("new.product", "old.last_product_id").alias("last_product_id"),
        F.array_sort(F.array_except(F.array_union(before, "put_in"), "taken_out")).alias(
            "open_cart"
        ),
        F.coalesce("moved_at", "old.cart_at").alias("cart_at"),
        F.lit(batch).cast("bigint").alias("_stream_batch"),
    )


def price_moves(prices: DataFrame, state: DataFrame, *, threshold: float) -> DataFrame:
    """Moves of competitors' prices on matched products, each held against the price seen before.

    Args:
        prices: competitor, product_id, price, observed_at, promotion.
        state: MARKET_STATE before them.
        threshold: least relative move.

    Returns:
        MARKET_ALERTS.
    """
    known = state.select(
        "competitor",
        "product_id",
        "price",
        "observed_at",
        F.lit(None).cast("string").alias("promotion"),
        F.lit(False).alias("new"),
    )
    seen = prices.select(
        "competitor", "product_id", "price", "observed_at", "promotion", F.lit(True).alias("new")
    )
    order = Window.partitionBy("competitor", "product_id").orderBy("observed_at", "price")
    change = F.col("price").cast("double") / F.col("price_before").cast("double") - 1
    return (
        seen.unionByName(known)
        .withColumn("price_before", F.lag("price").over(order))
        .where("new AND price_before IS NOT NULL")
        .withColumn("change", change)
        .where(F.abs("change") >= threshold)
        .select(
            F.sha2(F.to_json(F.struct("competitor", "product_id", "observed_at")), 256).alias(
                "alert_id"
            ),
            "competitor",
            "product_id",
            "observed_at",
            "price_before",
            F.col("price").alias("price_after"),
            F.round("change", 9).alias("change"),
            "promotion",
        )
        .dropDuplicates(["alert_id"])
    )


def market_state(prices: DataFrame, state: DataFrame) -> DataFrame:
    """The last price seen of each competitor for each product.

    Returns:
        MARKET_STATE rows of the products that the prices name.
    """
    both = prices.select("competitor", "product_id", "price", "observed_at").unionByName(
        state.select("competitor", "product_id", "price", "observed_at")
    )
    last = F.max_by(F.struct("price", "observed_at"), F.struct("observed_at", "price"))
    return (
        both.groupBy("competitor", "product_id")
        .agg(last.alias("last"))
        .select("competitor", "product_id", "last.price", "last.observed_at")
    )
