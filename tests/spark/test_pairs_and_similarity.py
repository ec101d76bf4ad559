"""Complements, substitutes, and products of the same people, against counts and pandas."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import permutations
from itertools import product as product_of

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.products.similarity import pairs
from clarion.products.similarity.collaborative import product_similarities
from clarion.products.similarity.settings import PairSettings
from clarion.products.similarity.tokens import Chinese, tokens

AS_OF = date(2026, 6, 1)
LINE = "customer_id string, order_id string, product_id string, happened_at string"


@pytest.fixture
def settings(config: Config) -> PairSettings:
    return replace(config.section(PairSettings), min_pair_count=5, min_lift=1.2)


def _shop() -> list[tuple[str, str, str, str]]:
    """Orders of a printer with ink, of one of two teas, and of bread with anything."""
    rng = np.random.default_rng(8)
    lines = []
    for number in range(400):
        customer = f"c{number % 150:03d}"
        order = f"o{number:03d}"
        happened_at = f"2026-{1 + number // 100:02d}-{1 + number % 28:02d} 10:00:00"
        basket: set[str] = set()
        if rng.random() < 0.5:
            basket.add("bread")
        if rng.random() < 0.15:
            basket |= {"printer", "ink"}
        if rng.random() < 0.5:
            basket.add(("green tea", "black tea")[int(rng.random() < 0.5)])
        lines += [(customer, order, product, happened_at) for product in sorted(basket)]
    return lines


@pytest.fixture
def sold(rows: Callable[..., DataFrame]) -> DataFrame:
    return rows(LINE, *_shop()).withColumn("happened_at", F.to_timestamp("happened_at"))


PRICES = [("printer", 200.0), ("ink", 30.0), ("bread", 2.0), ("green tea", 8.0), ("black tea", 8.0)]


@pytest.fixture
def products(rows: Callable[..., DataFrame]) -> DataFrame:
    return rows("product_id string, list_price double", *PRICES)


def _complements(sold: DataFrame, products: DataFrame, settings: PairSettings) -> DataFrame:
    return pairs.with_follow_share(
        pairs.complements(pairs.baskets(sold, settings=settings), products, settings=settings),
        sold,
        settings=settings,
    )


def test_complements_equal_a_count_by_hand(
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
        if share(*pair) * len(baskets) >= settings.min_pair_count
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
    lines = [(f"c{n}", f"o{n}", "phone", "2026-05-01 10:00:00") for n in range(60)]
    lines += [(f"c{n}", f"o{n}", "case", "2026-05-01 10:00:00") for n in range(0, 60, 3)]
    lines += [(f"d{n}", f"q{n}", "bread", "2026-05-01 10:00:00") for n in range(120)]
    lines += [(f"c{n}", f"later{n}", "case", "2026-05-09 10:00:00") for n in range(1, 60, 3)]
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
        (None, f"o{order}", f"p{item}", "2026-05-01 10:00:00")
        for order, item in product_of(range(9), range(8))
    ]
    sold = rows(LINE, *wholesale).withColumn("happened_at", F.to_timestamp("happened_at"))
    assert _complements(sold, products, replace(settings, max_basket=7, min_lift=0.0)).isEmpty()


def test_similar_products_that_are_rarely_in_one_order_are_substitutes(
    rows: Callable[..., DataFrame], sold: DataFrame, products: DataFrame, settings: PairSettings
) -> None:
    neighbours = rows(
        "product_id string, neighbour_id string, cosine double",
        ("green tea", "black tea", 0.8),
        ("black tea", "green tea", 0.8),
        ("printer", "ink", 0.9),
    )
    baskets = pairs.baskets(sold, settings=settings)
    substitutes = pairs.substitutes(baskets, neighbours, settings=settings)
    joint_orders = {
        (row["product_id"], row["partner_id"]): row["joint_orders"] for row in substitutes.collect()
    }
    assert joint_orders == {("green tea", "black tea"): 0, ("black tea", "green tea"): 0}
    ranked = pairs.rank_pairs(
        _complements(sold, products, settings), substitutes, as_of=AS_OF, settings=settings
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
def test_jaccard_equals_sets_of_buyers(
    rows: Callable[..., DataFrame], settings: PairSettings, block_rows: int
) -> None:
    rng = np.random.default_rng(3)
    bought = sorted({(f"c{rng.integers(30)}", f"p{rng.integers(12):02d}") for _ in range(160)})
    frame = rows("customer_id string, product_id string", *bought, *bought[:20])
    limits = replace(settings, top_k=50, min_common=2, block_rows=block_rows)
    found = product_similarities(frame, None, settings=limits).collect()
    buyers: dict[str, set[str]] = {}
    for customer, product in bought:
        buyers.setdefault(product, set()).add(customer)
    similarities: dict[tuple[str, str], float] = {}
    common: dict[tuple[str, str], int] = {}
    for pair in permutations(buyers, 2):
        both = buyers[pair[0]] & buyers[pair[1]]
        if len(both) >= 2:
            similarities[pair] = len(both) / len(buyers[pair[0]] | buyers[pair[1]])
            common[pair] = len(both)
    pairs_found = {(row["product_id"], row["neighbour_id"]): row for row in found}
    assert {pair: row["common"] for pair, row in pairs_found.items()} == common
    measured = {pair: row["similarity"] for pair, row in pairs_found.items()}
    assert measured == pytest.approx(similarities)


@pytest.mark.covers("M3")
@pytest.mark.parametrize("block_rows", [4, 1000])
def test_pearson_equals_pandas_over_people_who_rated_both(
    rows: Callable[..., DataFrame], settings: PairSettings, block_rows: int
) -> None:
    rng = np.random.default_rng(4)
    rated = [
        (f"c{customer:02d}", f"p{product:02d}", float(rng.integers(0, 6)))
        for customer, product in product_of(range(25), range(10))
        if rng.random() < 0.6
    ]
    # A product that everybody rates the same has no correlation.
    rated += [(f"c{customer:02d}", "flat", 3.0) for customer in range(25)]
    found = product_similarities(
        rows("customer_id string, product_id string", *(row[:2] for row in rated)),
        rows("customer_id string, product_id string, rating double", *rated),
        settings=replace(settings, top_k=50, min_common=5, block_rows=block_rows),
    ).where("measure = 'pearson'")
    table = pd.DataFrame(rated, columns=["customer", "product", "stars"]).pivot_table(
        index="customer", columns="product", values="stars"
    )
    by_pandas = table.corr(min_periods=5)
    values = by_pandas.to_numpy()
    names = list(by_pandas.columns)
    expected = {
        (names[i], names[j]): values[i, j]
        for i, j in permutations(range(len(names)), 2)
        if values[i, j] > 1e-9
    }
    ours = {(row["product_id"], row["neighbour_id"]): row["similarity"] for row in found.collect()}
    assert ours == pytest.approx(expected, abs=1e-9)


def test_without_purchases_and_customers_nothing_is_similar(
    rows: Callable[..., DataFrame], settings: PairSettings
) -> None:
    purchases = rows("customer_id string, product_id string", (None, "p1"), (None, "p2"))
    limits = replace(settings, min_common=1)
    assert product_similarities(purchases, None, settings=limits).isEmpty()


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
def test_texts_become_tokens(
    rows: Callable[..., DataFrame], text: str | None, chinese: Chinese, expected: list[str]
) -> None:
    frame = rows("text string", (text,)).select(
        F.filter(
            tokens(F.col("text"), stop_words=[], chinese=chinese), lambda word: word != ""
        ).alias("tokens")
    )
    row = frame.first()
    assert row is not None
    assert row["tokens"] == expected
