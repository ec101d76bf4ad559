"""Tags: what a tree says is what Spark applies, and what goes with what is more than chance."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from pyspark.sql import DataFrame

from clarion.config import Config
from clarion.customers.profiles.interests import product_interests, top_interests
from clarion.customers.profiles.settings import ProfileSettings
from clarion.customers.tags import associations, transforms, trees
from clarion.customers.tags.definitions import parse
from clarion.customers.tags.settings import TagSettings
from clarion.customers.tags.trees import Sample
from clarion.declarations import shop
from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import NotComputable

NAMES = ("spend", "views")


@pytest.fixture
def settings(config: Config) -> TagSettings:
    return config.section(TagSettings)


def _planted(n: int = 2000) -> tuple[Sample, np.ndarray]:
    """Customers, and those of a planted group."""
    rng = np.random.default_rng(7)
    points = rng.uniform(0, 10, (n, 2))
    inside = (points[:, 0] > 6) & (points[:, 1] <= 4)
    points[rng.random(n) < 0.05, 1] = np.nan
    return Sample(points, NAMES, rng.random(n) < 0.3), inside


@pytest.mark.covers("P4")
def test_a_tree_finds_a_planted_rule_and_says_how_sure_it_is(settings: TagSettings) -> None:
    sample, inside = _planted()
    explanation = trees.explain(sample, inside, settings=settings, seed=1)
    assert not isinstance(explanation, NotComputable)
    assert explanation.fidelity.low >= 0.9
    assert explanation.confidence > 0.9
    assert "spend > 6.0" in explanation.when or "spend > 5.9" in explanation.when
    assert explanation.support == pytest.approx(inside.mean(), abs=0.03)


@pytest.mark.covers("P4")
def test_spark_applies_the_rule_as_the_tree_predicts_unknown_values_included(
    rows: Callable[..., DataFrame], settings: TagSettings
) -> None:
    from sklearn.tree import DecisionTreeClassifier

    sample, inside = _planted()
    explanation = trees.explain(sample, inside, settings=settings, seed=1)
    assert not isinstance(explanation, NotComputable)
    learned = ~sample.is_held_out
    smallest = int(np.ceil(settings.min_leaf_share * learned.sum()))
    tree = DecisionTreeClassifier(
        max_depth=settings.depth, min_samples_leaf=smallest, ccp_alpha=0.002, random_state=1
    ).fit(sample.points[learned], inside[learned])
    frame = rows(
        "customer_id string, spend double, views double",
        *(
            (f"{number:05d}", float(x), None if np.isnan(y) else float(y))
            for number, (x, y) in enumerate(sample.points)
        ),
    )
    customer_tags = (
        transforms.assign_tags(frame, {"like": explanation.when}).orderBy("customer_id").collect()
    )
    assert [row["tags"] == ["like"] for row in customer_tags] == tree.predict(sample.points).astype(
        bool
    ).tolist()


def test_a_tree_that_separates_known_from_unknown_values_becomes_sql(
    rows: Callable[..., DataFrame], settings: TagSettings
) -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 10, (600, 2))
    inside = rng.random(600) < 0.4
    points[inside, 0] = np.nan
    sample = Sample(points, NAMES, rng.random(600) < 0.3)
    for group, expected in ((inside, "spend IS NULL"), (~inside, "spend IS NOT NULL")):
        explanation = trees.explain(sample, group, settings=settings, seed=1)
        assert not isinstance(explanation, NotComputable)
        assert (explanation.when, explanation.confidence, explanation.recall) == (
            expected,
            1.0,
            1.0,
        )
        customer_tags = transforms.assign_tags(
            rows(
                "customer_id string, spend double, views double", ("a", None, 1.0), ("b", 3.0, 1.0)
            ),
            {"t": explanation.when},
        )
        assert {row["customer_id"]: row["tags"] == ["t"] for row in customer_tags.collect()} == {
            "a": "NOT" not in expected,
            "b": "NOT" in expected,
        }


def test_a_group_of_whom_nobody_is_held_out_is_not_explained(settings: TagSettings) -> None:
    spend = np.concatenate([np.linspace(0, 10, 400), np.ones(100)])
    is_held_out = np.arange(500) >= 400  # nobody of the group
    sample = Sample(spend[:, None], ("spend",), is_held_out)
    explanation = trees.explain(sample, spend > 6, settings=settings, seed=1)
    assert isinstance(explanation, NotComputable)


def test_a_group_of_everyone_or_of_nobody_is_not_explained(settings: TagSettings) -> None:
    sample, _ = _planted(200)
    for inside in (np.ones(200, bool), np.zeros(200, bool)):
        assert isinstance(
            trees.explain(sample, inside, settings=settings, seed=1),
            NotComputable,
        )


def test_a_tree_is_read_in_words_with_what_the_features_are_called(settings: TagSettings) -> None:
    sample, inside = _planted()
    explanation = trees.explain(sample, inside, settings=settings, seed=1)
    assert not isinstance(explanation, NotComputable)
    words = explanation.words({"spend": "spent"})
    assert re.fullmatch(
        r"spent above (5.9\d|6.0\d?|6) and views at most [34](.\d+)?( or unknown)?(; or .+)?", words
    )
    unknown = np.where(inside[:, None], np.nan, sample.points)
    explanation = trees.explain(replace(sample, points=unknown), inside, settings=settings, seed=1)
    assert not isinstance(explanation, NotComputable)
    assert explanation.words({"views": "seen"}) in ("spend unknown", "seen unknown")


@pytest.mark.covers("P4")
def test_a_tree_that_is_right_no_more_often_than_what_is_true_of_most_explains_nothing(
    settings: TagSettings,
) -> None:
    sample, _ = _planted()
    chance = np.random.default_rng(1).random(len(sample.points))
    for share in (0.3, 0.5, 0.7):
        explanation = trees.explain(
            sample, chance < share, settings=replace(settings, min_leaf_share=0.002), seed=1
        )
        assert isinstance(explanation, NotComputable)
    spend = sample.points[:, 0]
    for share in (0.3, 0.5, 0.7):
        is_member = np.where(chance < 0.8, spend < 10 * share, chance < 0.9)
        explanation = trees.explain(sample, is_member, settings=settings, seed=1)
        assert not isinstance(explanation, NotComputable)
        held_out = is_member[sample.is_held_out]
        assert explanation.lift == pytest.approx(explanation.confidence / held_out.mean())
        assert explanation.fidelity.low > max(held_out.mean(), 1 - held_out.mean())


def test_recent_interest_is_that_of_the_last_days_and_no_more(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    as_of, fact = (
        date(2026, 6, 1),
        "customer_id string, product_id string, happened_at timestamp, arrived_at timestamp",
    )
    days = (1, 90, 91, 200)
    at = [datetime(2026, 6, 1, 12) - timedelta(days=age) for age in days]
    interests = product_interests(
        rows(f"{fact}, kind string, order_id string", ("k", "p", at[2], at[2], "sale", "o1")),
        rows(f"{fact}, type string", *(("k", "p", time, time, "view") for time in at)),
        rows("product_id string, category string", ("p", "toys")),
        as_of=as_of,
        time_zone="UTC",
        settings=config.section(ProfileSettings),
    )
    (row,) = top_interests(interests, as_of=as_of, keep=9).collect()
    views = [0.5 ** (age / 30) for age in days]
    assert row["recent_interest"] == pytest.approx(views[0] + views[1], abs=1e-8)
    assert row["interest"] == pytest.approx(sum(views) + 5 * views[2], abs=1e-8)


@pytest.mark.covers("P4")
def test_recent_and_earlier_interest_by_category_rest_on_different_days(
    rows: Callable[..., DataFrame],
) -> None:
    interactions = rows(
        "customer_id string, category string, interest double, recent_interest double",
        ("k", "toys", 9.0, 3.0),
        ("k", "toys", 2.0, 0.0),
        ("k", "books", 1.0, 1.0),
        ("k", "pens", 2.0, 0.0),
        ("k", None, 7.0, 2.0),
        ("only lately", "books", 2.000000001, 2.0),
        ("only before", "books", 2.0, 0.0),
        ("knows no category", None, 1.0, 0.5),
    )
    shares = {
        row["customer_id"]: tuple(row)[1:]
        for row in transforms.category_shares(interactions).collect()
    }
    assert shares == {
        "k": (4.0, 10.0, {"toys": 0.75, "books": 0.25}, {"toys": 0.8, "pens": 0.2}),
        "only lately": (2.0, 0.0, {"books": 1.0}, {}),
        "only before": (0.0, 2.0, {}, {"books": 1.0}),
    }


def test_a_tag_remembers_since_when_and_starts_again_after_a_break(
    rows: Callable[..., DataFrame],
) -> None:
    tags_type = "array<struct<tag:string,since:date>>"
    before = rows(
        f"customer_id string, tags {tags_type}",
        ("k", [("keen", date(2026, 1, 1))]),
        ("gone", [("keen", date(2026, 1, 1))]),
    )
    now = rows(
        "as_of date, customer_id string, tags array<string>",
        (date(2026, 3, 1), "k", ["cool", "keen"]),
        (date(2026, 3, 1), "new", []),
    )
    dated_tags = {
        row["customer_id"]: [tuple(tag) for tag in row["tags"]]
        for row in transforms.add_since(now, before).collect()
    }
    assert dated_tags == {"k": [("cool", date(2026, 3, 1)), ("keen", date(2026, 1, 1))], "new": []}


def test_unknown_is_not_true(rows: Callable[..., DataFrame]) -> None:
    frame = rows("customer_id string, spend double", ("k", None), ("l", 2.0))
    assert {
        row["customer_id"]: row["tags"]
        for row in transforms.assign_tags(frame, {"t": "spend > 1"}).collect()
    } == {"k": [], "l": ["t"]}


@pytest.mark.covers("P4")
def test_association_rules_equal_a_count_by_hand(
    rows: Callable[..., DataFrame], settings: TagSettings
) -> None:
    rng = np.random.default_rng(2)
    sets = [
        sorted(
            {
                item
                for item, chance in (("bread", 0.6), ("tea", 0.3), ("jam", 0.2))
                if rng.random() < chance
            }
            | {"milk"}
        )
        for _ in range(300)
    ]
    for one in sets:
        if "bread" in one and rng.random() < 0.5 and "butter" not in one:
            one.append("butter")
    every = replace(
        settings,
        min_support=0.05,
        min_confidence=0.2,
        min_lift=0.0,
        max_antecedent=9,
        rules_kept=1000,
    )
    frame = rows("items array<string>", *((one,) for one in sets))
    rules = {
        row["rule"]: row for row in associations.association_rules(frame, settings=every).collect()
    }

    def holds(*items: str) -> float:
        return sum(set(items) <= set(one) for one in sets) / len(sets)

    expected = set()
    items = ("bread", "tea", "jam", "milk", "butter")
    for size in (1, 2, 3, 4):
        for antecedent in combinations(sorted(items), size):
            for consequent in set(items) - set(antecedent):
                both, alone = holds(*antecedent, consequent), holds(*antecedent)
                if both >= 0.05 and both / alone >= 0.2:
                    name = f"{' & '.join(antecedent)} -> {consequent}"
                    expected.add(name)
                    row = rules[name]
                    measured = (row["support"], row["confidence"], row["lift"], row["leverage"])
                    assert measured == pytest.approx(
                        (
                            both,
                            both / alone,
                            both / alone / holds(consequent),
                            both - alone * holds(consequent),
                        ),
                        abs=1e-8,
                    )
    assert set(rules) == expected
    top_rules = associations.association_rules(
        frame, settings=replace(every, min_lift=1.2, max_antecedent=1, rules_kept=1)
    ).collect()
    assert [row["rule"] for row in top_rules] == [
        "bread -> butter"
    ]  # as strong as the other way round: by name


def test_no_baskets_give_no_rules(rows: Callable[..., DataFrame], settings: TagSettings) -> None:
    assert (
        associations.association_rules(rows("items array<string>"), settings=settings).collect()
        == []
    )


def test_shipped_tags_speak_only_of_declared_features(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    names = shop.features(config)
    empty = rows(
        "customer_id string, "
        + ", ".join(
            f"{item.name} {'double' if item.type == 'number' else 'string'}" for item in names
        )
        + ", recent_interest double, recent map<string,double>"
    )
    assert (
        transforms.assign_tags(
            empty, {tag.name: tag.condition({}, category="''") for tag in shop.tags(config)}
        ).collect()
        == []
    )


def test_a_tag_that_is_more_than_an_expression_is_refused() -> None:
    with pytest.raises(ConfigError, match="'select' is not allowed here"):
        parse({"t": {"when": "(select true)", "en": "e", "zh": "z", "meaning": "m"}})


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("spend > {average spend}", "tags.yml: big: an unknown word in braces"),
        ("spend > {mean spend} }", "tags.yml: big"),
        ("spend > {mean spend} OR rand() > 0", "'rand' is not allowed"),
    ],
)
def test_a_tag_that_compares_with_no_mean_is_refused(when: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        parse({"big": {"when": when, "en": "big", "zh": "大", "meaning": "m"}})


def test_high_value_is_what_a_customer_brings_beside_other_buyers_however_many_orders(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    (tag,) = [tag for tag in shop.tags(config) if tag.name == "high_value"]
    assert tag.means == ("value_365d",)
    customers = rows(
        "customer_id string, value_365d double, orders_365d double, spend_365d double, average_order double",
        ("one large order", 900.0, 1.0, 900.0, 900.0),
        ("many small ones", 90.0, 30.0, 90.0, 3.0),
        ("sent all back", 0.0, 9.0, 900.0, 100.0),
        ("bought nothing", None, 0.0, 0.0, None),
    )

    def high(mean: float | None) -> set[str]:
        rule = {tag.name: tag.condition({"value_365d": mean})}
        found = transforms.assign_tags(customers, rule).collect()
        return {row["customer_id"] for row in found if row["tags"]}

    assert high(330.0) == {"one large order"}
    assert high(None) == set(), "nobody has bought anything"
