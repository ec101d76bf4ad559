"""Real listings of the same brands at several retailers: which of them are one product.

The labels come from what the matcher may not see (see `labelled_listings`). Those of equal style
numbers served to choose the limits; what is asserted is measured on the others, which are 702 pairs
of one product and 336 of two products that look alike. A match with a product of which no label says
whether it is the same is neither right nor wrong: it is counted.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from labelled_listings import STYLE, products_of, read_labels, read_listings
from pyspark.sql import DataFrame, SparkSession

from clarion.measures.columns.frames import local_frame
from clarion.products.matching.matches import listing_matches
from clarion.products.matching.settings import MatchSettings

pytestmark = [pytest.mark.deep, pytest.mark.real_data]
RETAILERS = ("amazon", "btemptd", "calvinklein", "hankypanky", "macys", "shop_nordstrom")
# The default, and a limit for a shop that checks what it gets and wants to miss less.
STRICT, LOOSE = 0.92, 0.70


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval over resampled products, and the number of trials."""

    value: float
    low: float
    high: float
    trials: int


def _frame(spark: SparkSession, rows: pd.DataFrame, *, price: str) -> DataFrame:
    """The columns of `latest_listings` and of `product_descriptions`."""
    values = [
        (listing, listing, title, brand, None if pd.isna(amount) else float(amount))
        for listing, title, brand, amount in zip(
            rows["listing"], rows["title"], rows["brand"], rows[price], strict=True
        )
    ]
    schema = "listing_id string, competitor string, title string, brand string, price double"
    return local_frame(spark, values, schema).selectExpr(
        "*",
        "listing_id AS product_id",
        "CAST(NULL AS string) AS size",
        "CAST(NULL AS string) AS colour",
        "CAST(NULL AS string) AS stated_product_id",
    )


def _matches(
    spark: SparkSession, products: pd.DataFrame, listings: pd.DataFrame, *, min_score: float
) -> dict[str, str]:
    """The product of each listing that was matched."""
    settings = MatchSettings(
        days=90,
        chinese="bigrams",
        candidates=20,
        block_rows=5000,
        price_weight=0.2,
        min_score=min_score,
        min_margin=0.02,
    )
    # The key of a match is competitor and title: the listing stands in for the competitor.
    found = listing_matches(
        _frame(spark, listings, price="price").drop("product_id"),
        _frame(spark, products, price="mrp").drop("listing_id", "competitor", "stated_product_id"),
        as_of=date(2026, 6, 1),
        settings=settings,
    ).toPandas()
    return dict(zip(found["competitor"], found["product_id"], strict=True))


def _share(is_right: list[bool], products: list[int]) -> Share:
    """Listings of one product are matched alike: products are drawn again, with all of theirs."""
    frame = pd.DataFrame({"right": is_right, "product": products})
    by_product = frame.groupby("product")["right"].agg(["sum", "count"]).to_numpy()
    draws = np.random.default_rng(1).integers(len(by_product), size=(2000, len(by_product)))
    sums = by_product[draws].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return Share(float(np.mean(is_right)), float(low), float(high), len(is_right))


@dataclass(slots=True)
class Judgement:
    """What labels say of the matches of one shop's products."""

    precision: Share
    recall: Share
    unlabelled: int


def _judge(labels: pd.DataFrame, matches: dict[str, str], shop: str) -> Judgement:
    product_of = products_of(read_labels())
    of_shop = {name for name in product_of if name.startswith(f"{shop}/")}
    right: list[bool] = []
    owners: list[int] = []
    hit: list[bool] = []
    wanted: list[int] = []
    unlabelled = 0
    both = pd.concat([labels, labels.rename(columns={"a": "b", "b": "a"})])
    pairs = both[both["b"].isin(of_shop)]
    for listing, own in pairs.groupby("a"):
        match = matches.get(str(listing))
        has_same = bool(own["same"].any())
        is_right = match is not None and product_of.get(match) == product_of[str(listing)]
        if has_same:
            hit.append(is_right)
            wanted.append(product_of[str(listing)])
        if match is None:
            continue
        if not has_same and match not in set(own["b"]):
            unlabelled += 1
            continue
        right.append(is_right)
        owners.append(product_of[str(listing)])
    return Judgement(_share(right, owners), _share(hit, wanted), unlabelled)


def test_the_labels_are_of_listings_whose_titles_hide_them(real_data: Path) -> None:
    labels = read_labels()
    assert labels["same"].sum() >= 200
    assert (~labels["same"]).sum() >= 200
    assert not labels.duplicated(["a", "b"]).any()
    product_of = products_of(labels)
    different = labels[~labels["same"]]
    contradicted = different["a"].map(product_of) == different["b"].map(product_of)
    assert not contradicted.any(), "a pair is different, and the same by way of others"
    folder = real_data / "innerwear"
    listings = pd.concat([read_listings(folder, name) for name in RETAILERS])
    assert set(product_of) <= set(listings["listing"])
    assert not listings["title"].str.contains(STYLE).any()


@pytest.mark.covers("F2")
def test_real_listings_are_matched_by_words_and_rules(
    spark: SparkSession, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One retailer is the shop and the others are its competitors, for two shops."""
    listings = {name: read_listings(real_data / "innerwear", name) for name in RETAILERS}
    labels = read_labels()
    unseen = labels[labels["label_from"] != "style_number"]
    named = set(unseen["a"]) | set(unseen["b"])
    found: dict[tuple[str, float], Judgement] = {}
    for shop in ("macys", "shop_nordstrom"):
        others = pd.concat([rows for name, rows in listings.items() if name != shop])
        competitors = others[others["listing"].isin(named)]
        for min_score in (STRICT, LOOSE):
            matches = _matches(spark, listings[shop], competitors, min_score=min_score)
            found[shop, min_score] = _judge(unseen, matches, shop)
            judged = found[shop, min_score]
            with capsys.disabled():
                print(f"\nlistings matched with {len(listings[shop]):,} products of {shop}, limit "
                      f"{min_score}; {judged.unlabelled} matches without a label:")  # fmt: skip
                for name, value in (("precision", judged.precision), ("recall", judged.recall)):
                    print(f"{name} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] "
                          f"of {value.trials}")  # fmt: skip
    for shop in ("macys", "shop_nordstrom"):
        strict, loose = found[shop, STRICT], found[shop, LOOSE]
        assert loose.recall.value > strict.recall.value
