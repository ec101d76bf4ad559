"""Which of the shop's products a competitor's listing is: rules by hand, and simulated shops."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts.gold.matching import LISTING_MATCHES
from clarion.measures.columns.frames import local_frame
from clarion.measures.statistics.intervals import Interval, share
from clarion.products.matching.facts import (
    contradicting_kinds,
    names_agree,
    size_facts,
    stated_facts,
)
from clarion.products.matching.matches import (
    latest_listings,
    listing_matches,
    product_descriptions,
)
from clarion.products.matching.settings import MatchSettings
from clarion.sim import truth
from clarion.sim.course import build_world
from clarion.sim.environment_records import price_records
from clarion.sim.records import product_records
from clarion.sim.shop import parse_shop

AS_OF = date(2026, 6, 1)
SETTINGS = MatchSettings(
    days=90,
    chinese="bigrams",
    candidates=20,
    block_rows=5000,
    price_weight=0.2,
    min_score=0.92,
    min_margin=0.02,
)
# Competitors move words; only whole words are the same in any order.
CHINESE_SETTINGS = replace(SETTINGS, chinese="jieba")
LAST = 180  # day of the simulated shops up to which prices are seen
PRICE = (
    "competitor string, title string, brand string, size string, colour string, "
    "price double, observed_at timestamp, product_id string"
)
PRODUCTS = [
    {"product_id": "p1", "title": "rose face cream 50 ml", "brand": "Lumi"},
    {"product_id": "p2", "title": "rose face cream 100 ml", "brand": "Lumi"},
    {"product_id": "p3", "title": "cotton crew socks", "brand": "Walk"},
    {"product_id": "p4", "title": "steel garden spade", "brand": "Dig"},
]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well unmatched listings of a simulated shop were matched."""

    precision: Interval
    recall: Interval


