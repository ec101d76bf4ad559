"""A shop that has orders and nothing else: no discounts, no browsing. Nothing speaks of what is not there."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from worlds import Desk

from clarion.kernel.expressions import names

pytestmark = pytest.mark.deep  # a year of a shop, through every job about customers

AS_OF = date(2026, 6, 1)
MAPPING = {
    "shop": {
        "orders": {
            "where": "${data}/orders.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
            "consent": {"basis": "declared", "purposes": ["collection", "analytics"]},
            "columns": {
                "order_ref": "order", "product_ref": "product", "quantity": "cast(units as int)", "unit_price": "cast(price as decimal(18,4))",
                "happened_at": "cast(day as timestamp)", "customer_ref": "who",
            },
        }
    }
}  # fmt: skip
ABOUT_DISCOUNTS = ("deal-seeking", "full-price")
ABOUT_BROWSING = (
    *("browsing", "purposeful", "cart-filling", "cart-shy", "ready-to-buy", "looking"),
)
NEITHER = (
    *("price_sensitive", "full_price_buyer", "coupon_user", "looker", "cart_leaver", "hot_now"),
    *("evening_shopper", "dissatisfied", "responsive"),
)


def _orders() -> pd.DataFrame:
    """300 customers, a fifth of whom ordered last more than a year ago; some order twice a day."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(300):
        oldest, newest = (600, 400) if number % 5 == 0 else (360, 1)
        for _ in range(1 + rng.poisson(4)):
            day = AS_OF - timedelta(days=int(rng.integers(newest, oldest)))
            price = round(float(rng.lognormal(2.5, 0.8)), 2)
            for _ in range(2 if rng.random() < 0.1 else 1):
                rows.append((f"c{number:03d}", f"{day} 12:00:00", int(rng.integers(1, 9)), price))
    orders = pd.DataFrame(rows, columns=["who", "day", "units", "price"])
    products = [f"p{number % 9}" for number in range(len(orders))]
    return orders.assign(order=[f"o{index}" for index in range(len(orders))], product=products)


@pytest.mark.covers("P2", "P4", "F5")
def test_no_group_tag_or_prediction_speaks_of_discounts_or_browsing(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    _orders().to_csv(tmp_path / "orders.csv", index=False)
    models = (
        "{event: [logistic], amount: [linear]}"  # which inputs there are does not depend on them
    )
    shop = desk(MAPPING, **{"predict.min_customers": "50", "predict.models": models})
    shop.run("ingest", "clean", "profiles", "features", "train_segments", "segment", "tags", "predict", as_of=AS_OF)  # fmt: skip

    left_out = {
        row["feature"]: row["left_out"]
        for row in shop.read("gold.features").where("left_out IS NOT NULL").collect()
    }
    assert left_out["evening_share"] == "there are no events"
    assert left_out["views_365d"] == left_out["discounted_share"] == "0 for every customer"
    assert left_out["price_sensitivity"] == "it rests on discounted_share: 0 for every customer"
    assert left_out["night_share"] == left_out["dwell"] == "there are no events"
    assert not {"orders_365d", "spend_365d", "active_days_month", "unit_price_paid"} & set(left_out)

    groups = shop.read("gold.segment_groups").collect()
    assert len(groups) >= 3
    words = " ".join(row["name_en"].lower() for row in groups)
    assert not [word for word in (*ABOUT_DISCOUNTS, *ABOUT_BROWSING) if word in words]
    traits = {trait["feature"] for row in groups for trait in row["traits"]}
    assert traits == {"activity", "basket", "unit"}

    tags = {row["tag"]: row for row in shop.read("gold.tags").collect()}
    assert {tags[name]["customers"] for name in NEITHER} == {0}
    assert tags["repeat_buyer"]["customers"] > 0
    rules = [row["rule"] for row in tags.values() if row["kind"] == "tree"]
    assert rules
    assert not {name for rule in rules for name in names(rule)} & set(left_out)

    said = " ".join(shop.said)
    for text in (
        "customers are not compared by ",
        "tags that name a feature without data: ",
        "nothing is predicted from browsing (views_365d: 0 for every customer)",
    ):
        assert text in said

    # Of those without an order in a year neither baskets nor prices are known.
    gone = shop.read("gold.customer_features").where("`values`['orders_365d'] = 0")
    members = shop.read("gold.segment_members").join(gone, ["as_of", "customer_id"])
    most = members.groupBy("segment_id").count().orderBy(F.desc("count")).first()
    assert most is not None
    assert most["count"] > 50
    name = next(row["name_en"] for row in groups if row["segment_id"] == most["segment_id"])
    assert name == "Occasional customers"
