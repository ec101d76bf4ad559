"""What goes with what, and what stands in for what."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from clarion.products.similarity.settings import PairSettings


def baskets(order_lines: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Products of each order, once; orders of more than `max_basket` products say little of any two and cost the square of their size.

    Args:
        order_lines: sales that count: order_id, product_id.
        settings: limits.

    Returns:
        order_id, product_id.
    """
    lines = order_lines.select("order_id", "product_id").distinct()
    sizes = (
        lines.groupBy("order_id")
        .agg(F.count("*").alias("size"))
        .where(F.col("size") <= settings.max_basket)
    )
    return lines.join(sizes, "order_id").select("order_id", "product_id")


def complements(baskets: DataFrame, products: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Products that are bought in one order more often than by chance.

    An accessory costs at most `accessory_price` of its main product and is sold more seldom.

    Args:
        baskets: order_id, product_id, each pair once.
        products: current products: product_id, list_price.
        settings: limits.

    Returns:
        product_id, partner_id, relation (complement or accessory: the partner is one of the product), together (orders with both),
        support, confidence (of orders with the product, the share with the partner), lift, leverage.
    """
    sold = baskets.groupBy("product_id").agg(F.count("*").alias("n"))
    orders = baskets.agg(F.count_distinct("order_id").alias("orders"))
    # A product of fewer orders has no pair of as many; it still counts among the orders.
    often = baskets.join(
        sold.where(F.col("n") >= settings.min_together).select("product_id"), "product_id"
    )
    other = often.withColumnRenamed("product_id", "partner_id")
    both = (
        often.join(other, "order_id")
        .where("product_id <> partner_id")
        .groupBy("product_id", "partner_id")
        .agg(F.count("*").alias("together"))
    )
    counted = (
        both.where(F.col("together") >= settings.min_together)
        .join(sold, "product_id")
        .join(
            sold.select(F.col("product_id").alias("partner_id"), F.col("n").alias("partner_n")),
            "partner_id",
        )
        .crossJoin(F.broadcast(orders))
    )
    measured = counted.select(
        "product_id",
        "partner_id",
        "together",
        (F.col("together") / F.col("orders")).alias("support"),
        (F.col("together") / F.col("n")).alias("confidence"),
        (F.col("together") * F.col("orders") / (F.col("n") * F.col("partner_n"))).alias("lift"),
        (
            F.col("together") / F.col("orders")
            - F.col("n") / F.col("orders") * (F.col("partner_n") / F.col("orders"))
        ).alias("leverage"),
        (F.col("n") > F.col("partner_n")).alias("seldom"),
    ).where(F.col("lift") >= settings.min_lift)
    priced = products.select("product_id", F.col("list_price").cast("double").alias("price"))
    of_partner = priced.select(
        F.col("product_id").alias("partner_id"), F.col("price").alias("partner_price")
    )
    ratio = measured.join(priced, "product_id", "left").join(of_partner, "partner_id", "left")
    accessory = F.coalesce(
        (F.col("partner_price") <= settings.accessory_price * F.col("price")) & F.col("seldom"),
        F.lit(False),
    )
    return ratio.withColumn(
        "relation", F.when(accessory, "accessory").otherwise("complement")
    ).select(
        "product_id",
        "partner_id",
        "relation",
        "together",
        "support",
        "confidence",
        "lift",
        "leverage",
    )


def with_order(found: DataFrame, order_lines: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Pairs with `follows`: of customers who bought the two at different times, the share who bought the partner later.

    First purchases count; null where such customers are fewer than `min_together`. Customers of more than `max_basket` products are left out.

    Args:
        found: product_id, partner_id and more.
        order_lines: sales that count: customer_id, product_id, happened_at.
        settings: limits.
    """
    wanted = found.select(
        "product_id"
    ).distinct()  # relations go both ways: every partner is a product, too
    first = (
        order_lines.where("customer_id IS NOT NULL")
        .groupBy("customer_id", "product_id")
        .agg(F.min("happened_at").alias("at"))
    )
    few = first.withColumn("bought", F.count("*").over(Window.partitionBy("customer_id"))).where(
        F.col("bought") <= settings.max_basket
    )
    one = few.join(wanted, "product_id").select("customer_id", "product_id", "at")
    other = one.select(
        "customer_id", F.col("product_id").alias("partner_id"), F.col("at").alias("partner_at")
    )
    pairs = one.join(other, "customer_id").where("product_id <> partner_id AND at <> partner_at")
    counted = pairs.groupBy("product_id", "partner_id").agg(
        F.count("*").alias("people"), F.count_if(F.col("partner_at") > F.col("at")).alias("later")
    )
    known = counted.where(F.col("people") >= settings.min_together).select(
        "product_id", "partner_id", (F.col("later") / F.col("people")).alias("follows")
    )
    return found.join(known, ["product_id", "partner_id"], "left")


def substitutes(baskets: DataFrame, neighbours: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Products that are alike and are bought in one order less often than by chance.

    Only pairs of which chance alone would have put `min_together` into one order are told: of seldom sold ones nothing is known.

    Args:
        baskets: order_id, product_id, each pair once.
        neighbours: PRODUCT_NEIGHBOURS of the day.
        settings: limits.

    Returns:
        The columns of `complements`, follows (unknown) and cosine.
    """
    sold = baskets.groupBy("product_id").agg(F.count("*").alias("n"))
    orders = baskets.agg(F.count_distinct("order_id").alias("orders"))
    alike = neighbours.where(F.col("cosine") >= settings.substitute_cosine).select(
        "product_id", F.col("neighbour_id").alias("partner_id"), "cosine"
    )
    other = baskets.withColumnRenamed("product_id", "partner_id")
    run_concurrently = (
        alike.join(baskets, "product_id")
        .join(other, ["order_id", "partner_id"])
        .groupBy("product_id", "partner_id")
        .agg(F.count("*").alias("together"))
    )
    return (
        alike.join(sold, "product_id")
        .join(
            sold.select(F.col("product_id").alias("partner_id"), F.col("n").alias("partner_n")),
            "partner_id",
        )
        .join(run_concurrently, ["product_id", "partner_id"], "left")
        .crossJoin(F.broadcast(orders))
        .withColumn("together", F.coalesce("together", F.lit(0)))
        .withColumn("expected", F.col("n") * F.col("partner_n") / F.col("orders"))
        .where(
            (F.col("expected") >= settings.min_together)
            & (F.col("together") < F.col("expected") / 2)
        )
        .select(
            "product_id",
            "partner_id",
            F.lit("substitute").alias("relation"),
            "together",
            (F.col("together") / F.col("orders")).alias("support"),
            (F.col("together") / F.col("n")).alias("confidence"),
            (F.col("together") / F.col("expected")).alias("lift"),
            ((F.col("together") - F.col("expected")) / F.col("orders")).alias("leverage"),
            F.lit(None).cast("double").alias("follows"),
            "cosine",
        )
    )


def ranked(
    complementary: DataFrame, alike: DataFrame, *, as_of: date, settings: PairSettings
) -> DataFrame:
    """The strongest partners of each product: complements and accessories by leverage, substitutes by cosine; ties by partner.

    Returns:
        PRODUCT_PAIRS.
    """
    both = complementary.withColumn("cosine", F.lit(None).cast("double")).unionByName(alike)
    kind = F.when(F.col("relation") == "substitute", "substitute").otherwise("complement")
    order = Window.partitionBy("product_id", kind).orderBy(
        F.round(F.coalesce("cosine", "leverage"), 9).desc(), "partner_id"
    )
    digits = ("support", "confidence", "lift", "leverage", "follows", "cosine")
    return (
        both.withColumn("rank", F.row_number().over(order))
        .where(F.col("rank") <= settings.partners)
        .select(
            F.lit(as_of).alias("as_of"),
            "product_id",
            "partner_id",
            "relation",
            "rank",
            "together",
            *(F.round(name, 9).alias(name) for name in digits),
        )
    )
