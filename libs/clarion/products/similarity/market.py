"""What the market says of products as of a day: place of the price, competitors' prices, sales, ratings."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.position import price_position

_OBSERVED = {"market_price": "double", "rating": "double", "ratings": "bigint", "said": "string"}
_REVIEWS_READ = 50  # of a product: the latest say what it is


def described(
    products: DataFrame,
    days: DataFrame,
    reviews: DataFrame | None,
    prices: DataFrame | None,
    *,
    as_of: date,
    within: int,
) -> DataFrame:
    """Products with what the market says of them.

    Args:
        products: current products.
        days: PRODUCT_DAYS; what became known before the as-of day counts.
        reviews: REVIEWS of these days, or None where there are none.
        prices: MARKET_PRICES of these days, or None where there are none.
        as_of: the day.
        within: how many days before it count.

    Returns:
        One row per product: its columns; units and views (null where there were none), price_position (0 the cheapest of its
        category, 1 the dearest), market_price (median of the last price of each competitor), price_gap (own price against it,
        0 = equal), rating, ratings (how many), said (its latest reviews as one text).
    """
    known = days.where(
        (F.col("known_on") < F.lit(as_of))
        & (F.col("day") < F.lit(as_of))
        & (F.col("day") >= F.date_sub(F.lit(as_of), within))
    )
    sold = known.groupBy("product_id").agg(
        *(
            F.nullif(F.sum(name).cast("double"), F.lit(0.0)).alias(name)
            for name in ("quantity", "views")
        )
    )
    found = products.join(sold.withColumnRenamed("quantity", "units"), "product_id", "left")
    if reviews is not None:
        found = found.join(_rated(reviews), "product_id", "left")
    if prices is not None:
        found = found.join(_offered(prices), "product_id", "left")
    found = found.withColumns(
        {
            name: F.lit(None).cast(type_)
            for name, type_ in _OBSERVED.items()
            if name not in found.columns
        }
    )
    own = F.col("list_price").cast("double")
    return found.withColumns(
        {
            "price_position": price_position("list_price", of="category"),
            "price_gap": F.try_divide(own, F.col("market_price")) - 1,
        }
    )


def _rated(reviews: DataFrame) -> DataFrame:
    latest = F.slice(
        F.sort_array(F.collect_list(F.struct("happened_at", "text")), asc=False), 1, _REVIEWS_READ
    )
    return (
        reviews.where("product_id IS NOT NULL")
        .groupBy("product_id")
        .agg(
            F.round(F.avg(F.col("rating").cast("double")), 9).alias("rating"),
            F.count("rating").alias("ratings"),
            latest.alias("latest"),
        )
        .withColumn("said", F.concat_ws(" ", "latest.text"))
        .drop("latest")
    )


def _offered(prices: DataFrame) -> DataFrame:
    matched = prices.where("product_id IS NOT NULL")
    last = matched.groupBy("product_id", "competitor").agg(
        F.max_by(F.col("price").cast("double"), F.struct("observed_at", "price")).alias("price")
    )
    return last.groupBy("product_id").agg(F.median("price").alias("market_price"))
