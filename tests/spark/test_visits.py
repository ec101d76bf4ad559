"""Visits over devices, and ties between customers, by hand."""

from collections.abc import Callable
from datetime import date

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.customers.features import transforms, views
from clarion.customers.features.visits import visits
from clarion.declarations.shop import features

Rows = Callable[..., DataFrame]
AS_OF = date(2026, 6, 1)
EVENT = (
    "event_ref string, customer_id string, session_ref string, channel string, device_ref string, "
    "happened_at string, sequence_no long, type string, product_id string, category string, "
    "dwell_ms long"
)


def _events(rows: Rows, *values: tuple[object, ...]) -> DataFrame:
    at = F.col("happened_at").cast("timestamp")
    return rows(EVENT, *values).withColumns(
        {
            "happened_at": at,
            "arrived_at": at,
            "_source": F.lit("shop.events"),
            "query": F.lit(None).cast("string"),
        }
    )


def _products(rows: Rows) -> DataFrame:
    return rows("product_id string, category string, list_price double", ("p", "soap", 10.0),
                ("q", "cream", 5.0))  # fmt: skip


@pytest.mark.covers("C4")
def test_visits_on_two_devices_are_one_chain_with_their_time_categories_and_cart(
    rows: Rows,
) -> None:
    day = "2026-05-01"
    events = _events(
        rows,
        ("2", "ann", "s1", "app", "phone", f"{day} 08:00:20", 2, "cart_add", "q", None, None),
        ("1", "ann", "s1", "app", "phone", f"{day} 08:00:00", 1, "view", "p", None, 4500),
        ("3", "ann", "s1", "app", "phone", f"{day} 08:00:20", 3, "cart_add", "p", None, None),
        ("4", "ann", "s1", "app", "phone", f"{day} 08:00:30", 4, "cart_remove", "q", None, None),
        ("5", "ann", "m1", "mini_program", "pad", f"{day} 07:00:00", 1, "view", None, "tea", 1000),
        ("6", "ann", "m1", "mini_program", "pad", f"{day} 07:01:00", 2, "favourite", "p", None, None),
        ("7", "ann", "m1", "mini_program", "pad", f"{day} 07:02:00", 3, "review_view", "p", None, 500),
        ("8", "ann", None, "web", "pc", f"{day} 06:00:00", None, "view", "p", None, 500),
        ("9", None, "s2", "app", "x", f"{day} 06:00:00", 1, "view", "p", None, 500),
        ("a", "ben", "s1", "app", "y", f"{day} 06:00:00", 1, "view", "p", None, 500),
        ("b", "ann", "s3", "app", "phone", "2026-06-01 00:00:00", 1, "view", "p", None, 500),
    )  # fmt: skip
    found = visits(events, _products(rows), as_of=AS_OF, time_zone="UTC")
    chain = [
        (row["visit_no"], row["channel"], row["previous_channel"], row["device_ref"], row["path"])
        for row in found.where("customer_id = 'ann'").orderBy("visit_no").collect()
    ]
    assert chain == [
        (1, "mini_program", None, "pad", ["view", "favourite", "review_view"]),
        (2, "app", "mini_program", "phone", ["view", "cart_add", "cart_add", "cart_remove"]),
    ]
    sums = ("steps", "dwell_s", "categories", "favourites", "reviews_read", "cart_adds")
    values = {
        (row["customer_id"], row["session_ref"]): (*(row[name] for name in sums), row["cart_value"])
        for row in found.collect()
    }
    assert values == {
        ("ann", "m1"): (3, 1.5, ["soap", "tea"], 1, 1, 0, None),
        ("ann", "s1"): (4, 4.5, ["cream", "soap"], 0, 0, 2, 10.0),
        ("ben", "s1"): (1, 0.5, ["soap"], 0, 0, 0, None),
    }


@pytest.mark.covers("C2")
def test_ties_and_bought_traits_are_features_of_both_ends(rows: Rows, config: Config) -> None:
    instants = {name: F.col(name).cast("timestamp") for name in ("at", "arrived_at")}
    ties = rows(
        "from_id string, to_id string, kind string, strength double, at string, arrived_at string",
        ("ann", "ben", "invited", None, "2026-01-01", "2026-01-01"),
        ("ann", "eva", "invited", None, "2026-01-02", "2026-01-02"),
        ("ben", "eva", "follows", 0.5, "2026-01-02", "2026-01-02"),
        ("ann", "ann", "invited", None, "2026-01-02", "2026-01-02"),
        ("eva", "zoe", "invited", None, "2026-01-02", "2026-06-01"),
    ).withColumns(instants)
    traits = rows(
        "customer_id string, name string, value string, at string, arrived_at string",
        ("ann", "consumption", "low", "2026-01-01", "2026-01-01"),
        ("ann", "consumption", "high", "2026-02-01", "2026-02-01"),
        ("ben", "household_size", "3", "2026-02-01", "2026-02-01"),
    ).withColumns(instants)
    declared = tuple(
        item for item in features(config)
        if item.name in ("invited", "customers_invited", "consumption")
    )  # fmt: skip
    people = rows("customer_id string", ("ann",), ("ben",), ("eva",), ("zoe",))
    found = transforms.compute_features(
        people,
        {
            "ties": views.ties(ties, as_of=AS_OF, time_zone="UTC"),
            "traits": views.traits(traits, as_of=AS_OF, time_zone="UTC"),
        },
        declared,
    )
    assert {
        row["customer_id"]: (row["invited"], row["customers_invited"], row["consumption"])
        for row in found.collect()
    } == {"ann": (0, 2, "high"), "ben": (1, 0, None), "eva": (1, 0, None), "zoe": (0, 0, None)}
