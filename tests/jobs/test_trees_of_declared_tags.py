"""Trees find customers who are like those with a declared tag, from what does not define it."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from lake_rows import append_rows, consent
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from worlds import Desk

pytestmark = pytest.mark.deep  # a job over 800 customers

AS_OF = date(2026, 6, 1)
ACTIVE, ASLEEP, PEN_FANS = 700, 100, 10
MAPPING = {
    "shop": {
        "orders": {
            "where": "${data}/none-*.csv",
            "format": "csv",
            "time_zone": "UTC",
            "currency": "EUR",
            "consent": {"basis": "declared", "purposes": ["analytics"], "note": "test"},
            "columns": {
                "order_ref": "a", "customer_ref": "b", "product_ref": "c", "happened_at": "d",
                "quantity": "e", "unit_price": "f",
            },
        }
    }
}  # fmt: skip
TAGS = """
frugal: {when: price_sensitivity >= 0.5, en: frugal, zh: 省, meaning: saves,
  tree: {learns_from: orders_365d >= 3, features: [carts_per_view]}}
lucky: {when: average_order >= 50, en: lucky, zh: 福, meaning: chance, tree: {features: [carts_per_view]}}
prefers: {each: category, when: "recent_interest >= 3 AND {recent in category} >= 0.5", en: "prefers {category}", zh: "偏好{category}",
  meaning: "looks at {category}", tree: {learns_from: recent_interest >= 3, features: [earlier in category, views_365d]}}
"""


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Half of the active customers are interested in toys, the others in books, a few in pens, now as before.

    Those who are asleep were interested in toys. The frugal fill their carts; who is lucky is chance.
    """
    made = Desk(spark, tmp_path_factory.mktemp("shop"), MAPPING)
    (made.folder / "conf" / "tags.yml").write_text(TAGS, encoding="utf-8")
    made.configure()
    customers, interactions = _customers()
    append_rows(made.lake, "gold.customer_features", *customers)
    append_rows(made.lake, "gold.interactions", *interactions)
    consents = [consent(row["customer_id"], "analytics") for row in customers]
    append_rows(made.lake, "silver.consents", *consents)
    made.run("tags", as_of=AS_OF)
    return made


def _customers() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of CUSTOMER_FEATURES and of INTERACTIONS."""
    rng = np.random.default_rng(3)
    customers, interactions = [], []
    for number in range(ACTIVE + ASLEEP):
        row = {"as_of": AS_OF, "customer_id": f"c{number:04d}"}
        is_active, is_frugal = number < ACTIVE, number % 4 == 0
        liked = "pens" if number < PEN_FANS else ("toys", "books")[number % 2]
        values = {
            "views_365d": float(rng.integers(5, 50)),
            "carts_per_view": float(rng.uniform(0.5, 1.0) if is_frugal else rng.uniform(0.0, 0.6)),
        }
        interest = [(liked if is_active else "toys", 8.0, 0.0), ("games", 2.0, 0.0)]
        if is_active:
            values["orders_365d"] = 4.0
            values["price_sensitivity"] = 0.8 if is_frugal else 0.2
            values["average_order"] = float(rng.uniform(0, 100))
            interest.append((liked, 6.0, 6.0))
        customers.append({**row, "values": values, "labels": {}})
        interactions += [
            {**row, "product_id": f"{category} {recent}", "category": category}
            | {"interest": strength, "recent_interest": recent}
            for category, strength, recent in interest
        ]
    return customers, interactions


def _tags(shop: Desk) -> dict[str, Row]:
    return {row["tag"]: row for row in shop.read("gold.tags").collect()}


def _customers_with(shop: Desk, tag: str) -> set[int]:
    rows = shop.read("gold.customer_tags").where(F.array_contains("tags.tag", tag)).collect()
    return {int(row["customer_id"][1:]) for row in rows}


@pytest.mark.covers("P4")
def test_who_is_like_those_who_prefer_a_category_gets_the_tag_of_its_tree(shop: Desk) -> None:
    asleep = set(range(ACTIVE, ACTIVE + ASLEEP))
    fans = {number for number in range(PEN_FANS, ACTIVE) if number % 2 == 0}
    assert _customers_with(shop, "prefers:toys") == fans
    assert _customers_with(shop, "like:prefers:toys") == fans | asleep

    tags = _tags(shop)
    declared, tree = tags["prefers:toys"], tags["like:prefers:toys"]
    assert (declared["kind"], declared["category"], declared["label_zh"]) == (
        "declared", "toys", "偏好toys",
    )  # fmt: skip
    assert (declared["meaning"], declared["lift"], declared["explains"]) == (
        "looks at toys",
        None,
        None,
    )
    assert (tree["kind"], tree["explains"], tree["category"]) == ("tree", "prefers:toys", "toys")
    assert tree["label_en"] == "like prefers toys"
    assert tree["rule"].startswith("earlier['toys'] ")
    assert tree["meaning"].startswith("earlier interest in toys ")
    assert tree["customers"] == len(fans | asleep)
    assert (tree["confidence"], tree["recall"], tree["fidelity"]) == (1.0, 1.0, 1.0)
    assert 0.95 < tree["fidelity_low"] < tree["fidelity_high"] <= 1.0
    assert tree["lift"] == pytest.approx(2.0, rel=0.2)

    # Too few customers prefer pens for a tag of their own.
    assert {row["category"] for row in tags.values()} == {None, "toys", "books"}


@pytest.mark.covers("P4")
def test_a_tree_speaks_of_sure_customers_and_of_more_than_chance(shop: Desk) -> None:
    tags = _tags(shop)
    frugal = tags["like:frugal"]
    assert frugal["meaning"].startswith("cart adds per view above 0.")
    assert frugal["lift"] == pytest.approx(frugal["confidence"] * 4, rel=0.25)
    assert frugal["fidelity_low"] > 0.75
    assert _customers_with(shop, "like:frugal") & set(range(ACTIVE, ACTIVE + ASLEEP))

    # Who is lucky is chance: no tree is better than saying of everybody what is true of most.
    assert "lucky" in tags
    assert "like:lucky" not in tags
    said = " ".join(shop.said)
    assert "tags that no tree explains: lucky (" in said
    assert "groups that no tree" not in said
