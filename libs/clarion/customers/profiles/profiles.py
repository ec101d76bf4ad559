"""The profile of a customer, from the daily sums."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.contracts.sources import MONEY
from clarion.customers.profiles.life_cycle import LifeCycle
from clarion.customers.profiles.settings import ProfileSettings
from clarion.measures.columns.days import days_before, known_sums


def customer_profiles(
    customer_days: DataFrame,
    category_interests: DataFrame,
    stage_features: DataFrame,
    *,
    as_of: date,
    settings: ProfileSettings,
    life_cycle: LifeCycle,
    lost_after: float,
) -> DataFrame:
    """The profile of every customer who did something before a day.

    Only days before `as_of` that were known before `as_of` count, so a past day can be rebuilt
    without seeing its future.

    Args:
        customer_days: CUSTOMER_DAYS.
        category_interests: interests by category, one row per customer.
        stage_features: customer_id and the features that conditions of the life cycle name.
        as_of: first day that does not count.
        settings: windows and limits.
        life_cycle: the stages of the life cycle.
        lost_after: usual gaps of silence after which a customer is lost.

    Returns:
        CUSTOMER_PROFILES.

    Raises:
        ConfigError: a condition of the life cycle is invalid.
    """
    measured = measured_customers(customer_days, stage_features, as_of=as_of, settings=settings)
    life_cycle.check(measured)
    no_interests = F.array().cast("array<struct<category:string,share:double>>")
    return (
        measured.withColumn("life_cycle", life_cycle.stage(lost_after=lost_after))
        .join(category_interests, "customer_id", "left")
        .select(
            F.lit(as_of).alias("as_of"),
            "customer_id",
            "tenure_days",
            "recency_days",
            "orders",
            "monetary",
            "average_order",
            "items_per_order",
            "discount_share",
            "views",
            "cart_adds",
            "events",
            "active_days",
            "idle_days",
            "usual_gap_days",
            "recency_ratio",
            "inactivity_ratio",
            "life_cycle",
            F.coalesce("interests", no_interests).alias("interests"),
        )
    )


def measured_customers(
    customer_days: DataFrame, stage_features: DataFrame, *, as_of: date, settings: ProfileSettings
) -> DataFrame:
    """What is measured of every customer who did something before a day.

    Args:
        customer_days: CUSTOMER_DAYS.
        stage_features: customer_id and the features that conditions of the life cycle name; a
            measure of the same name counts in place of a feature.
        as_of: first day that does not count.
        settings: windows and limits.

    Returns:
        The columns that conditions of the life cycle may use, and customer_id.
    """
    known_days = known_sums(customer_days, of="customer_id", as_of=as_of)
    sums = _profile_sums(known_days, as_of=as_of, window_days=settings.window_days)
    with_gaps = _with_order_gaps(sums, known_days, default_gap_days=settings.default_gap_days)
    measured = with_gaps.withColumns(_ratios())
    measures = [name for name in measured.columns if name != "customer_id"]
    return measured.join(stage_features.drop(*measures), "customer_id", "left")


def _profile_sums(known_days: DataFrame, *, as_of: date, window_days: int) -> DataFrame:
    """Sums and days of each customer: all time for tenure and recency, else over the window."""
    in_window = F.col("day") >= F.date_sub(F.lit(as_of), window_days)
    day_in_window = F.when(in_window, F.col("day"))
    order_day = F.when(F.col("orders") > 0, F.col("day"))

    def total(name: str) -> Column:
        return F.coalesce(F.sum(F.when(in_window, F.col(name))), F.lit(0))

    paid = total("amount")
    orders = total("orders")
    discount_share = F.try_divide(total("discount"), paid + total("discount"))
    return known_days.groupBy("customer_id").agg(
        days_before(as_of, F.min("day")).alias("tenure_days"),
        days_before(as_of, F.max("day")).alias("idle_days"),
        days_before(as_of, F.max(order_day)).alias("recency_days"),
        days_before(as_of, F.min(order_day)).alias("first_order_days"),
        orders.alias("orders"),
        (paid - total("returned")).cast(MONEY).alias("monetary"),
        F.try_divide(paid, orders).cast(MONEY).alias("average_order"),
        F.try_divide(total("quantity"), orders).cast("double").alias("items_per_order"),
        discount_share.cast("double").alias("discount_share"),
        total("views").alias("views"),
        total("cart_adds").alias("cart_adds"),
        total("events").alias("events"),
        F.count_distinct(day_in_window).alias("active_days"),
        days_before(as_of, F.min(day_in_window)).alias("first_in_window"),
    )


def _with_order_gaps(
    sums: DataFrame, known_days: DataFrame, *, default_gap_days: float
) -> DataFrame:
    """The sums with usual_gap_days, and order_gap: the shop's median gap if the own is unknown."""
    order_gaps = _usual_gaps(known_days)
    shop_gap = F.coalesce(F.percentile("usual_gap_days", 0.5), F.lit(default_gap_days))
    return (
        sums.join(order_gaps, "customer_id", "left")
        .crossJoin(F.broadcast(order_gaps.agg(shop_gap.alias("shop_gap_days"))))
        .withColumn("order_gap", F.coalesce("usual_gap_days", "shop_gap_days"))
    )


def _ratios() -> dict[str, Column]:
    """Days since the last order and since the last activity, relative to the customer's gaps."""
    mean_day_gap = (F.col("first_in_window") - F.col("idle_days")) / (F.col("active_days") - 1)
    day_gap = F.when(F.col("active_days") >= 3, mean_day_gap)
    shorter_gap = F.greatest(F.least(day_gap, "order_gap"), F.lit(1.0))
    return {
        "recency_ratio": F.col("recency_days") / F.greatest("order_gap", F.lit(1.0)),
        "inactivity_ratio": F.col("idle_days") / shorter_gap,
    }


def _usual_gaps(known_days: DataFrame) -> DataFrame:
    """The median gap between a customer's order days, from three order days on."""
    order_days = known_days.where("orders > 0").select("customer_id", "day").distinct()
    previous_day = F.lag("day").over(Window.partitionBy("customer_id").orderBy("day"))
    return (
        order_days.withColumn("gap", F.datediff("day", previous_day))
        .groupBy("customer_id")
        .agg(F.percentile("gap", 0.5).alias("usual_gap_days"), F.count("gap").alias("gaps"))
        .where("gaps >= 2")
        .drop("gaps")
    )
