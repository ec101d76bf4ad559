"""Trees of declared tags in simulated shops, computed in memory: who is price-sensitive, and who prefers which category.

All is judged by what was planted, beside the base rate and beside a classifier that was told the truth of one half.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from customers_in_memory import Customers, customers_of, world_of
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from clarion.config import Config
from clarion.customers.tags import transforms, trees
from clarion.customers.tags.definitions import Tag
from clarion.customers.tags.settings import TagSettings
from clarion.declarations import shop as declarations
from clarion.kernel import sql
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.statistics.intervals import Interval, NotComputable, share

pytestmark = pytest.mark.slow  # half a minute for each shop

CUSTOMERS, SEED = 6000, 31
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Explained:
    """A declared tag and its tree.

    Args:
        name: of the tag.
        category: that it speaks of; empty for none.
        has: who has it.
        is_sure: of whom the tree may learn.
        tree: the tree, or why there is none.
        is_like: who has the tag of the tree, as Spark applies it; nobody without a tree.
    """

    name: str
    category: str
    has: Flags
    is_sure: Flags
    tree: trees.Explanation | NotComputable
    is_like: Flags


def _frame(spark: SparkSession, customers: Customers) -> DataFrame:
    """What the job `tags` knows of the customers, in order of their numbers."""
    features = customers.features.reset_index(names="customer_id").astype({"customer_id": str})
    nulls = features.astype(object).where(features.notna(), None)  # type: ignore[call-overload]  # None is a value here
    names = ", ".join(f"{name} double" for name in features.columns[1:])
    interactions = customers.interactions.rename(columns={"customer": "customer_id"})
    columns = ["customer_id", "category", "interest", "recent_interest"]
    shares = transforms.category_shares(
        spark.createDataFrame(interactions[columns].astype({"customer_id": str}))
    )
    wide = spark.createDataFrame(nulls, f"customer_id string, {names}")
    return wide.join(shares, "customer_id", "left").orderBy(F.col("customer_id").cast("int"))


def _are_true(frame: DataFrame, conditions: list[str]) -> npt.NDArray[np.bool_]:
    """Whether conditions are true of customers, shape (n, conditions); unknown is not true."""
    values = [
        F.coalesce(F.expr(f"({null_on_error(text)})"), F.lit(False)).alias(f"c{number}")
        for number, text in enumerate(conditions)
    ]
    return frame.select(*values).toPandas().to_numpy(dtype=bool).reshape(-1, len(conditions))


def _explained(frame: DataFrame, customers: Customers) -> list[Explained]:
    """The declared tags that a tree may explain, with their trees."""
    config = Config.load()
    settings = config.section(TagSettings)
    tags: list[tuple[Tag, str]] = []
    for tag in declarations.tags(config):
        if tag.tree:
            categories = sorted(set(customers.favourite)) if tag.of_each_category else [""]
            tags += [(tag, category) for category in categories]
    declared = _are_true(
        frame,
        [
            text
            for tag, category in tags
            for text in (
                (tag.of_category(category) if category else tag).condition({}),
                (tag.tree and tag.tree.learns_from) or "true",
            )
        ],
    )
    earlier = frame.select("earlier").toPandas()["earlier"]
    is_held_out = _held_out(len(earlier), settings)
    found = []
    for number, (tag, category) in enumerate(tags):
        has, is_sure = declared[:, 2 * number], declared[:, 2 * number + 1]
        if category and has.mean() < settings.min_category_share:
            continue
        known = [
            name for name in (tag.tree.features if tag.tree else ()) if name in customers.features
        ]
        points = customers.features[known].to_numpy(dtype=np.float64)
        if category:
            own = np.array([(row or {}).get(category, np.nan) for row in earlier])
            points, known = (
                np.column_stack([points, own]),
                [*known, f"earlier[{sql.text(category)}]"],
            )
        sample = trees.Sample(points, tuple(known), is_held_out).where(is_sure)
        tree = trees.explain(sample, has[is_sure], settings=settings, seed=1)
        found.append(Explained(tag.name, category, has, is_sure, tree, np.zeros(len(has), bool)))
    rules = [
        item.tree.when if isinstance(item.tree, trees.Explanation) else "false" for item in found
    ]
    like = _are_true(frame, rules)
    return [replace(item, is_like=like[:, number]) for number, item in enumerate(found)]


def _held_out(customers: int, settings: TagSettings) -> Flags:
    return np.random.default_rng(0).random(customers) < settings.held_out_share


def _mean_fidelity(explained: list[Explained], is_held_out: Flags) -> Interval:
    """Mean over the trees of the share of held-out customers whom each assigns correctly.

    The 95 % interval is of 500 bootstrap samples of the customers.
    """
    right = np.array([np.where(x.is_sure, x.is_like == x.has, np.nan) for x in explained])[
        :, is_held_out
    ]
    rng, n = np.random.default_rng(1), right.shape[1]
    means = [np.nanmean(right[:, rng.integers(0, n, n)], axis=1).mean() for _ in range(500)]
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(np.nanmean(right, axis=1).mean()), float(low), float(high))


def _of(true: Flags, has: Flags) -> Interval | NotComputable:
    """Share of the customers with a tag of whom something is true."""
    return share(float((true & has).sum()), float(has.sum()))


def _best(chances: npt.NDArray[np.float64], has: Flags) -> Flags:
    """As many customers as have a tag: those with the highest chances."""
    best = np.zeros(len(has), dtype=bool)
    best[np.argsort(-chances, kind="stable")[: int(has.sum())]] = True
    return best


def _as_text(interval: Interval | NotComputable) -> str:
    if isinstance(interval, NotComputable):
        return interval.reason
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _price_sensitive(customers: Customers, item: Explained, half: Flags) -> str:
    """How many of those with the tag are sensitive as planted."""
    truth, other = customers.is_sensitive, ~half
    model = HistGradientBoostingClassifier(random_state=0)
    model.fit(customers.features[half], truth[half])
    oracle = _best(model.predict_proba(customers.features[other])[:, 1], item.has[other])
    return (
        f"price_sensitive: {item.has.sum()} tagged, sensitive {_as_text(_of(truth, item.has))}, of all {truth.mean():.3f}, "
        f"oracle {_as_text(_of(truth[other], oracle))}; tree: {_tree_text(item)}"
    )


def _tree_text(item: Explained) -> str:
    if isinstance(item.tree, NotComputable):
        return item.tree.reason
    return f"fidelity {_as_text(item.tree.fidelity)}, confidence {item.tree.confidence:.3f}, lift {item.tree.lift:.2f}"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Of the pairs of customer and category, those where the category is the planted favourite.

    Args:
        declared: of the pairs with the declared tag.
        like: of the pairs with the tag of a tree.
        only_like: of those without the declared tag.
        base_rate: of all customers, for the categories of the declared tags as often as they have it.
        oracle: of as many pairs by a classifier that was told the favourites of one half.
    """

    declared: Interval | NotComputable
    like: Interval | NotComputable
    only_like: Interval | NotComputable
    base_rate: float
    oracle: Interval | NotComputable


