"""The product matrix: words and attributes against NumPy, and what stays frozen."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import chain
from typing import Any

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.declarations.shop import attributes, rules
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.frames import local_frame
from clarion.products.catalogue.current import current_products
from clarion.products.similarity import matrix, model
from clarion.products.similarity.attributes import Attribute, parse_attributes
from clarion.products.similarity.market import MarketFacts, with_market_facts
from clarion.products.similarity.settings import ProductSettings
from clarion.products.similarity.tokens import tokens

AS_OF = date(2026, 6, 1)
PRODUCTS = """product_id string, title string, description string, brand string,
    category_path string, category string, attributes map<string,string>, list_price double,
    cost double, language string"""
DAYS = "product_id string, day date, known_on date, quantity double, views bigint"


def _product(name: str, title: str | None, **more: Any) -> tuple[Any, ...]:
    of = {
        "description": None,
        "brand": "b1",
        "category": "tea",
        "attributes": None,
        "list_price": None,
    } | more
    return (
        name,
        title,
        of["description"],
        of["brand"],
        of["category"],
        of["category"],
        of["attributes"],
        of["list_price"] and float(of["list_price"]),
        None,
        "en",
    )


@pytest.fixture(scope="module")
def settings(config: Config) -> ProductSettings:
    return config.section(ProductSettings)


@pytest.fixture(scope="module")
def declared(config: Config) -> tuple[Attribute, ...]:
    return attributes(config)


@pytest.fixture
def inputs_of(
    rows: Callable[..., DataFrame], declared: tuple[Attribute, ...]
) -> Callable[..., DataFrame]:
    """The columns from which a model computes, of products."""

    def of(
        *products: tuple[Any, ...], days: tuple[Any, ...] = (), by: tuple[Attribute, ...] = declared
    ) -> DataFrame:
        facts = MarketFacts(rows(DAYS, *days))
        in_market = with_market_facts(rows(PRODUCTS, *products), facts, as_of=AS_OF, days=90)
        return matrix.matrix_inputs(in_market, by, chinese="bigrams")

    return of


def _vectors(
    inputs: DataFrame, fitted: PipelineModel, by: tuple[Attribute, ...], settings: ProductSettings
) -> dict[str, dict[str, float]]:
    """Each product's row: weight by block and feature."""
    features = model.feature_list(fitted, inputs)
    terms = matrix.weighted_terms(model.bin_model(fitted).transform(inputs), by)
    names = [
        f"{row['block']}/{row['feature']}" for row in features.orderBy("feature_index").collect()
    ]
    vectors = matrix.product_vectors(
        terms, features, settings.weights, as_of=AS_OF, version="1"
    ).collect()
    return {
        row["product_id"]: {
            names[index]: weight
            for index, weight in zip(row["indices"], row["weights"], strict=True)
        }
        for row in vectors
    }


def _cosine(left: dict[str, float], right: dict[str, float]) -> float:
    return sum(weight * right.get(name, 0.0) for name, weight in left.items())


def _shop() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(3)
    words = {
        "tea": ["leaf", "steep", "pot", "brew", "green"],
        "shoes": ["sole", "lace", "run", "grip", "mesh"],
    }
    products = []
    for number in range(40):
        kind = "tea" if number % 2 else "shoes"
        products.append(
            _product(
                f"p{number:02d}",
                " ".join(rng.choice(words[kind], 3)),
                category=kind,
                brand=f"b{number % 3}",
                list_price=1 + number,
            )
        )
    return products


@pytest.mark.covers("M2")
def test_the_matrix_equals_one_made_with_numpy(
    inputs_of: Callable[..., DataFrame], settings: ProductSettings, declared: tuple[Attribute, ...]
) -> None:
    shop = [
        *_shop(),
        _product("zh1", "保湿面霜 night", category="面霜"),
        _product("zh2", "保湿乳液 night", category="面霜"),
    ]
    frame = inputs_of(*shop)
    vectors = _vectors(frame, model.fit(frame, declared, settings=settings), declared, settings)
    texts = {name: [*title.split()] for name, title, *_ in shop}
    texts |= {"zh1": ["night", "保湿", "湿面", "面霜"], "zh2": ["night", "保湿", "湿乳", "乳液"]}
    n = len(shop)
    df = Counter(chain.from_iterable(set(text) for text in texts.values()))
    for name, title, _, brand, _, category, _, price, *_ in shop:
        del title
        text = {
            f"text/{word}": texts[name].count(word) * np.log((n + 1) / (df[word] + 1))
            for word in texts[name]
        }
        blocks = [
            (text, "text"),
            ({f"category/category {category}": 1.0}, "category"),
            ({f"brand/brand {brand}": 1.0}, "brand"),
        ]
        if price:
            steps = {
                f"price/price {int(price - 1) // 4 + beside}": value
                for beside, value in ((-1, 0.5), (0, 1.0), (1, 0.5))
            }
            blocks.append(
                (
                    {key: value for key, value in steps.items() if key[-2:] not in ("-1", "10")},
                    "price",
                )
            )
            blocks.append(
                (
                    {
                        key: value
                        for key, value in vectors[name].items()
                        if key.startswith("market/")
                    },
                    "market",
                )
            )
        row = {
            key: value / np.sqrt(sum(x * x for x in of.values())) * np.sqrt(settings.weights[block])
            for of, block in blocks
            for key, value in of.items()
        }
        length = np.sqrt(sum(value**2 for value in row.values()))
        assert vectors[name].keys() == row.keys(), name
        assert all(
            vectors[name][key] == pytest.approx(value / length, abs=1e-9)
            for key, value in row.items()
        ), name


