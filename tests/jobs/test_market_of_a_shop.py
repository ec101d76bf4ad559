"""The market position of a simulated shop, compared with its truth and with tables of other jobs."""

import math

import numpy as np
import pytest
from pyspark.sql import functions as F
from worlds import World

from clarion.sim import market


def test_planted_listings_cuts_and_promotions_are_found(world: World) -> None:
    """On the last day that prices are seen, every figure follows from the truth of the shop."""
    own, last = world.shop.surroundings, (world.as_of - world.shop.shop.starts_on).days - 1
    names = world.shop.shop.competitors
    expected = {name: np.zeros(3, int) for name in names}
    for listings in (own.listings, own.others):
        _, is_cut = market.listing_factors(own.catalogue, listings, last)
        category = listings.goods.category[listings.product]
        _, reduction = market.promotion(own.catalogue, listings.competitor, category, last)
        seen = [day for day in range(last + 1) if day % 7 == 3 or day == last]
        is_there = listings.since <= last
        first = np.array(
            [next((day for day in seen if day >= since), 10**6) for since in listings.since]
        )
        is_new = is_there & (first > last - 28)
        for number, name in enumerate(names):
            of = is_there & (listings.competitor == number)
            promoted = of & ((reduction > 0) | is_cut)
            expected[name] += [of.sum(), (of & is_new).sum(), promoted.sum()]
    rows = world.read("gold.competitors").where("category = 'all'").collect()
    found = {
        row["competitor"]: [row["listings"], row["new_listings"], row["promoted_listings"]]
        for row in rows
    }
    assert found == {name: counts.tolist() for name, counts in expected.items()}
    assert sum(row["new_listings"] for row in rows) > 0


def test_the_index_is_that_of_the_product_list_and_the_last_prices_seen(world: World) -> None:
    """The job reads the weeks of both in one pass; here they come from the tables of others."""
    products = (
        world.read("gold.product_attributes")
        .select("product_id", "category", "brand", F.col("list_price").cast("double").alias("ours"))
        .toPandas()
    )
    last_price = F.max_by(F.col("price").cast("double"), F.struct("observed_at", -F.col("price")))
    prices = (
        world.read("silver.market_prices")
        .where(F.col("observed_at") < F.lit(world.as_of))
        .groupBy("competitor", "title")
        .agg(last_price.alias("theirs"))
        .join(world.read("gold.listing_matches"), ["competitor", "title"])
        .select("competitor", "product_id", "theirs")
        .toPandas()
    )
    both = prices.merge(products, on="product_id")
    both["log_ratio"] = np.log(both["ours"] / both["theirs"])
    found = {
        row["category"]: (row["price_index"], row["matched_listings"])
        for row in world.read("gold.market_position").where("matched_listings > 0").collect()
    }
    expected = {
        str(category): (math.exp(rows["log_ratio"].mean()), len(rows))
        for category, rows in [("all", both), *both.groupby("category")]
    }
    assert found == {
        category: (pytest.approx(index), listings)
        for category, (index, listings) in expected.items()
    }
    assert len(found) > 3
    own = {
        str(category): (len(rows), rows["brand"].nunique())
        for category, rows in products.groupby("category")
    }
    competitors = world.read("gold.competitors").where("category != 'all'").collect()
    assert competitors
    for row in competitors:
        # A match that the shop's people stated may be of a product that its list lacks.
        expected_own = own.get(row["category"], (0, 0))
        assert (row["own_products"], row["own_brands"]) == expected_own
