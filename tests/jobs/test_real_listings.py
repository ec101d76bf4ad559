"""Real listings of the same brands at several retailers: which of them are one product.

The label is the style number, which the matcher may not see: it is taken out of titles, and neither
addresses nor descriptions are given to it. Two listings of one style number are one product, two
of different numbers are not. Half of the style numbers, by a hash, served to choose the limits; what
is asserted is measured on the other half.
"""

import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from clarion.measures.statistics.intervals import Interval, share
from clarion.products.matching.matches import listing_matches
from clarion.products.matching.settings import MatchSettings

pytestmark = [pytest.mark.deep, pytest.mark.real_data]
STYLE = r"([A-Z]{0,3}\d{4,}\w*)"
STATED_STYLE = r"(?i)style\s*(?:#|no\.?|number)\W{0,4}([A-Z]{0,3}\d{3,}\w*)"
BRAND_SHOPS = ("btemptd", "calvinklein", "amazon", "shop_nordstrom")
COLUMNS = ["product_name", "pdp_url", "brand_name", "description", "style_attributes"]
# The default, and limits for a shop that checks what it gets and wants to miss less.
STRICT, LOOSE = 0.92, 0.70


@dataclass(frozen=True, slots=True)
class Found:
    """Precision and recall on one half of the style numbers."""

    precision: Interval
    recall: Interval


def _listings(real_data: Path, retailer: str) -> pd.DataFrame:
    """One row per style number of a retailer: style, title (without it), brand, price, mrp."""
    path = real_data / "innerwear" / f"{retailer}_com.parquet"
    rows = pd.read_parquet(path, columns=[*COLUMNS, "price", "mrp"])
    texts = rows["description"].astype(str) + " " + rows["style_attributes"].astype(str)
    stated = rows["product_name"].str.extract(rf"\b{STYLE}\b")[0]
    stated = stated.where(stated.notna(), texts.str.extract(STATED_STYLE)[0])
    if retailer == "btemptd":  # its texts name the styles of matching goods
        stated = rows["pdp_url"].str.extract(r"-(\d{6})-p")[0]
    if retailer == "calvinklein":  # its "Style Number" is another one than that of other retailers
        stated = texts.str.extract(r"\b([A-Z]{1,2}\d{4}\w*)\b")[0]
    frame = pd.DataFrame(
        {
            "style": stated.str.upper(),
            "title": rows["product_name"].str.replace(rf"'?\b{STYLE}\b'?", "", regex=True),
            "brand": rows["brand_name"],
            "price": _amounts(rows["price"]),
            "mrp": _amounts(rows["mrp"]),
        }
    )
    known = frame.dropna(subset=["style"]).groupby(["style", "title"], as_index=False)
    styles = known.agg({"brand": "first", "price": "median", "mrp": "median"})
    return styles.drop_duplicates("style")


def _amounts(texts: pd.Series) -> pd.Series:
    return texts.astype(str).str.extract(r"(\d+(?:\.\d+)?)")[0].astype(float)


def _frame(spark: SparkSession, rows: pd.DataFrame, *, price: str) -> DataFrame:
    """The columns of `latest_listings` and of `product_descriptions`, with the style as the id."""
    values = [
        (style, "other", title, brand, None if pd.isna(amount) else float(amount))
        for style, title, brand, amount in zip(
            rows["style"], rows["title"], rows["brand"], rows[price], strict=True
        )
    ]
    schema = "listing_id string, competitor string, title string, brand string, price double"
    return spark.createDataFrame(values, schema).selectExpr(
        "*",
        "listing_id AS product_id",
        "CAST(NULL AS string) AS size",
        "CAST(NULL AS string) AS colour",
        "CAST(NULL AS string) AS stated_product_id",
    )


def _is_reported(style: str) -> bool:
    """Whether a style number is of the half that did not serve to choose the limits."""
    return zlib.crc32(style.encode()) % 2 == 1


def _found(
    spark: SparkSession, products: pd.DataFrame, listings: pd.DataFrame, *, min_score: float
) -> Found:
    settings = MatchSettings(
        days=90,
        chinese="bigrams",
        candidates=20,
        block_rows=5000,
        price_weight=0.2,
        min_score=min_score,
        min_margin=0.02,
    )
    reported = listings[listings["style"].map(_is_reported)]
    # The key of a listing is its competitor and title: the style stands in for the competitor.
    named = _frame(spark, reported, price="price").drop("competitor", "product_id")
    matches = listing_matches(
        named.withColumnRenamed("listing_id", "competitor").selectExpr(
            "*", "competitor AS listing_id"
        ),
        _frame(spark, products, price="mrp").drop("listing_id", "competitor", "stated_product_id"),
        as_of=date(2026, 6, 1),
        settings=settings,
    ).toPandas()
    right = int((matches["competitor"] == matches["product_id"]).sum())
    precision = share(right, len(matches))
    recall = share(right, int(reported["style"].isin(products["style"]).sum()))
    assert isinstance(precision, Interval)
    assert isinstance(recall, Interval)
    return Found(precision, recall)


def test_listings_of_one_style_number_are_matched_without_seeing_it(
    spark: SparkSession, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Macy's is the shop and the brands' own shops are its competitors, and the other way round."""
    macys = _listings(real_data, "macys")
    others = pd.concat([_listings(real_data, name) for name in BRAND_SHOPS])
    brands = others.drop_duplicates("style")
    assert not macys["title"].str.contains(r"\b[A-Z]{0,3}\d{4,}").any(), "the label is hidden"
    pairs = len(macys.merge(brands, on="style"))
    assert pairs > 100
    results = {}
    for shop, products, listings in (
        ("macys", macys, brands),
        ("brands", brands, macys),
    ):
        for min_score in (STRICT, LOOSE):
            found = _found(spark, products, listings, min_score=min_score)
            results[shop, min_score] = found
            with capsys.disabled():
                print(f"\nlistings matched with {len(products)} products of {shop}, {min_score}:")
                for name, value in (("precision", found.precision), ("recall", found.recall)):
                    print(f"{name} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}]")
    for shop in ("macys", "brands"):
        assert results[shop, LOOSE].recall.value > results[shop, STRICT].recall.value
        assert results[shop, LOOSE].recall.value >= 0.4
        assert results[shop, LOOSE].precision.value >= 0.6
