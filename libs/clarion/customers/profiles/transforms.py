"""Facts summed by day, and profiles summed from days."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.customers.profiles.settings import ProfileSettings
from clarion.measures.columns.days import days_before, local_day
from clarion.measures.columns.decay import decay_weight

MONEY = "decimal(18,4)"
_STORE_VISITS = ("visit", "arrival", "trial", "dwell")


def _days(time_zone: str) -> dict[str, Column]:
    day = local_day("happened_at", time_zone)
    # A fact known before its own time (a wrong clock) counts as known on its day.
    return {"day": day, "known_on": F.greatest(day, local_day("arrived_at", time_zone))}


def _sale(value: str) -> Column:
    return F.when(F.col("kind") == "sale", F.col(value))


def _zero_filled(frame: DataFrame, sums: dict[str, str], keys: tuple[str, ...]) -> DataFrame:
    """Sum by key, nothing as zero, each sum in its column's type."""
    return frame.groupBy(*keys).agg(
        *(F.coalesce(F.sum(name), F.lit(0)).cast(type_).alias(name) for name, type_ in sums.items())
    )


def customer_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """What each customer did on each day, by the day on which the shop came to know of it.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        time_zone: the shop's zone.

    Returns:
        CUSTOMER_DAYS.
    """
    keys = ("customer_id", "day", "known_on")
    # Orders first: counting distinct orders in the second step would triple the cost.
    per_order = (
        order_lines.where("customer_id IS NOT NULL")
        .withColumns(_days(time_zone))
        .groupBy(*keys, "order_id")
        .agg(
            F.count(_sale("amount")).alias("lines"),
            F.sum(_sale("quantity")).alias("quantity"),
            F.sum(_sale("amount")).alias("amount"),
            F.sum(_sale("discount")).alias("discount"),
            F.sum(F.when(F.col("kind") == "return", F.col("amount"))).alias("returned"),
        )
        .withColumn("orders", F.when(F.col("lines") > 0, 1))
    )

    def of_type(*types: str) -> Column:
        return F.count_if(F.col("type").isin(*types))

    per_visit = (
        events.where("customer_id IS NOT NULL")
        .withColumns(_days(time_zone))
        .groupBy(*keys)
        .agg(
            of_type("view", "review_view").alias("views"),
            of_type("search").alias("searches"),
            of_type("cart_add").alias("cart_adds"),
            of_type("login").alias("logins"),
            of_type(*_STORE_VISITS).alias("visits"),
            F.count("*").alias("events"),
        )
    )
    counts = dict.fromkeys(("orders", "lines"), "bigint") | dict.fromkeys(
        ("quantity", "amount", "discount", "returned"), MONEY
    )
    counts |= dict.fromkeys(
        ("views", "searches", "cart_adds", "logins", "visits", "events"), "bigint"
    )
    return _zero_filled(
        per_order.drop("order_id").unionByName(per_visit, allowMissingColumns=True), counts, keys
    )


def product_days(order_lines: DataFrame, events: DataFrame, *, time_zone: str) -> DataFrame:
    """What was sold and looked at of each product on each day, by the day on which the shop came to know of it.

    Returns:
        PRODUCT_DAYS.
    """
    keys = ("product_id", "day", "known_on")
    sold = (
        order_lines.withColumns(_days(time_zone))
        .groupBy(*keys, "order_id")
        .agg(
            F.sum(_sale("quantity")).alias("quantity"),
            F.sum(_sale("amount")).alias("amount"),
            F.sum(F.when(F.col("kind") == "return", F.col("amount"))).alias("returned"),
        )
        .withColumn("orders", F.when(F.col("quantity").isNotNull(), 1))
        .drop("order_id")
    )
    seen = (
        events.where("product_id IS NOT NULL")
        .withColumns(_days(time_zone))
        .groupBy(*keys)
        .agg(
            F.count_if(F.col("type") == "view").alias("views"),
            F.count_if(F.col("type") == "cart_add").alias("cart_adds"),
        )
    )
    counts = dict.fromkeys(("orders", "views", "cart_adds"), "bigint") | dict.fromkeys(
        ("quantity", "amount", "returned"), MONEY
    )
    return _zero_filled(sold.unionByName(seen, allowMissingColumns=True), counts, keys)


