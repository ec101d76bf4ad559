"""How customers answer messages: deliveries, clicks, orders and unsubscriptions."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import start_of
from clarion.sim import people
from clarion.sim.behaviour import World

_DELIVERED_SHARE = 0.97
# How well the offer of each name works: a factor of the persona's click rate and uplift.
_OFFER_STRENGTH = {
    "starter_pack": 1.2,
    "second_order": 1.2,
    "new_for_you": 0.8,
    "member_day": 1.1,
    "spend_and_save": 1.2,
    "wake_up": 0.9,
    "cart_reminder": 1.5,
    "price_match": 1.2,
}


def reactions(world: World, messages: DataFrame, *, sent_on: date) -> DataFrame:
    """What happens with each message.

    The chance of a click is the customer's own, times the offer's strength, times the square root
    of the benefit multiplier. A click leads to an extra order with a chance of 0.35 plus the
    persona's uplift, times the same factors.

    Args:
        world: the shop.
        messages: message_ref, customer_ref, offer_id, benefit (the benefit multiplier).
        sent_on: day of sending.

    Returns:
        One row per message: message_ref, offer_id, the customer's columns, delivered, clicked,
        buys, unsubscribes (booleans), clicked_at.
    """
    draws = world.draws
    day = F.lit((sent_on - world.shop.starts_on).days)
    customers = people.customers_on_day(world.customers, world.shop, draws, day=day)
    factor = _offer_strength() * F.sqrt("benefit")
    click_chance = F.least(F.col("click") * factor, F.lit(0.95))
    order_chance = F.least((0.35 + F.col("uplift")) * factor, F.lit(0.95))

    def happens(name: str, chance: Column | float) -> Column:
        return draws.uniform(f"answer/{name}", "message_ref") < chance

    seconds = F.floor(draws.uniform("answer/when", "message_ref") * 5 * 86400).cast("int")
    clicked_at = start_of(sent_on, world.shop.time_zone) + F.make_dt_interval(
        hours=F.lit(9), secs=seconds
    )
    return (
        messages.join(customers, "customer_ref")
        .withColumn("delivered", happens("delivered", _DELIVERED_SHARE))
        .withColumn("clicked", F.col("delivered") & happens("clicks", click_chance))
        .withColumn("buys", F.col("clicked") & happens("buys", order_chance))
        .withColumn("unsubscribes", F.col("delivered") & happens("annoyed", F.col("annoyed")))
        .withColumn("clicked_at", clicked_at)
    )


def responses(reactions: DataFrame, *, sent_on: date, time_zone: str) -> DataFrame:
    """Records of the kind 'responses'.

    Args:
        reactions: the frame of `reactions`.
        sent_on: day of sending.
        time_zone: the shop's zone.

    Returns:
        One row per response: message_ref, customer_ref, channel, type, happened_at.
    """
    sent_at = start_of(sent_on, time_zone) + F.make_dt_interval(hours=F.lit(8))
    delivered_at = sent_at + F.make_dt_interval(mins=F.lit(1))

    def response(kind: str, at: Column) -> Column:
        return F.struct(F.lit(kind).alias("type"), at.alias("happened_at"))

    rows = F.array_compact(
        F.array(
            response("sent", sent_at),
            F.when(F.col("delivered"), response("delivered", delivered_at)),
            F.when(F.col("clicked"), response("clicked", F.col("clicked_at"))),
            F.when(F.col("unsubscribes"), response("unsubscribed", F.col("clicked_at"))),
        )
    )
    return reactions.select(
        "message_ref", "customer_ref", F.lit("message").alias("channel"), F.inline(rows)
    )


def extra_visits(reactions: DataFrame) -> DataFrame:
    """Orders that the campaign caused, as `behaviour.orders` takes them.

    One order in four is followed by a second one.

    Args:
        reactions: the frame of `reactions`.
    """
    first_orders = reactions.where("buys").withColumns(
        {
            "order_ref": F.concat(F.lit("M"), "message_ref"),
            "started_at": F.col("clicked_at") + F.make_dt_interval(mins=F.lit(12)),
            "coupon_ref": F.concat(F.lit("K-"), "offer_id"),
        }
    )
    has_second = F.pmod(F.xxhash64("message_ref"), F.lit(4)) == 0
    second_orders = first_orders.where(has_second).withColumns(
        {
            "order_ref": F.concat("order_ref", F.lit("b")),
            "started_at": F.col("started_at") + F.make_dt_interval(days=F.lit(9)),
            "coupon_ref": F.lit(None).cast("string"),
        }
    )
    return first_orders.unionByName(second_orders)


def _offer_strength() -> Column:
    strengths = (
        F.when(F.col("offer_id") == name, F.lit(value)) for name, value in _OFFER_STRENGTH.items()
    )
    return F.coalesce(*strengths, F.lit(1.0))