def _products(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    values = [
        (row["product_id"], row["title"], row.get("brand"), row.get("attributes"), row.get("price"))
        for row in rows
    ]
    texts = "product_id string, title string, brand string, attributes map<string,string>"
    frame = local_frame(spark, values, f"{texts}, list_price double")
    return product_descriptions(frame)


def _listings(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    names = ("brand", "size", "colour")
    values = [
        (
            row.get("competitor", "Alpha"),
            row["title"],
            *(row.get(name) for name in names),
            row.get("price", 10.0),
            pd.Timestamp(row.get("observed_at", datetime(2026, 5, 30))).to_pydatetime(),
            row.get("product_id"),
        )
        for row in rows
    ]
    return latest_listings(local_frame(spark, values, PRICE))


def _matches(listings: DataFrame, products: DataFrame) -> dict[str, str]:
    rows = listing_matches(listings, products, as_of=AS_OF, settings=SETTINGS).collect()
    return {row["title"]: row["product_id"] for row in rows}


def test_a_listing_of_the_same_words_is_matched_and_says_why(spark: SparkSession) -> None:
    listings = _listings(spark, {"title": "Cotton crew socks Walk", "brand": "WALK", "price": 9.0})
    products = _products(spark, *(row | {"price": 10.0} for row in PRODUCTS))
    table = listing_matches(listings, products, as_of=AS_OF, settings=SETTINGS)
    assert table.columns == list(LISTING_MATCHES.column_names)
    assert dict(table.dtypes) == {column.name: column.type for column in LISTING_MATCHES.columns}
    row = table.collect()[0]
    assert (row["product_id"], row["how"]) == ("p3", "matched")
    assert row["reasons"] == ["brand", "price"]
    # The words are the same, and the price counts with a fifth: 0.8 · 1 + 0.2 · 9/10.
    assert row["score"] == pytest.approx(0.98)
    assert row["margin"] == pytest.approx(0.98), "no other product shares a word"


def test_a_listing_of_another_brand_size_or_colour_is_refused(spark: SparkSession) -> None:
    red = {"title": "red silk scarf", "product_id": "p5", "attributes": {"color": "red"}}
    products = _products(spark, *PRODUCTS, red)
    listings = _listings(
        spark,
        {"title": "cotton crew socks", "brand": "Run"},
        {"title": "rose face cream 200 ml", "brand": "Lumi"},
        {"title": "red silk scarf", "colour": "blue"},
        {"title": "steel garden spade 3-pack", "brand": "Dig"},
        {"title": "rose face cream 100ML", "brand": "lumi"},
    )
    assert _matches(listings, products) == {"rose face cream 100ML": "p2"}


def test_a_listing_that_may_be_one_of_two_products_is_not_matched(spark: SparkSession) -> None:
    twins = [{"product_id": name, "title": "wool winter hat", "brand": "Cap"} for name in "ab"]
    listing = {"title": "wool winter hat", "brand": "Cap"}
    others = _products(spark, *PRODUCTS, *twins)
    assert _matches(_listings(spark, listing), others) == {}
    only_one = _products(spark, *PRODUCTS, twins[0])
    assert _matches(_listings(spark, listing), only_one) == {"wool winter hat": "a"}


def test_what_the_shops_people_matched_is_never_overwritten(spark: SparkSession) -> None:
    products = _products(spark, *PRODUCTS)
    stated = {"title": "cotton crew socks", "brand": "Walk", "product_id": "p4"}
    earlier = stated | {"product_id": "p1", "observed_at": datetime(2026, 5, 1)}
    unstated_later = stated | {"product_id": None, "observed_at": datetime(2026, 5, 31)}
    listings = _listings(spark, stated, earlier, unstated_later)
    table = listing_matches(listings, products, as_of=AS_OF, settings=SETTINGS).collect()
    assert [(row["product_id"], row["how"], row["score"]) for row in table] == [
        ("p4", "stated", None)
    ]


def test_several_listings_may_be_one_product(spark: SparkSession) -> None:
    listing = {"title": "cotton crew socks", "brand": "Walk"}
    listings = _listings(spark, *(listing | {"competitor": name} for name in ("Alpha", "Beta")))
    products = _products(spark, *PRODUCTS)
    rows = listing_matches(listings, products, as_of=AS_OF, settings=SETTINGS).collect()
    assert sorted((row["competitor"], row["product_id"]) for row in rows) == [
        ("Alpha", "p3"),
        ("Beta", "p3"),
    ]


def test_a_shop_without_products_or_listings_has_no_matches(spark: SparkSession) -> None:
    listings = _listings(spark, {"title": "cotton crew socks"})
    assert _matches(listings, _products(spark, *PRODUCTS).limit(0)) == {}
    assert _matches(listings.limit(0), _products(spark, *PRODUCTS)) == {}


def test_words_that_the_shop_never_uses_together_exclude_each_other(spark: SparkSession) -> None:
    """Twelve pairs of a bikini and a thong of one name: a listing is of one kind or the other."""
    names = ["lace", "dots", "rose", "navy", "silk", "mesh", "plum", "sand", "moss", "sage", "teal"]
    kinds = ("bikini", "thong")
    products = [
        {"product_id": f"{kind} {name}", "title": f"soft {name} {kind}"}
        for kind in kinds
        for name in (*names, "gold")
        if (kind, name) != ("thong", "gold")
    ]
    listings = _listings(spark, {"title": "soft gold thong"}, {"title": "soft gold bikini"})
    loose = replace(SETTINGS, min_score=0.3, min_margin=0.01)
    rows = listing_matches(
        listings, _products(spark, *products), as_of=AS_OF, settings=loose
    ).collect()
    assert {row["title"]: row["product_id"] for row in rows} == {"soft gold bikini": "bikini gold"}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Cream 50ML", ["volume 50"]),
        ("Juice 1.5 l × 6", ["volume 1500", "pieces 6"]),
        ("Socks 3-pack", ["pieces 3"]),
        ("set of 12 cards", ["pieces 12"]),
        ("洗发水 500ml 2瓶装", ["volume 500", "pieces 2"]),
        ("Phone 14 128 GB", ["storage 128", "number 14"]),
        ("plain", []),
    ],
)
def test_a_title_states_sizes_pieces_and_numbers(
    spark: SparkSession, text: str, facts: list[str]
) -> None:
    frame = local_frame(spark, [(text,)], "title string")
    row = frame.select(stated_facts(F.col("title")).alias("facts")).first()
    assert row is not None
    assert sorted(row["facts"]) == sorted(facts)


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        ("50 ml", "0.05 l", []),
        ("50 ml", "100 ml", ["volume"]),
        ("XL", "xl", []),
        ("38", "40", ["size"]),
        ("90 x 200", "90x200", []),
        ("50 ml", "50 g", []),
        ("M", None, []),
    ],
)
def test_sizes_contradict_each_other_within_one_kind_only(
    spark: SparkSession, left: str, right: str | None, kinds: list[str]
) -> None:
    frame = local_frame(spark, [(left, right)], "left string, right string")
    facts = (size_facts(F.col("left")), size_facts(F.col("right")))
    row = frame.select(contradicting_kinds(*facts).alias("kinds")).first()
    assert row is not None
    assert row["kinds"] == kinds


@pytest.mark.parametrize(
    ("left", "right", "agree"),
    [
        ("Calvin-Klein", "CALVIN KLEIN Performance", True),
        ("b.tempt'd by Wacoal", "b-temptd", True),
        ("HankyPanky", "Hanky Panky", True),
        ("B1", "B12", False),
        ("navy", "navy blue", True),
        ("red", "bordered", False),
        ("藏青", "藏青色", True),
        ("红色", "黑色", False),
        ("red", None, None),
    ],
)
def test_names_of_one_brand_or_colour_agree(
    spark: SparkSession, left: str, right: str | None, agree: bool | None
) -> None:
    frame = local_frame(spark, [(left, right)], "left string, right string")
    row = frame.select(names_agree(F.col("left"), F.col("right")).alias("agree")).first()
    assert row is not None
    assert row["agree"] is agree