def interests(
    order_lines: DataFrame,
    events: DataFrame,
    products: DataFrame,
    *,
    as_of: date,
    time_zone: str,
    settings: ProfileSettings,
) -> DataFrame:
    """Each customer's time-decayed interest in each product.

    A purchase counts as `purchase_interest` views and a cart add as `cart_interest`; each halves with every half-life.

    Args:
        order_lines: ORDER_LINES.
        events: EVENTS.
        products: current products.
        as_of: first day that does not count.
        time_zone: the shop's zone.
        settings: weights and half-life.

    Returns:
        One row per customer and product: customer_id, product_id, category, orders, interest.
    """
    weight = {"view": 1.0, "favourite": settings.cart_interest, "cart_add": settings.cart_interest}
    by_type = F.coalesce(
        *(F.when(F.col("type") == name, F.lit(value)) for name, value in weight.items())
    )
    bought = order_lines.where("kind = 'sale'").select(
        "customer_id",
        "product_id",
        "happened_at",
        "arrived_at",
        F.lit(settings.purchase_interest).alias("weight"),
        F.lit(1).alias("orders"),
    )
    seen = events.where("product_id IS NOT NULL").select(
        "customer_id",
        "product_id",
        "happened_at",
        "arrived_at",
        by_type.alias("weight"),
        F.lit(0).alias("orders"),
    )
    known = (
        (F.col("day") < F.lit(as_of))
        & (F.col("known_on") < F.lit(as_of))
        & (F.col("day") >= F.date_sub(F.lit(as_of), settings.window_days))
    )
    age = days_before(as_of, "day")
    return (
        bought.unionByName(seen)
        .where("customer_id IS NOT NULL AND weight IS NOT NULL")
        .withColumns(_days(time_zone))
        .where(known)
        .groupBy("customer_id", "product_id")
        .agg(
            F.sum("orders").cast("bigint").alias("orders"),
            F.sum(
                F.col("weight") * decay_weight(age, half_life=settings.interest_half_life_days)
            ).alias("interest"),
        )
        .join(products.select("product_id", "category"), "product_id", "left")
        .select("customer_id", "product_id", "category", "orders", "interest")
    )


def top_interests(interest: DataFrame, *, as_of: date, keep: int) -> DataFrame:
    """The products of most interest to each customer; ties by product id.

    Returns:
        INTERACTIONS.
    """
    # Rounded, so that the order of summation cannot decide a tie.
    order = Window.partitionBy("customer_id").orderBy(F.round("interest", 9).desc(), "product_id")
    return (
        interest.withColumn("rank", F.row_number().over(order))
        .where(F.col("rank") <= keep)
        .select(
            F.lit(as_of).alias("as_of"),
            "customer_id",
            "product_id",
            "category",
            "orders",
            F.round("interest", 9).alias("interest"),
            "rank",
        )
        .where("interest > 0")
    )


def category_interests(interest: DataFrame) -> DataFrame:
    """Each customer's five categories of most interest, as shares of all interest; ties by name.

    Returns:
        customer_id, interests (array of category and share).
    """
    shares = (
        interest.where("category IS NOT NULL")
        .groupBy("customer_id", "category")
        .agg(F.sum("interest").alias("interest"))
    )
    total = Window.partitionBy("customer_id")
    pair = F.struct(
        (-F.round(F.col("interest") / F.sum("interest").over(total), 6)).alias("minus_share"),
        "category",
    )
    top = F.slice(F.sort_array(F.collect_list("pair")), 1, 5)
    turned = F.transform(
        top,
        lambda item: F.struct(
            item["category"].alias("category"), (-item["minus_share"]).alias("share")
        ),
    )
    return shares.withColumn("pair", pair).groupBy("customer_id").agg(turned.alias("interests"))


