"""Which products are bought together, and which replace each other."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from clarion.products.similarity.settings import PairSettings

_MEASURES = ("support", "confidence", "lift", "leverage", "follows", "cosine")


def baskets(order_lines: DataFrame, *, settings: PairSettings) -> DataFrame:
    """The products of each order, each once.

    Orders of more than `max_basket` products are left out: they say little about any two of them
    and cost the square of their size.

    Args:
        order_lines: sales that count: order_id, product_id.
        settings: limits.

    Returns:
        order_id, product_id.
    """
    lines = order_lines.select("order_id", "product_id").distinct()
    small_orders = (
        lines.groupBy("order_id")
        .agg(F.count("*").alias("size"))
        .where(F.col("size") <= settings.max_basket)
    )
    return lines.join(small_orders, "order_id").select("order_id", "product_id")


def complements(baskets: DataFrame, products: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Products that are bought in one order more often than by chance.

    An accessory costs at most `accessory_price` of its main product and is sold less often.

    Args:
        baskets: order_id, product_id, each pair once.
        products: current products: product_id, list_price.
        settings: limits.

    Returns:
        product_id, partner_id, relation (complement or accessory: the partner is one of the
        product), joint_orders (orders with both), support, confidence (of orders with the
        product, the share with the partner), lift, leverage.
    """
    pairs = _counted_pairs(baskets, _joint_orders(baskets, settings)).where(
        F.col("joint_orders") >= settings.min_pair_count
    )
    joint, n, partner_n, orders = map(F.col, ("joint_orders", "n", "partner_n", "orders"))
    measured = pairs.select(
        "product_id",
        "partner_id",
        "joint_orders",
        (joint / orders).alias("support"),
        (joint / n).alias("confidence"),
        (joint * orders / (n * partner_n)).alias("lift"),
        (joint / orders - n / orders * (partner_n / orders)).alias("leverage"),
        (n > partner_n).alias("partner_is_rarer"),
    ).where(F.col("lift") >= settings.min_lift)
    prices = products.select("product_id", F.col("list_price").cast("double").alias("price"))
    partner_prices = prices.select(
        F.col("product_id").alias("partner_id"), F.col("price").alias("partner_price")
    )
    is_cheap = F.col("partner_price") <= settings.accessory_price * F.col("price")
    is_accessory = F.coalesce(is_cheap & F.col("partner_is_rarer"), F.lit(False))
    return (
        measured.join(prices, "product_id", "left")
        .join(partner_prices, "partner_id", "left")
        .select(
            "product_id",
            "partner_id",
            F.when(is_accessory, "accessory").otherwise("complement").alias("relation"),
            "joint_orders",
            "support",
            "confidence",
            "lift",
            "leverage",
        )
    )


def with_follow_share(
    pairs: DataFrame, order_lines: DataFrame, *, settings: PairSettings
) -> DataFrame:
    """Pairs with `follows`: how often the partner is bought later.

    It is the share of customers who bought the partner later, among those who bought the two at
    different times. First purchases count. It is null where such customers are fewer than
    `min_pair_count`. Customers of more than `max_basket` products are left out.

    Args:
        pairs: product_id, partner_id and more.
        order_lines: sales that count: customer_id, product_id, happened_at.
        settings: limits.
    """
    first_purchases = (
        order_lines.where("customer_id IS NOT NULL")
        .groupBy("customer_id", "product_id")
        .agg(F.min("happened_at").alias("at"))
    )
    products_of_customer = F.count("*").over(Window.partitionBy("customer_id"))
    # Relations go both ways: every partner is a product, too.
    paired_products = pairs.select("product_id").distinct()
    purchases = (
        first_purchases.withColumn("products", products_of_customer)
        .where(F.col("products") <= settings.max_basket)
        .join(paired_products, "product_id")
        .select("customer_id", "product_id", "at")
    )
    partner_purchases = purchases.select(
        "customer_id", F.col("product_id").alias("partner_id"), F.col("at").alias("partner_at")
    )
    follow_shares = (
        purchases.join(partner_purchases, "customer_id")
        .where("product_id <> partner_id AND at <> partner_at")
        .groupBy("product_id", "partner_id")
        .agg(
            F.count("*").alias("customers"),
            F.count_if(F.col("partner_at") > F.col("at")).alias("later"),
        )
        .where(F.col("customers") >= settings.min_pair_count)
        .select("product_id", "partner_id", (F.col("later") / F.col("customers")).alias("follows"))
    )
    return pairs.join(follow_shares, ["product_id", "partner_id"], "left")