def test_the_vocabulary_is_frozen_and_a_new_product_is_scored_by_it(
    inputs_of: Callable[..., DataFrame], settings: ProductSettings, declared: tuple[Attribute, ...]
) -> None:
    fitted = model.fit(inputs_of(*_shop()), declared, settings=settings)
    new = _product("new", "green brew unheard", category="tea", brand="never seen")
    before = _vectors(inputs_of(*_shop()), fitted, declared, settings)
    later = _vectors(inputs_of(*_shop(), new), fitted, declared, settings)
    assert {name: row for name, row in later.items() if name != "new"} == before
    assert later["new"].keys() == {"text/green", "text/brew", "category/category tea"}


@pytest.mark.covers("M1")
def test_each_kind_of_attribute_says_what_it_should(
    inputs_of: Callable[..., DataFrame], settings: ProductSettings
) -> None:
    by = parse_attributes(
        {
            "size": {
                "block": "attributes",
                "kind": "ordered",
                "value": "attributes['size']",
                "levels": ["S", "M", "L", "XL"],
                "meaning": "size",
            },
            "price": {
                "block": "price",
                "kind": "scaled",
                "value": "list_price",
                "meaning": "price",
            },
            "colours": {
                "block": "market",
                "kind": "multi",
                "value": "split(attributes['colours'], '/')",
                "meaning": "colours",
            },
        }
    )
    others = [_product("y0", "cup spoon"), _product("y1", "cup spoon")]
    same = [
        _product(f"x{index}", "tea pot", attributes={"size": size})
        for index, size in enumerate(("S", "M", "L", "XL", "S", "M", "L", "XL"))
    ]
    frame = inputs_of(*same, *others, by=by)
    vectors = _vectors(frame, model.fit(frame, by, settings=settings), by, settings)
    nearness = [_cosine(vectors["x0"], vectors[f"x{index}"]) for index in (4, 1, 2, 3)]
    assert nearness == sorted(nearness, reverse=True)
    assert len(set(nearness)) == 4
    prices = [_product(f"x{index:02d}", "tea pot", list_price=10 * 2**index) for index in range(20)]
    frame = inputs_of(*prices, *others, by=by)
    vectors = _vectors(frame, model.fit(frame, by, settings=settings), by, settings)
    assert _cosine(vectors["x00"], vectors["x01"]) == pytest.approx(1.0), (
        "two of twenty make a tenth"
    )
    assert (
        1.0
        > _cosine(vectors["x06"], vectors["x08"])
        > _cosine(vectors["x06"], vectors["x10"])
        > _cosine(vectors["x06"], vectors["x12"])
    )
    colours = [
        _product("a", "tea pot", attributes={"colours": "red/blue"}),
        _product("b", "tea pot", attributes={"colours": "blue/red/red"}),
    ]
    colours += [
        _product("c", "tea pot", attributes={"colours": "red/green"}),
        _product("d", "tea pot", attributes={"colours": "green"}),
        _product("e", "tea pot"),
    ]
    frame = inputs_of(*colours, *others, by=by)
    vectors = _vectors(frame, model.fit(frame, by, settings=settings), by, settings)
    assert _cosine(vectors["a"], vectors["b"]) == pytest.approx(1.0)
    assert 0.999 > _cosine(vectors["a"], vectors["c"]) > _cosine(vectors["a"], vectors["d"])


