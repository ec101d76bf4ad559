"""Records of a simulated web shop, one frame per kind of source."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.sim import people
from clarion.sim.behaviour import MONEY, World


def product_records(world: World) -> DataFrame:
    """Records of the kind 'products': the whole list, once."""
    origins = F.array(F.lit("domestic"), F.lit("imported"))
    origin = F.get(origins, F.pmod("number", F.lit(2)).cast("int"))
    return world.products.select(
        "product_ref",
        "title",
        "description",
        "brand",
        F.concat_ws(" > ", "department", "category").alias("category_path"),
        F.create_map(F.lit("origin"), origin).alias("attributes"),
        F.col("price").cast("string").alias("list_price"),
        F.col("cost").cast("string").alias("cost"),
        "stock",
        F.lit(world.shop.language).alias("language"),
        F.lit(world.shop.currency).alias("currency"),
    )


def new_customers(world: World, *, first: date | None, last: date) -> DataFrame:
    """Customers who joined in a period, with personal details and registered_at.

    Args:
        world: the shop.
        first: first day of the period; None for all who joined before `last`.
        last: day after the period.
    """
    joined = world.customers.where(F.col("joined_day") < world.day_number(last))
    if first is not None:
        joined = joined.where(F.col("joined_day") >= world.day_number(first))
    registered_at = world.instant(F.col("joined_day") * 86400 + 9 * 3600)
    return joined.withColumns(people.personal_details(world.draws, world.shop.language)).withColumn(
        "registered_at", registered_at
    )


def registration_records(customers: DataFrame) -> DataFrame:
    """Records of the kind 'registrations' of `new_customers`."""
    return customers.select(
        "customer_ref",
        "registered_at",
        "phone",
        "mail",
        "name",
        "address",
        "region",
        F.lit("app").alias("channel"),
    )


def consent_records(customers: DataFrame) -> DataFrame:
    """Records of the kind 'consents' of `new_customers`: a statement on each purpose."""

    def statement(purpose: str, granted: Column) -> Column:
        return F.struct(F.lit(purpose).alias("purpose"), granted.cast("string").alias("granted"))

    statements = F.array(
        statement("collection", F.col("collection")),
        statement("analytics", F.col("collection")),
        statement("marketing", F.col("collection") & F.col("marketing")),
    )
    return customers.select(
        "customer_ref", F.inline(statements), F.col("registered_at").alias("at")
    ).select("customer_ref", "purpose", F.lit("*").alias("channel"), "granted", "at")


def trait_records(world: World, customers: DataFrame) -> DataFrame:
    """Records of the kind 'traits': answers of a fifth of `new_customers` to a survey."""
    draws = world.draws
    size = F.floor(1 + draws.uniform("trait/value", "id") * 4).cast("string")
    return customers.where(draws.uniform("trait/asked", "id") < 0.2).select(
        "customer_ref",
        F.lit("household_size").alias("name"),
        size.alias("value"),
        F.col("registered_at").alias("at"),
        F.lit("survey").alias("method"),
    )


def tie_records(world: World, customers: DataFrame) -> DataFrame:
    """Records of the kind 'ties': some of `new_customers` were invited by an earlier customer."""
    draws = world.draws
    is_invited = (draws.uniform("tie/invited", "id") < 0.15) & (F.col("id") > 0)
    inviter = F.floor(draws.uniform("tie/by", "id") * F.col("id")).cast("long")
    return customers.where(is_invited).select(
        F.format_string("C%06d", inviter).alias("from_ref"),
        F.col("customer_ref").alias("to_ref"),
        F.lit("invited").alias("kind"),
        F.col("registered_at").alias("at"),
    )


def withdrawal_records(reactions: DataFrame) -> DataFrame:
    """Records of the kind 'consents': marketing consents withdrawn after a message.

    Args:
        reactions: the frame of `answers.reactions`.
    """
    return reactions.where("unsubscribes").select(
        "customer_ref",
        F.lit("marketing").alias("purpose"),
        F.lit("*").alias("channel"),
        F.lit("false").alias("granted"),
        F.col("clicked_at").alias("at"),
    )


def redemption_records(order_lines: DataFrame) -> DataFrame:
    """Records of the kind 'redemptions': the coupons of orders."""
    return order_lines.where("coupon_ref IS NOT NULL AND line_no = 1").select(
        "customer_ref", "coupon_ref", "order_ref", "happened_at"
    )


def review_records(world: World, order_lines: DataFrame) -> DataFrame:
    """Records of the kind 'reviews': 8 % of order lines are reviewed, four days later."""
    draws = world.draws
    line = ("order_ref", "line_no")
    stars = 4.2 + draws.normal("review/rating", *line) * 0.8
    rating = F.round(F.least(F.lit(5.0), F.greatest(F.lit(1.0), stars)) * 2) / 2
    return order_lines.where(draws.uniform("review/written", *line) < 0.08).select(
        F.concat_ws("-", F.lit("R"), *line).alias("review_ref"),
        "product_ref",
        (F.col("happened_at") + F.make_dt_interval(days=F.lit(4))).alias("happened_at"),
        "customer_ref",
        rating.alias("rating"),
        F.when(rating >= 4, "good").otherwise("so so").alias("text"),
    )


def cost_records(world: World, *, first: date, last: date) -> DataFrame:
    """Records of the kind 'costs': advertising of two channels, day by day."""
    days = world.spark.range(world.day_number(first), world.day_number(last))
    channels = F.explode(F.array(F.lit("search"), F.lit("social")))
    amount = 30.0 + 20.0 * world.draws.uniform("cost/spent", "id", "channel")
    return (
        days.withColumn("channel", channels)
        .withColumn("amount", F.round(amount, 2).cast(MONEY))
        .select(
            F.date_add(F.lit(world.shop.starts_on), F.col("id").cast("int")).alias("day"),
            "channel",
            "amount",
            F.lit("advertising").alias("note"),
        )
    )


def market_price_records(world: World, *, first: date, last: date) -> DataFrame:
    """Records of the kind 'market': competitors' prices of every third product, week by week.

    In one week of eight a price is reduced by a fifth.

    Args:
        world: the shop.
        first: first day.
        last: day after the last day, on which prices are observed, too.
    """
    draws, shop = world.draws, world.shop
    ids = ("number", "competitor")
    stop = world.day_number(last)
    weeks = (
        world.spark.range(world.day_number(first), stop)
        .where((F.col("id") % 7 == 3) | (F.col("id") == stop - 1))
        .withColumnRenamed("id", "day")
    )
    competitors = F.explode(F.array(*(F.lit(name) for name in shop.competitors)))
    usual_price = F.col("price") * (0.92 + 0.16 * draws.uniform("market/level", *ids))
    is_reduced = draws.uniform("market/cut", *ids, "day") < 0.125
    price = F.round(usual_price * F.when(is_reduced, 0.8).otherwise(1.0), 2)
    return (
        world.products.where("number % 3 = 0")
        .crossJoin(weeks)
        .withColumn("competitor", competitors)
        .withColumns(
            {
                "observed_price": F.greatest(price, F.lit(0.01)).cast(MONEY),
                "is_reduced": is_reduced,
            }
        )
        .select(
            "competitor",
            "title",
            F.col("observed_price").alias("price"),
            world.instant(F.col("day") * 86400 + 12 * 3600).alias("observed_at"),
            "product_ref",
            F.when(F.col("is_reduced"), "week deal").alias("promotion"),
            F.lit(shop.currency).alias("currency"),
        )
    )