def substitutes(baskets: DataFrame, neighbours: DataFrame, *, settings: PairSettings) -> DataFrame:
    """Products that are similar and are bought in one order less often than by chance.

    Only pairs count of which chance would put `min_pair_count` into one order: rarely sold
    products say nothing.

    Args:
        baskets: order_id, product_id, each pair once.
        neighbours: PRODUCT_NEIGHBOURS of the day.
        settings: limits.

    Returns:
        The columns of `complements`, follows (unknown) and cosine.
    """
    similar = neighbours.where(F.col("cosine") >= settings.substitute_cosine).select(
        "product_id", F.col("neighbour_id").alias("partner_id"), "cosine"
    )
    partners = baskets.withColumnRenamed("product_id", "partner_id")
    joint_orders = (
        similar.join(baskets, "product_id")
        .join(partners, ["order_id", "partner_id"])
        .groupBy("product_id", "partner_id")
        .agg(F.count("*").alias("joint_orders"))
    )
    pairs = similar.join(joint_orders, ["product_id", "partner_id"], "left").fillna(
        0, "joint_orders"
    )
    joint, n, orders, expected = map(F.col, ("joint_orders", "n", "orders", "expected"))
    return (
        _counted_pairs(baskets, pairs)
        .withColumn("expected", n * F.col("partner_n") / orders)
        .where((expected >= settings.min_pair_count) & (joint < expected / 2))
        .select(
            "product_id",
            "partner_id",
            F.lit("substitute").alias("relation"),
            "joint_orders",
            (joint / orders).alias("support"),
            (joint / n).alias("confidence"),
            (joint / expected).alias("lift"),
            ((joint - expected) / orders).alias("leverage"),
            F.lit(None).cast("double").alias("follows"),
            "cosine",
        )
    )


def _joint_orders(baskets: DataFrame, settings: PairSettings) -> DataFrame:
    """Number of orders that hold both products of a pair: product_id, partner_id, joint_orders."""
    # A product of fewer orders has no pair of enough; it still counts among the orders.
    frequent = _orders_of_products(baskets).where(F.col("n") >= settings.min_pair_count)
    lines = baskets.join(frequent.select("product_id"), "product_id")
    partners = lines.withColumnRenamed("product_id", "partner_id")
    return (
        lines.join(partners, "order_id")
        .where("product_id <> partner_id")
        .groupBy("product_id", "partner_id")
        .agg(F.count("*").alias("joint_orders"))
    )


def _orders_of_products(baskets: DataFrame) -> DataFrame:
    return baskets.groupBy("product_id").agg(F.count("*").alias("n"))


def _counted_pairs(baskets: DataFrame, pairs: DataFrame) -> DataFrame:
    """Pairs with the orders of the product (n), of the partner (partner_n), and all orders."""
    sold = _orders_of_products(baskets)
    partners_sold = sold.select(
        F.col("product_id").alias("partner_id"), F.col("n").alias("partner_n")
    )
    orders = baskets.agg(F.count_distinct("order_id").alias("orders"))
    return (
        pairs.join(sold, "product_id")
        .join(partners_sold, "partner_id")
        .crossJoin(F.broadcast(orders))
    )


def rank_pairs(
    complements: DataFrame, substitutes: DataFrame, *, as_of: date, settings: PairSettings
) -> DataFrame:
    """The strongest partners of each product.

    Complements and accessories are ranked by leverage, substitutes by cosine; ties by partner.

    Args:
        complements: complements with their follow share.
        substitutes: substitutes.
        as_of: the day.
        settings: partners per product.

    Returns:
        PRODUCT_PAIRS.
    """
    pairs = complements.withColumn("cosine", F.lit(None).cast("double")).unionByName(substitutes)
    is_substitute = F.col("relation") == "substitute"
    strength = F.round(F.coalesce("cosine", "leverage"), 9)
    order = Window.partitionBy("product_id", is_substitute).orderBy(strength.desc(), "partner_id")
    return (
        pairs.withColumn("rank", F.row_number().over(order))
        .where(F.col("rank") <= settings.partners)
        .select(
            F.lit(as_of).alias("as_of"),
            "product_id",
            "partner_id",
            "relation",
            "rank",
            "joint_orders",
            *(F.round(name, 9).alias(name) for name in _MEASURES),
        )
    )