@dataclass(frozen=True, slots=True)
class Market:
    """Listings and products of a simulated shop, and what each unmatched listing truly is."""

    listings: DataFrame
    products: DataFrame
    truth: pd.DataFrame


def _market(spark: SparkSession, shop: str, seed: int) -> Market:
    content = parse_yaml(Config.load().text(f"shops/{shop}.yml"), where=shop)
    world = build_world(parse_shop(content | {"customers": 50}, where=shop), seed=seed)
    seen = price_records(world.surroundings, world.clock, LAST - 30, LAST)
    own = product_records(world.surroundings, first=None, last=LAST)
    listings = _listings(spark, *_rows(seen.rename(columns={"product_ref": "product_id"}))).where(
        "stated_product_id IS NULL"
    )
    variants = own[["size", "colour"]].to_dict("records")
    own["attributes"] = pd.Series(variants, index=own.index, dtype=object)
    own["price"] = own["list_price"].astype(float)
    products = _products(spark, *_rows(own.rename(columns={"product_ref": "product_id"})))
    known = truth.surroundings(world, LAST)["listings"][["competitor", "title", "product_ref"]]
    is_own = known["product_ref"].isin(own["product_ref"])
    known["product_ref"] = known["product_ref"].where(is_own)
    unmatched = listings.select("competitor", "title").toPandas()
    return Market(listings, products, unmatched.merge(known, on=["competitor", "title"]))


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts, with None for what is missing."""
    return [
        {
            str(name): None if value is None or value is pd.NaT else value
            for name, value in row.items()
        }
        for row in frame.astype(object).to_dict("records")
    ]


def _quality(market: Market, settings: MatchSettings) -> Quality:
    table = listing_matches(market.listings, market.products, as_of=AS_OF, settings=settings)
    matched = table.toPandas().merge(market.truth, on=["competitor", "title"])
    right = int((matched["product_id"] == matched["product_ref"]).sum())
    precision = share(right, len(matched))
    recall = share(right, int(market.truth["product_ref"].notna().sum()))
    assert isinstance(precision, Interval)
    assert isinstance(recall, Interval)
    return Quality(precision, recall)


@pytest.mark.parametrize(
    ("shop", "seed"),
    [
        ("fashion", 11),
        ("beauty", 11),
        pytest.param("gifts", 11, marks=pytest.mark.deep),
        pytest.param("grocery", 11, marks=pytest.mark.deep),
        pytest.param("electronics", 11, marks=pytest.mark.deep),
        pytest.param("fashion", 12, marks=pytest.mark.deep),
        pytest.param("beauty", 12, marks=pytest.mark.deep),
        pytest.param("gifts", 12, marks=pytest.mark.deep),
    ],
)
def test_unmatched_listings_of_a_simulated_shop_get_their_true_product(
    spark: SparkSession, shop: str, seed: int
) -> None:
    """Of the listings that nobody has matched, more than half are no product of the shop."""
    market = _market(spark, shop, seed)
    assert market.truth["product_ref"].isna().mean() > 0.5
    settings = CHINESE_SETTINGS if shop in ("beauty", "electronics") else SETTINGS
    quality = _quality(market, settings)
    assert quality.precision.value >= 0.95, quality
    assert quality.precision.low >= 0.92, quality
    assert quality.recall.value >= 0.80, quality
    assert quality.recall.low >= 0.80, quality


def test_a_competitors_article_number_changes_no_match(spark: SparkSession) -> None:
    """The simulation appends a number of the product: with any other number all stays the same."""
    market = _market(spark, "gifts", 5)
    assert market.products.where(F.col("title").rlike(r"\d")).isEmpty(), "own titles: no number"
    chance = F.abs(F.xxhash64("listing_id")) % 97
    other_number = F.regexp_replace("title", r"\d+$", F.lpad(chance.cast("string"), 2, "0"))
    renumbered = market.listings.withColumn("title", other_number)

    def products_of(listings: DataFrame) -> dict[tuple[str, str], str]:
        table = listing_matches(listings, market.products, as_of=AS_OF, settings=SETTINGS)
        plain = F.regexp_replace("title", r"\d+$", "").alias("plain")
        rows = table.select("competitor", plain, "product_id").distinct().collect()
        return {(row["competitor"], row["plain"]): row["product_id"] for row in rows}

    before = products_of(market.listings)
    assert len(before) > 100
    assert products_of(renumbered) == before
