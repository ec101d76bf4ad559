"""How customers answer messages: deliveries, clicks, orders, and people it annoys."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import start_of
from clarion.sim import people
from clarion.sim.behaviour import World

DELIVERED, VIEWED = 0.97, 0.55
# How well an offer of each name works, in the persona's click rate and uplift.
STRENGTH = {
    "starter_pack": 1.2, "second_order": 1.2, "new_for_you": 0.8, "member_day": 1.1, "spend_and_save": 1.2, "wake_up": 0.9, "cart_reminder": 1.5,
    "price_match": 1.2,
}  # fmt: skip


def reactions(
    world: World, messages: DataFrame, *, sent_on: date, benefit: str = "benefit"
) -> DataFrame:
    """What happens with each message.

    The chance of a click is the customer's own, times the offer's strength and the square root of the lever; a click
    leads to an extra order with a chance of 0.35 plus the persona's uplift, times the same factors.

    Args:
        world: the shop.
        messages: message_ref, customer_ref, offer_id and the lever.
        sent_on: day of sending.
        benefit: column that holds the lever.

    Returns:
        message_ref, offer_id, the customer's columns, delivered, clicked, buys, unsubscribes (booleans), clicked_at.
    """
    draws = world.draws
    known = people.on_day(
        world.customers, world.shop, draws, day=F.lit((sent_on - world.shop.starts_on).days)
    )
    strength = F.coalesce(
        *(F.when(F.col("offer_id") == name, F.lit(value)) for name, value in STRENGTH.items()),
        F.lit(1.0),
    )
    factor = strength * F.sqrt(F.col(benefit))
    ids = ("message_ref",)
    delivered = draws.uniform("answer/delivered", *ids) < DELIVERED
    return (
        messages.join(known, "customer_ref")
        .withColumn("delivered", delivered)
        .withColumn(
            "clicked",
            F.col("delivered")
            & (
                draws.uniform("answer/clicks", *ids) < F.least(F.col("click") * factor, F.lit(0.95))
            ),
        )
        .withColumn(
            "buys",
            F.col("clicked")
            & (
                draws.uniform("answer/buys", *ids)
                < F.least((0.35 + F.col("uplift")) * factor, F.lit(0.95))
            ),
        )
        .withColumn(
            "unsubscribes",
            F.col("delivered") & (draws.uniform("answer/annoyed", *ids) < F.col("annoyed")),
        )
        .withColumn(
            "clicked_at",
            start_of(sent_on, world.shop.time_zone)
            + F.make_dt_interval(
                hours=F.lit(9),
                secs=F.floor(draws.uniform("answer/when", *ids) * 5 * 86400).cast("int"),
            ),
        )
    )


def responses(reacted: DataFrame, *, sent_on: date, time_zone: str) -> DataFrame:
    """Records of the kind 'responses': message_ref, type, happened_at, customer_ref, channel."""
    at = start_of(sent_on, time_zone) + F.make_dt_interval(hours=F.lit(8))
    rows = F.array_compact(
        F.array(
            F.struct(F.lit("sent").alias("type"), at.alias("happened_at")),
            F.when(
                F.col("delivered"),
                F.struct(
                    F.lit("delivered").alias("type"),
                    (at + F.make_dt_interval(mins=F.lit(1))).alias("happened_at"),
                ),
            ),
            F.when(
                F.col("clicked"),
                F.struct(F.lit("clicked").alias("type"), F.col("clicked_at").alias("happened_at")),
            ),
            F.when(
                F.col("unsubscribes"),
                F.struct(
                    F.lit("unsubscribed").alias("type"), F.col("clicked_at").alias("happened_at")
                ),
            ),
        )
    )
    return reacted.select(
        "message_ref", "customer_ref", F.lit("message").alias("channel"), F.inline(rows)
    )


def extra_visits(reacted: DataFrame) -> DataFrame:
    """Orders that the campaign brought, in the shape that `behaviour.orders` takes; one in four comes with a second one."""
    bought = reacted.where("buys").withColumns(
        {
            "order_ref": F.concat(F.lit("M"), "message_ref"),
            "started_at": F.col("clicked_at") + F.make_dt_interval(mins=F.lit(12)),
            "coupon_ref": F.concat(F.lit("K-"), "offer_id"),
        }
    )
    again = bought.where(F.pmod(F.xxhash64("message_ref"), F.lit(4)) == 0).withColumns(
        {
            "order_ref": F.concat("order_ref", F.lit("b")),
            "started_at": F.col("started_at") + F.make_dt_interval(days=F.lit(9)),
            "coupon_ref": F.lit(None).cast("string"),
        }
    )
    return bought.unionByName(again)