def customer_profiles(
    days: DataFrame, interest: DataFrame, *, as_of: date, settings: ProfileSettings
) -> DataFrame:
    """The profile of every customer who did something before a day.

    Only rows of days before `as_of` that were known before `as_of` count, so that a past day can be rebuilt without
    seeing its future.

    Args:
        days: CUSTOMER_DAYS.
        interest: category interests.
        as_of: first day that does not count.
        settings: windows and limits.

    Returns:
        CUSTOMER_PROFILES.
    """
    known = days.where((F.col("day") < F.lit(as_of)) & (F.col("known_on") < F.lit(as_of)))
    in_window = F.col("day") >= F.date_sub(F.lit(as_of), settings.window_days)

    def total(name: str) -> Column:
        return F.coalesce(F.sum(F.when(in_window, F.col(name))), F.lit(0))

    net = (total("amount") - total("returned")).cast(MONEY)
    paid, discount, orders = total("amount"), total("discount"), total("orders")
    sums = known.groupBy("customer_id").agg(
        days_before(as_of, F.min("day")).alias("tenure_days"),
        days_before(as_of, F.max("day")).alias("idle_days"),
        days_before(as_of, F.max(F.when(F.col("orders") > 0, F.col("day")))).alias("recency_days"),
        days_before(as_of, F.min(F.when(F.col("orders") > 0, F.col("day")))).alias(
            "first_order_days"
        ),
        orders.alias("orders"),
        net.alias("monetary"),
        F.try_divide(paid, orders).cast(MONEY).alias("average_order"),
        F.try_divide(total("quantity"), orders).cast("double").alias("items_per_order"),
        F.try_divide(discount, paid + discount).cast("double").alias("discount_share"),
        total("views").alias("views"),
        total("cart_adds").alias("cart_adds"),
        total("events").alias("events"),
        F.count_distinct(F.when(in_window, F.col("day"))).alias("active_days"),
        days_before(as_of, F.min(F.when(in_window, F.col("day")))).alias("first_in_window"),
    )
    between_days = F.when(
        F.col("active_days") >= 3,
        (F.col("first_in_window") - F.col("idle_days")) / (F.col("active_days") - 1),
    )
    recency_ratio = _usual_gaps(known)
    shop = recency_ratio.agg(
        F.coalesce(F.percentile("usual_gap_days", 0.5), F.lit(settings.default_gap_days)).alias(
            "shop_gap_days"
        )
    )
    return (
        sums.join(recency_ratio, "customer_id", "left")
        .crossJoin(F.broadcast(shop))
        .withColumn("order_gap", F.coalesce("usual_gap_days", "shop_gap_days"))
        .withColumns(
            {
                "recency_ratio": F.col("recency_days") / F.greatest("order_gap", F.lit(1.0)),
                "inactivity_ratio": F.col("idle_days") / F.greatest(F.least(between_days, "order_gap"), F.lit(1.0)),
            }
        )
        .withColumn("life_cycle", _life_cycle(settings))
        .join(interest, "customer_id", "left")
        .select(
            F.lit(as_of).alias("as_of"),
            "customer_id", "tenure_days", "recency_days", "orders", "monetary", "average_order", "items_per_order", "discount_share", "views",
            "cart_adds", "events", "active_days", "idle_days", "usual_gap_days", "recency_ratio", "inactivity_ratio", "life_cycle",
            F.coalesce("interests", F.array().cast("array<struct<category:string,share:double>>")).alias("interests"),
        )
    )  # fmt: skip


def _usual_gaps(known: DataFrame) -> DataFrame:
    """The median gap between a customer's order days, where there are three of them or more."""
    order_days = known.where("orders > 0").select("customer_id", "day").distinct()
    before = Window.partitionBy("customer_id").orderBy("day")
    return (
        order_days.withColumn("gap", F.datediff("day", F.lag("day").over(before)))
        .groupBy("customer_id")
        .agg(F.percentile("gap", 0.5).alias("usual_gap_days"), F.count("gap").alias("gaps"))
        .where("gaps >= 2")
        .drop("gaps")
    )


def _life_cycle(settings: ProfileSettings) -> Column:
    """The stage, from the customer's own recency_ratio; nobody is lost who still comes, whether they buy or not."""
    return (
        F.when(F.col("recency_days").isNull(), "prospect")
        .when(F.col("first_order_days") <= settings.new_within_days, "new")
        .when(F.col("recency_ratio") <= settings.active_within_gaps, "active")
        .when(
            F.least("recency_ratio", "inactivity_ratio") <= settings.dormant_within_gaps, "dormant"
        )
        .otherwise("lost")
    )
