"""What the market says about products as of a day: price position, competitors, sales, ratings."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.days import is_known_by
from clarion.measures.columns.position import price_position

_NOT_OBSERVED = {
    "market_price": "double",
    "rating": "double",
    "ratings": "bigint",
    "review_text": "string",
}
_LATEST_REVIEWS = 50  # of a product; their words describe it


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """Facts of the days that count.

    Args:
        product_days: PRODUCT_DAYS.
        reviews: REVIEWS, or None where the shop has none.
        prices: MARKET_PRICES, or None where the shop has none.
    """

    product_days: DataFrame
    reviews: DataFrame | None = None
    prices: DataFrame | None = None


def with_market_facts(
    products: DataFrame, facts: MarketFacts, *, as_of: date, days: int
) -> DataFrame:
    """Products with what the market says about them.

    Args:
        products: current products.
        facts: the facts; of product days those count that were known before the as-of day.
        as_of: first day that does not count.
        days: how many days before it count.

    Returns:
        One row per product: its columns; units and views (null where there were none);
        price_position (0 the cheapest of its category, 1 the dearest); market_price (median of
        each competitor's latest price); price_gap (own price / market price - 1); rating and
        ratings (mean and number); review_text (its latest reviews).
    """
    observed = products.join(_sales(facts.product_days, as_of, days), "product_id", "left")
    if facts.reviews is not None:
        observed = observed.join(_ratings(facts.reviews), "product_id", "left")
    if facts.prices is not None:
        observed = observed.join(_market_prices(facts.prices), "product_id", "left")
    missing = {
        name: F.lit(None).cast(type_)
        for name, type_ in _NOT_OBSERVED.items()
        if name not in observed.columns
    }
    own_price = F.col("list_price").cast("double")
    return observed.withColumns(missing).withColumns(
        {
            "price_position": price_position("list_price", of="category"),
            "price_gap": F.try_divide(own_price, F.col("market_price")) - 1,
        }
    )


def _sales(product_days: DataFrame, as_of: date, days: int) -> DataFrame:
    """Units and views of each product in the window."""
    in_window = F.col("day") >= F.date_sub(F.lit(as_of), days)

    def total(name: str) -> Column:
        return F.nullif(F.sum(name).cast("double"), F.lit(0.0))

    return (
        product_days.where(is_known_by(as_of) & in_window)
        .groupBy("product_id")
        .agg(total("quantity").alias("units"), total("views").alias("views"))
    )


def _ratings(reviews: DataFrame) -> DataFrame:
    newest_first = F.sort_array(F.collect_list(F.struct("happened_at", "text")), asc=False)
    return (
        reviews.where("product_id IS NOT NULL")
        .groupBy("product_id")
        .agg(
            F.round(F.avg(F.col("rating").cast("double")), 9).alias("rating"),
            F.count("rating").alias("ratings"),
            F.slice(newest_first, 1, _LATEST_REVIEWS).alias("latest"),
        )
        .withColumn("review_text", F.concat_ws(" ", "latest.text"))
        .drop("latest")
    )


def _market_prices(prices: DataFrame) -> DataFrame:
    latest_price = F.max_by(F.col("price").cast("double"), F.struct("observed_at", "price"))
    return (
        prices.where("product_id IS NOT NULL")
        .groupBy("product_id", "competitor")
        .agg(latest_price.alias("price"))
        .groupBy("product_id")
        .agg(F.median("price").alias("market_price"))
    )