@pytest.mark.covers("M1")
def test_what_the_market_says_is_as_of_the_day(rows: Callable[..., DataFrame]) -> None:
    products = rows(
        PRODUCTS,
        _product("a", "x", list_price=10),
        _product("b", "y", list_price=20),
        _product("c", "z"),
        _product("d", "w", category="pots"),
    )
    on = date(2026, 5, 20)
    days = rows(
        DAYS,
        ("a", on, on, 3.0, 9),
        ("a", on, AS_OF, 50.0, 50),
        ("a", date(2026, 1, 1), date(2026, 1, 1), 70.0, 70),
        ("b", on, on, 0.0, 4),
    )
    reviews = rows(
        "product_id string, happened_at timestamp_ntz, rating double, text string",
        ("a", None, 4.0, "smooth"),
        ("a", None, 3.0, None),
    )
    prices = rows(
        "product_id string, competitor string, price double, observed_at int",
        ("a", "one", 5.0, 1),
        ("a", "one", 8.0, 2),
        ("a", "two", 12.0, 1),
        ("b", "one", 10.0, 1),
        (None, "one", 1.0, 1),
    )
    by_product = {
        row["product_id"]: row
        for row in with_market_facts(
            products, MarketFacts(days, reviews, prices), as_of=AS_OF, days=90
        ).collect()
    }
    assert (by_product["a"]["units"], by_product["a"]["views"]) == (3, 9)
    assert (by_product["b"]["units"], by_product["b"]["views"]) == (None, 4)
    assert by_product["c"]["units"] is None
    assert [by_product[name]["price_position"] for name in "abcd"] == [0, 1, None, None], (
        "without a price or a second product there is no position"
    )
    assert (by_product["a"]["market_price"], by_product["a"]["price_gap"]) == (10, 0)
    assert by_product["b"]["price_gap"] == 1
    assert (
        by_product["a"]["rating"],
        by_product["a"]["ratings"],
        by_product["a"]["review_text"],
    ) == (3.5, 2, "smooth")


def test_odd_texts_have_a_clear_answer(
    inputs_of: Callable[..., DataFrame], settings: ProductSettings, declared: tuple[Attribute, ...]
) -> None:
    long = "word " * 200_000  # a megabyte
    frame = inputs_of(
        _product("mute", None),
        _product("emoji", "🍵🍵✨"),
        _product("long", "green tea", description=long),
        _product("tea", "green tea word"),
    )
    vectors = _vectors(frame, model.fit(frame, declared, settings=settings), declared, settings)
    assert vectors["mute"] == vectors["emoji"] == {}, "no text, no row to compare by"
    assert _cosine(vectors["long"], vectors["tea"]) > 0.5


def test_a_shop_of_one_product_or_without_words_has_a_model_that_knows_nothing(
    inputs_of: Callable[..., DataFrame], settings: ProductSettings, declared: tuple[Attribute, ...]
) -> None:
    for frame in (
        inputs_of(_product("only", "green tea")),
        inputs_of(
            _product("a", None, brand=None, category=None),
            _product("b", "✨", brand=None, category=None),
        ),
    ):
        fitted = model.fit(frame, declared, settings=settings)
        assert all(row == {} for row in _vectors(frame, fitted, declared, settings).values())


def test_a_wrong_attribute_is_named() -> None:
    good = {"block": "b", "kind": "one_hot", "value": "brand", "meaning": "m"}
    for wrong in (
        {"kind": "ordered"},
        {"levels": ["S", "M"]},
        {"block": "text"},
        {"value": "rand()"},
        {"kind": "colour"},
        {"more": 1},
    ):
        with pytest.raises(ConfigError, match=r"attributes\.yml: x"):
            parse_attributes({"x": good | wrong})


def test_full_width_and_mixed_texts_are_one_with_narrow_ones(spark: SparkSession) -> None:
    frame = local_frame(spark, [("ＡＢＣ　ｔｅａ",), ("abc tea",)], "text string").select(
        tokens(F.col("text")).alias("tokens")
    )
    first, second = (row[0] for row in frame.collect())
    assert first == second == ["abc", "tea"]


def test_a_category_below_itself_is_marked_and_its_narrowest_part_counts(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    paths = rows(
        "product_id string, category_path string",
        ("a", "tea > pots"),
        ("b", "tea > pots > tea"),
        ("c", None),
        ("d", "pots > tea"),
    )
    (rule,) = (item for item in rules(config)["products"] if item.name == "category_below_itself")
    assert rule.severity == "warning"
    assert [row["product_id"] for row in paths.where(rule.invalid_when).collect()] == ["b"]
    states = paths.selectExpr(
        "*",
        "'t' title",
        "'d' description",
        "'b' brand",
        "map('x', 'y') attributes",
        "1.0D list_price",
        "1.0D cost",
        "'en' language",
        "timestamp'2026-01-01' at",
        "timestamp'2026-01-01' arrived_at",
        "'f' _file",
        "1L _row",
    )
    categories = {
        row["product_id"]: row["category"]
        for row in current_products(states, as_of=AS_OF, time_zone="UTC").collect()
    }
    assert categories == {"a": "pots", "b": "tea", "c": None, "d": "tea"}, (
        "each path is read by itself: two that name each other make no endless tree"
    )