def _preferences(
    customers: Customers, frame: DataFrame, explained: list[Explained], half: Flags
) -> Preferences:
    rows = frame.select("recent", "earlier").toPandas()
    names = sorted(set(customers.favourite))
    shares = np.array(
        [
            [(row or {}).get(name, 0.0) for row in pair for name in names]
            for pair in zip(rows["recent"], rows["earlier"], strict=True)
        ]
    )
    model = LogisticRegression(max_iter=300).fit(
        shares[half], customers.favourite[half].astype(str)
    )
    chances = model.predict_proba(shares[~half])
    true = np.array([customers.favourite == item.category for item in explained])
    has = np.array([item.has for item in explained])
    like = np.array([item.is_like for item in explained])
    oracle = np.array(
        [
            _best(chances[:, list(model.classes_).index(item.category)], item.has[~half])
            for item in explained
        ]
    )
    return Preferences(
        _of(true, has),
        _of(true, like),
        _of(true, like & ~has),
        float((true.mean(axis=1) * has.sum(axis=1)).sum() / has.sum()),
        _of(true[:, ~half], oracle),
    )


@pytest.mark.covers("P4", "P5")
@pytest.mark.parametrize("shop", ["beauty", "electronics", "fashion", "gifts", "grocery"])
def test_trees_of_declared_tags_are_true_to_them_and_agree_with_what_was_planted(
    spark: SparkSession, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    customers = customers_of(world_of(shop, customers=CUSTOMERS, seed=SEED))
    frame = _frame(spark, customers).persist()
    explained = _explained(frame, customers)
    half = np.random.default_rng(2).random(len(customers.features)) < 0.5
    (sensitive,) = [item for item in explained if item.name == "price_sensitive"]
    preferred = [item for item in explained if item.category]
    with_tree = [item for item in explained if isinstance(item.tree, trees.Explanation)]
    is_held_out = _held_out(len(half), Config.load().section(TagSettings))
    agreement = _preferences(customers, frame, preferred, half)
    fidelity = _mean_fidelity(with_tree, is_held_out)
    base = np.mean(
        [
            max(mean, 1 - mean)
            for mean in (item.has[item.is_sure & is_held_out].mean() for item in with_tree)
        ]
    )
    frame.unpersist()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{shop}: {len(half)} customers; {_price_sensitive(customers, sensitive, half)}\n"
            f"{shop}: prefers_category: {len(preferred)} categories, {len([x for x in with_tree if x.category])} trees; mean fidelity of all {len(with_tree)} trees "
            f"{_as_text(fidelity)}, base rate {base:.3f}; favourite as planted: declared {_as_text(agreement.declared)}, like {_as_text(agreement.like)}, "
            f"like alone {_as_text(agreement.only_like)}, base rate {agreement.base_rate:.3f}, oracle {_as_text(agreement.oracle)}\n"
        )
    for item in with_tree:
        assert isinstance(item.tree, trees.Explanation)
        evaluated = item.is_sure & is_held_out
        applied = float((item.is_like == item.has)[evaluated].mean())
        assert item.tree.fidelity.value == pytest.approx(applied, abs=0.002), "as Spark applies it"
    assert len(with_tree) >= 2
    assert fidelity.low >= 0.9
    assert fidelity.value > base
    for tags in (agreement.declared, agreement.like):
        assert isinstance(tags, Interval)
        assert tags.low > 3 * agreement.base_rate
