"""Matches: the product that each listing is, by whom it was matched, and why."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.products.matching.facts import (
    agreeing_kinds,
    contradicting_kinds,
    names_agree,
    size_facts,
    stated_facts,
)
from clarion.products.matching.settings import MatchSettings
from clarion.products.matching.text import candidates

_PRICE_AGREES = 0.2  # a price ratio up to a fifth off 1 is among the reasons
_COLUMNS = ("competitor", "title", "product_id", "score", "margin", "how", "reasons")


def latest_listings(prices: DataFrame) -> DataFrame:
    """What was last seen of each listing.

    Of what is stated now and then (brand, size, colour, the product it was matched with), the
    latest statement counts. Ties are broken by the greater value. The price is the median, which a
    promotion of some days does not move.

    Args:
        prices: MARKET_PRICES of the days that count; size and colour may be missing.

    Returns:
        One row per competitor and title: listing_id, competitor, title, brand, size, colour,
        price, stated_product_id (null where nobody has matched it).
    """

    def latest(name: str) -> Column:
        value = F.col(name) if name in prices.columns else F.lit(None).cast("string")
        order = F.when(value.isNotNull(), F.struct(F.col("observed_at"), value))
        return F.max_by(value, order)

    return prices.groupBy("competitor", "title").agg(
        F.first(F.xxhash64("competitor", "title").cast("string")).alias("listing_id"),
        *(latest(name).alias(name) for name in ("brand", "size", "colour")),
        F.median(F.col("price").cast("double")).alias("price"),
        latest("product_id").alias("stated_product_id"),
    )


def product_descriptions(products: DataFrame) -> DataFrame:
    """What products are compared by: product_id, title, brand, size, colour, price.

    Args:
        products: the frame of `current_products`; size and colour are among its attributes, by
            these names or as color.
    """

    def attribute(*names: str) -> Column:
        return F.coalesce(*(F.col("attributes")[name] for name in names))

    return products.select(
        "product_id",
        "title",
        "brand",
        attribute("size").alias("size"),
        attribute("colour", "color").alias("colour"),
        F.col("list_price").alias("price"),
    )


def listing_matches(
    listings: DataFrame, products: DataFrame, *, as_of: date, settings: MatchSettings
) -> DataFrame:
    """The product of each listing that has one.

    What the shop's people have matched counts as they stated it. Every other listing is matched
    with the candidate of the best score, if nothing contradicts it, the score is high enough, and
    it leads the second best clearly.

    Args:
        listings: the frame of `latest_listings`.
        products: the frame of `product_descriptions`.
        as_of: the day.
        settings: limits.

    Returns:
        LISTING_MATCHES.
    """
    is_stated = F.col("stated_product_id").isNotNull()
    stated = listings.where(is_stated).select(
        "competitor",
        "title",
        F.col("stated_product_id").alias("product_id"),
        F.lit(None).cast("double").alias("score"),
        F.lit(None).cast("double").alias("margin"),
        F.lit("stated").alias("how"),
        F.array().cast("array<string>").alias("reasons"),
    )
    open_listings = listings.where(~is_stated)
    scored = scored_pairs(
        candidates(open_listings, products, settings=settings),
        open_listings,
        products,
        price_weight=settings.price_weight,
    )
    matched = accepted_pairs(
        scored, min_score=settings.min_score, min_margin=settings.min_margin
    ).withColumn("how", F.lit("matched"))
    # Listings are many fewer than prices: one row of some words each.
    named = matched.join(F.broadcast(open_listings.drop("price")), "listing_id")
    rows = stated.unionByName(named.select(*_COLUMNS))
    return rows.select(F.lit(as_of).alias("as_of"), *_COLUMNS)


def scored_pairs(
    pairs: DataFrame, listings: DataFrame, products: DataFrame, *, price_weight: float
) -> DataFrame:
    """Pairs that nothing contradicts, with their score and what agrees.

    The score is the cosine; a price counts with its weight where both sides have one:

        score = (1 - w) · cosine + w · min(p, q) / max(p, q)

    Args:
        pairs: the frame of `candidates`.
        listings: listing_id, title, brand, size, colour, price.
        products: product_id, title, brand, size, colour, price.
        price_weight: weight w of the price, from 0 to 1.

    Returns:
        listing_id, product_id, score, reasons.
    """
    both = pairs.join(F.broadcast(_compared_columns(listings, "listing_id", "other")), "listing_id")
    both = both.join(F.broadcast(_compared_columns(products, "product_id", "own")), "product_id")
    closeness = F.least("own.price", "other.price") / F.greatest("own.price", "other.price")
    score = (1 - price_weight) * F.col("cosine") + price_weight * closeness
    brand_agrees = names_agree(F.col("own.brand"), F.col("other.brand"))
    colour_agrees = names_agree(F.col("own.colour"), F.col("other.colour"))
    facts = (F.col("own.facts"), F.col("other.facts"))
    reasons = F.concat(
        F.array_compact(
            F.array(
                F.when(brand_agrees, F.lit("brand")),
                F.when(colour_agrees, F.lit("colour")),
                F.when(closeness >= 1 - _PRICE_AGREES, F.lit("price")),
            )
        ),
        agreeing_kinds(*facts),
    )
    is_possible = (
        ~F.col("has_alternatives")
        & ~_is_pack_on_one_side("own", "other")
        & ~_is_pack_on_one_side("other", "own")
        & F.coalesce(brand_agrees, F.lit(True))
        & F.coalesce(colour_agrees, F.lit(True))
        & (F.size(contradicting_kinds(*facts)) == 0)
    )
    return both.where(is_possible).select(
        "listing_id",
        "product_id",
        F.round(F.coalesce(score, F.col("cosine")), 9).alias("score"),
        F.array_sort(reasons).alias("reasons"),
    )


def _is_pack_on_one_side(one: str, other: str) -> Column:
    """Whether the title of the one says that it is a pack, and the other states no pieces."""
    states_pieces = F.exists(F.col(f"{other}.facts"), lambda fact: fact.startswith("pieces "))
    return F.col(f"{one}.is_pack") & ~states_pieces


def accepted_pairs(pairs: DataFrame, *, min_score: float, min_margin: float) -> DataFrame:
    """The best pair of each listing, where it is good enough and leads the second best.

    Of pairs with equal scores none leads, so none is accepted while the margin is above 0.

    Args:
        pairs: the frame of `scored_pairs`.
        min_score: score from which a pair is accepted.
        min_margin: lead over the second best from which it is.

    Returns:
        listing_id, product_id, score, margin (the score itself where there is no second), reasons.
    """
    best_first = Window.partitionBy("listing_id").orderBy(F.desc("score"), "product_id")
    second = F.coalesce(F.lead("score").over(best_first), F.lit(0.0))
    return (
        pairs.withColumns(
            {
                "rank": F.row_number().over(best_first),
                "margin": F.round(F.col("score") - second, 9),
            }
        )
        .where(F.col("rank") == 1)
        .where((F.col("score") >= min_score) & (F.col("margin") >= min_margin))
        .select("listing_id", "product_id", "score", "margin", "reasons")
    )


def _compared_columns(items: DataFrame, key: str, name: str) -> DataFrame:
    """The key, and one struct of what is compared."""
    stated = stated_facts(F.col("title"))
    facts = F.array_union(stated, size_facts(F.col("size")))
    is_pack = F.exists(stated, lambda fact: fact.startswith("pieces ") & (fact != "pieces 1"))
    price = F.nullif(F.col("price").cast("double"), F.lit(0.0))
    compared = F.struct(
        "brand", "colour", price.alias("price"), facts.alias("facts"), is_pack.alias("is_pack")
    )
    return items.select(key, compared.alias(name))
