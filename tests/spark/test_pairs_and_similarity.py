"""What goes with what, what stands in for what, and who is liked by the same people: against counts by hand and pandas."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.products.similarity import by_buyers, pairs
from clarion.products.similarity.settings import PairSettings
from clarion.products.similarity.tokens import Chinese, tokens

AS_OF = date(2026, 6, 1)
LINE = "customer_id string, order_id string, product_id string, happened_at string"


@pytest.fixture
def settings(config: Config) -> PairSettings:
    return replace(config.section(PairSettings), min_together=5, min_lift=1.2)


def _shop() -> list[tuple[str, str, str, str]]:
    """A printer with ink, two teas of which one buys either, and bread with anything."""
    rng = np.random.default_rng(8)
    lines = []
    for number in range(400):
        who, order, day = (
            f"c{number % 150:03d}",
            f"o{number:03d}",
            f"2026-{1 + number // 100:02d}-{1 + number % 28:02d} 10:00:00",
        )
        basket = {"bread"} if rng.random() < 0.5 else set()
        basket |= {"printer", "ink"} if rng.random() < 0.15 else set()
        basket |= (
            {("green tea", "black tea")[int(rng.random() < 0.5)]} if rng.random() < 0.5 else set()
        )
        lines += [(who, order, product, day) for product in sorted(basket)]
    return lines


@pytest.fixture
def sold(rows: Callable[..., DataFrame]) -> DataFrame:
    return rows(LINE, *_shop()).withColumn("happened_at", F.to_timestamp("happened_at"))


PRICES = [("printer", 200.0), ("ink", 30.0), ("bread", 2.0), ("green tea", 8.0), ("black tea", 8.0)]


@pytest.fixture
def products(rows: Callable[..., DataFrame]) -> DataFrame:
    return rows("product_id string, list_price double", *PRICES)


def _complements(sold: DataFrame, products: DataFrame, settings: PairSettings) -> DataFrame:
    return pairs.with_order(
        pairs.complements(pairs.baskets(sold, settings=settings), products, settings=settings),
        sold,
        settings=settings,
    )


def test_what_goes_together_equals_a_count_by_hand(
    sold: DataFrame, products: DataFrame, settings: PairSettings
) -> None:
    found = {
        (row["product_id"], row["partner_id"]): row
        for row in _complements(sold, products, replace(settings, min_lift=0.0)).collect()
    }
    baskets: dict[str, set[str]] = {}
    for _, order, product, _ in _shop():
        baskets.setdefault(order, set()).add(product)

    def share(*items: str) -> float:
        return sum(set(items) <= basket for basket in baskets.values()) / len(baskets)

    expected = {
        pair
        for pair in permutations([name for name, _ in PRICES], 2)
        if share(*pair) * len(baskets) >= settings.min_together
    }
    assert set(found) == expected
    for (product, partner), row in found.items():
        both = share(product, partner)
        measured = (row["support"], row["confidence"], row["lift"], row["leverage"])
        by_hand = (
            both,
            both / share(product),
            both / share(product) / share(partner),
            both - share(product) * share(partner),
        )
        assert measured == pytest.approx(by_hand), (product, partner)


def test_an_accessory_is_cheap_and_sold_with_its_main_product(
    rows: Callable[..., DataFrame], settings: PairSettings
) -> None:
    lines = [
        (f"c{n}", f"o{n}", product, "2026-05-01 10:00:00")
        for n in range(60)
        for product in (("phone",) if n % 3 else ("phone", "case"))
    ]
    lines += [(f"d{n}", f"q{n}", "bread", "2026-05-01 10:00:00") for n in range(120)]
    lines += [
        (f"c{n}", f"later{n}", "case", "2026-05-09 10:00:00") for n in range(60) if n % 3 == 1
    ]
    sold = rows(LINE, *lines).withColumn("happened_at", F.to_timestamp("happened_at"))
    prices = rows(
        "product_id string, list_price double", ("phone", 500.0), ("case", 20.0), ("bread", 2.0)
    )
    found = {
        (row["product_id"], row["partner_id"]): (row["relation"], row["follows"])
        for row in _complements(sold, prices, settings).collect()
    }
    assert found == {("phone", "case"): ("accessory", 1.0), ("case", "phone"): ("complement", 0.0)}


def test_a_large_order_says_nothing_of_its_pairs(
    rows: Callable[..., DataFrame], products: DataFrame, settings: PairSettings
) -> None:
    wholesale = [
        (None, f"o{n}", f"p{item}", "2026-05-01 10:00:00") for n in range(9) for item in range(8)
    ]
    sold = rows(LINE, *wholesale).withColumn("happened_at", F.to_timestamp("happened_at"))
    assert _complements(sold, products, replace(settings, max_basket=7, min_lift=0.0)).isEmpty()


def test_alike_and_seldom_together_is_a_substitute(
    rows: Callable[..., DataFrame], sold: DataFrame, products: DataFrame, settings: PairSettings
) -> None:
    near = rows(
        "product_id string, neighbour_id string, cosine double",
        ("green tea", "black tea", 0.8),
        ("black tea", "green tea", 0.8),
        ("printer", "ink", 0.9),
    )
    alike = pairs.substitutes(pairs.baskets(sold, settings=settings), near, settings=settings)
    found = {(row["product_id"], row["partner_id"]): row["together"] for row in alike.collect()}
    assert found == {("green tea", "black tea"): 0, ("black tea", "green tea"): 0}
    ranked = pairs.ranked(
        _complements(sold, products, settings), alike, as_of=AS_OF, settings=settings
    )
    relations = {
        (row["product_id"], row["partner_id"], row["relation"]) for row in ranked.collect()
    }
    assert ("green tea", "black tea", "substitute") in relations
    assert ("printer", "ink", "complement") in relations
    assert not any(
        {product, partner} == {"green tea", "black tea"} and relation != "substitute"
        for product, partner, relation in relations
    )


@pytest.mark.covers("M3")
@pytest.mark.parametrize("block_rows", [4, 1000])
def test_jaccard_equals_sets_of_buyers(rows: Callable[..., DataFrame], block_rows: int) -> None:
    rng = np.random.default_rng(3)
    bought = sorted({(f"c{rng.integers(30)}", f"p{rng.integers(12):02d}") for _ in range(160)})
    frame = rows("customer_id string, product_id string", *bought, *bought[:20])
    found = by_buyers.by_buyers(
        frame, as_of=AS_OF, k=50, min_common=2, block_rows=block_rows
    ).collect()
    buyers = {product: {who for who, what in bought if what == product} for _, product in bought}
    expected = {}
    for one, other in permutations(buyers, 2):
        common = buyers[one] & buyers[other]
        if len(common) >= 2:
            expected[one, other] = (len(common) / len(buyers[one] | buyers[other]), len(common))
    assert {
        (row["product_id"], row["neighbour_id"]): (pytest.approx(row["similarity"]), row["common"])
        for row in found
    } == expected


@pytest.mark.covers("M3")
@pytest.mark.parametrize("block_rows", [4, 1000])
def test_pearson_equals_pandas_over_people_who_rated_both(
    rows: Callable[..., DataFrame], block_rows: int
) -> None:
    rng = np.random.default_rng(4)
    rated = [
        (f"c{who:02d}", f"p{what:02d}", float(rng.integers(0, 6)))
        for who in range(25)
        for what in range(10)
        if rng.random() < 0.6
    ]
    rated += [
        (f"c{who:02d}", "flat", 3.0) for who in range(25)
    ]  # rated alike by all: no correlation
    found = by_buyers.by_ratings(
        rows("customer_id string, product_id string, value double", *rated),
        as_of=AS_OF,
        k=50,
        min_common=5,
        block_rows=block_rows,
    )
    table = pd.DataFrame(rated, columns=["who", "what", "stars"]).pivot_table(
        index="who", columns="what", values="stars"
    )
    theirs = table.corr(min_periods=5)
    expected = {
        (a, b): theirs.loc[a, b]
        for a, b in permutations(theirs.columns, 2)
        if theirs.loc[a, b] > 1e-9
    }
    ours = {(row["product_id"], row["neighbour_id"]): row["similarity"] for row in found.collect()}
    assert ours.keys() == expected.keys()
    assert all(ours[pair] == pytest.approx(expected[pair], abs=1e-9) for pair in ours)


def test_without_purchases_and_customers_nothing_is_similar(rows: Callable[..., DataFrame]) -> None:
    nobody = rows("customer_id string, product_id string", (None, "p1"), (None, "p2"))
    assert by_buyers.by_buyers(nobody, as_of=AS_OF, k=5, min_common=1, block_rows=10).isEmpty()


@pytest.mark.covers("M2")
@pytest.mark.parametrize(
    ("text", "chinese", "expected"),
    [
        ("Green Tea 500 ml × 6", "bigrams", ["green", "tea", "500ml", "x6"]),
        ("ＳＨＡＭＰＯＯ５００ｍｌ", "bigrams", ["shampoo500ml"]),
        ("milk 1.5 L", "bigrams", ["milk", "1p5l"]),
        ("保湿面霜 50g*2", "bigrams", ["50g", "x2", "保湿", "湿面", "面霜"]),
        ("保湿面霜", "jieba", ["保湿", "面霜"]),
        ("HUAWEI 华为手机", "jieba", ["huawei", "华为", "手机"]),
        ("😀😀", "bigrams", []),
        ("", "bigrams", []),
        (None, "jieba", []),
    ],
)
def test_texts_are_taken_apart(
    rows: Callable[..., DataFrame], text: str | None, chinese: Chinese, expected: list[str]
) -> None:
    frame = rows("text string", (text,)).select(
        F.filter(
            tokens(F.col("text"), stop_words=[], chinese=chinese), lambda word: word != ""
        ).alias("found")
    )
    assert frame.first()["found"] == expected
