"""The visits of customers: one chain each, over all their devices and channels."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.customers.features.views import known_facts

_VISIT = ("customer_id", "_source", "session_ref")


def visits(events: DataFrame, products: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """One row per visit, numbered in the order of time whatever the device.

    Events of one moment are in the order of their numbers, then of their names.

    Args:
        events: EVENTS, under the surrogates of persons. Events without a visit do not count.
        products: current products: product_id, category, list_price.
        as_of: first day that does not count.
        time_zone: the shop's zone.

    Returns:
        customer_id, session_ref, channel, device_ref, happened_at (of its first event), age, hour,
        weekday, visit_no (from 1), previous_channel (null for the first visit), path (types in
        order), steps, dwell_s, categories (sorted), favourites, reviews_read, cart_adds,
        cart_value (list prices of what was put into the cart, less what was taken out).
    """
    of_products = products.select(
        "product_id", F.col("category").alias("_category"), F.col("list_price").alias("_price")
    )
    steps = (
        known_facts(events.where("session_ref IS NOT NULL"), as_of=as_of, time_zone=time_zone)
        .join(F.broadcast(of_products), "product_id", "left")
        .withColumn("category", F.coalesce("category", "_category"))
    )
    by_visit = steps.groupBy(*_VISIT).agg(*_visit_sums())
    in_order = Window.partitionBy("customer_id").orderBy("happened_at", "_source", "session_ref")
    return by_visit.withColumns(
        {
            "visit_no": F.row_number().over(in_order),
            "previous_channel": F.lag("channel").over(in_order),
        }
    ).drop("_source")


def _visit_sums() -> list[Column]:
    place = F.struct("happened_at", "sequence_no", "event_ref")
    in_order = F.sort_array(F.collect_list(F.struct(place.alias("place"), "type")))

    def count_of(type_: str) -> Column:
        return F.count_if(F.col("type") == type_)

    in_cart = F.when(F.col("type") == "cart_add", 1).when(F.col("type") == "cart_remove", -1)
    first = ("channel", "device_ref", "age", "hour", "weekday")
    return [
        F.min("happened_at").alias("happened_at"),
        *(F.min_by(name, place).alias(name) for name in first),
        F.transform(in_order, lambda step: step["type"]).alias("path"),
        F.count("*").alias("steps"),
        (F.coalesce(F.sum("dwell_ms"), F.lit(0)) / 1000).alias("dwell_s"),
        F.sort_array(F.collect_set("category")).alias("categories"),
        count_of("favourite").alias("favourites"),
        count_of("review_view").alias("reviews_read"),
        count_of("cart_add").alias("cart_adds"),
        F.sum(in_cart * F.col("_price")).cast("double").alias("cart_value"),
    ]
