"""The market position and the grey relations of a shop of files, by hand."""

import csv
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from worlds import Desk, contents

pytestmark = pytest.mark.deep  # five sources are ingested and cleaned

AS_OF = date(2026, 6, 1)
CONSENT = {"basis": "declared", "purposes": ["collection", "analytics"]}
TABLES = ("gold.market_position", "gold.competitors", "gold.grey_relations")
JOBS = ("match_listings", "market_position", "grey_relations")


def _source(name: str, columns: dict[str, str], **more: Any) -> dict[str, Any]:
    where = {"where": f"${{data}}/{name}.csv", "format": "csv", "options": {"header": True}}
    return {**where, "time_zone": "UTC", "columns": columns, **more}


def _named(*names: str) -> dict[str, str]:
    return {name: name for name in names}


MAPPING = {
    "shop": {
        "orders": _source(
            "orders",
            {
                "order_ref": "number", "customer_ref": "'ann'", "product_ref": "product",
                "quantity": "1", "unit_price": "cast(price as decimal(18,4))",
                "happened_at": "cast(day as timestamp)",
            },
            currency="EUR",
            consent=CONSENT,
        ),
        "products": _source(
            "products",
            {
                **_named("product_ref", "title", "brand", "category_path"),
                "list_price": "cast(price as decimal(18,4))", "at": "cast(at as timestamp)",
            },
            currency="EUR",
        ),
        "stock": _source(
            "stock",
            {
                "product_ref": "product_ref", "at": "cast(at as timestamp)",
                "price": "cast(price as decimal(18,4))",
            },
            currency="EUR",
        ),
        "market": _source(
            "market",
            {
                **_named("competitor", "title", "brand", "product_ref", "promotion"),
                "price": "cast(price as decimal(18,4))",
                "observed_at": "cast(observed_at as timestamp)",
            },
            currency="EUR",
        ),
        "promotions": _source(
            "promotions",
            {
                **_named("competitor", "name", "category", "product_ref"),
                "starts_at": "cast(starts_at as timestamp)",
                "ends_at": "cast(ends_at as timestamp)",
            },
        ),
    }
}  # fmt: skip
PRODUCTS = [
    ("p1", "green tea 100 g", "Leaf", "Food > Tea", 10, "2026-01-01"),
    ("p2", "black tea 100 g", "Leaf", "Food > Tea", 20, "2026-01-01"),
    ("p3", "white tea 100 g", "Hill", "Food > Tea", "", "2026-05-10"),
    ("p4", "iron pot", "Smith", "Kitchen > Pots", 50, "2026-01-01"),
]
STOCK = [("p1", "2026-05-28", 12)]
# competitor, title, brand, product, price, day, promotion
MARKET = [
    # Alpha cuts the price of p1 in the last week, and had it as dear as we before.
    ("alpha", "Green", "Leaf", "p1", 10, "2026-03-02", ""),
    ("alpha", "Green", "Leaf", "p1", 10, "2026-05-20", ""),
    ("alpha", "Green", "Leaf", "p1", 8, "2026-05-29", "spring sale"),
    ("alpha", "Black", "Leaf", "p2", 25, "2026-05-29", ""),
    # Ours has no price; it began to sell it before us.
    ("alpha", "White", "Hill", "p3", 5, "2026-05-06", ""),
    # New in the last four weeks, and of no product of ours.
    ("alpha", "Rooibos", "Cape", "", 7, "2026-05-20", ""),
    # Below zero and zero: refused, so the one before counts.
    ("alpha", "Black", "Leaf", "p2", 0, "2026-05-30", ""),
    ("alpha", "Black", "Leaf", "p2", -3, "2026-05-31", ""),
    # After the day, and long gone.
    ("alpha", "Black", "Leaf", "p2", 1, "2026-06-01", ""),
    ("beta", "Pot", "", "p4", 40, "2026-03-02", ""),
]
PROMOTIONS = [
    ("alpha", "tea days", "Tea", "", "2026-05-30", "2026-06-03"),
    ("alpha", "over", "Tea", "", "2026-05-01", "2026-05-09"),
    ("gamma", "pots", "", "p4", "2026-05-30", ""),
    ("gamma", "old", "", "p4", "2026-01-30", ""),
]


def _write(folder: Path, name: str, header: str, rows: list[tuple[Any, ...]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header.split(), *rows])


def _orders(last: date) -> list[tuple[Any, ...]]:
    """One order of p1 on each day of twelve weeks; in every second week of two, at half the price."""
    rows = []
    for number in range(12 * 7):
        day = last - timedelta(days=1 + number)
        is_busy = (number // 7) % 2 == 0
        for copy in range(2 if is_busy else 1):
            rows.append((f"{number}-{copy}", "p1", 5 if is_busy else 6, day))
    return rows


@pytest.fixture
def shop(desk: Callable[..., Desk], tmp_path: Path) -> Desk:
    _write(tmp_path, "products", "product_ref title brand category_path price at", PRODUCTS)
    _write(tmp_path, "stock", "product_ref at price", STOCK)
    _write(tmp_path, "orders", "number product price day", _orders(AS_OF))
    _write(
        tmp_path, "market", "competitor title brand product_ref price observed_at promotion", MARKET
    )
    _write(
        tmp_path, "promotions", "competitor name category product_ref starts_at ends_at", PROMOTIONS
    )
    size = "{category: Tea, amount: 1000, first_day: 2026-05-01, last_day: 2026-05-31, source: a study}"
    made = desk(
        MAPPING, **{"listing_matches.chinese": "bigrams", "market_position.sizes": f"[{size}]"}
    )
    made.run("ingest", "clean", "profiles", *JOBS, as_of=AS_OF)
    return made


def _by(shop: Desk, name: str, *keys: str) -> dict[Any, dict[str, Any]]:
    rows = [row.asDict(recursive=True) for row in shop.read(name).collect()]
    return {tuple(row[key] for key in keys) if keys[1:] else row[keys[0]]: row for row in rows}


def test_the_position_of_a_shop_of_files(shop: Desk) -> None:
    rows = _by(shop, "gold.market_position", "category")
    assert set(rows) == {"all", "Tea", "Pots", "(unknown)"}
    tea = rows["Tea"]
    assert (tea["competitors"], tea["listings"], tea["matched_listings"]) == (1, 3, 2)
    # Since the 28th p1 costs 12; alpha asks 8 for it, and 25 where we ask 20.
    assert tea["price_index"] == pytest.approx(math.sqrt(12 / 8 * 20 / 25))
    assert (tea["cheaper_share"], tea["dearer_share"]) == (0.5, 0.5)
    assert (tea["promotions"], tea["promoted_listings"], tea["new_listings"]) == (1, 1, 2)
    history = {row["day"]: row for row in tea["history"]}
    assert history[date(2026, 5, 24)]["price_index"] == 1.0
    # Seen on 2 March, the listing is on sale until the 29th.
    assert sorted(history)[:4] == [date(2026, 3, day) for day in (8, 15, 22, 29)]
    assert history[date(2026, 5, 24)]["chained_index"] == pytest.approx(
        tea["price_index"] / (12 / 8)
    )
    assert tea["note"].startswith("no trend: weeks with an index: 2")
    # Ten busy and ... days of May: what was paid for tea in the period of the study.
    paid = sum(price for _, _, price, day in _orders(AS_OF) if day >= date(2026, 5, 1))
    assert (tea["own_revenue"], tea["market_share"]) == (float(paid), paid / 1000)
    assert tea["market_size_source"] == "a study"
    assert rows["Pots"]["listings"] == 0
    assert rows["Pots"]["promotions"] == 1
    assert rows["Pots"]["market_size"] is None
    assert rows["(unknown)"]["listings"] == 1
    assert rows["all"]["listings"] == 4
    assert any("categories of listings are not estimated" in text for text in shop.said)

    competitors = _by(shop, "gold.competitors", "competitor", "category")
    assert set(competitors) == {
        ("alpha", "all"), ("alpha", "Tea"), ("alpha", "(unknown)"), ("beta", "all"),
        ("gamma", "all"), ("gamma", "Pots"),
    }  # fmt: skip
    alpha = competitors["alpha", "Tea"]
    assert (alpha["dated_products"], alpha["first_share"]) == (2, 0.5)  # p3, and p2 since May
    assert (alpha["only_ours"], competitors["alpha", "all"]["only_ours"]) == (0, 1)
    assert competitors["alpha", "all"]["only_theirs_examples"] == ["Rooibos"]
    assert competitors["alpha", "all"]["brands_only_theirs"] == ["Cape"]
    assert competitors["beta", "all"]["note"] == "not seen since 2026-03-02"
    assert competitors["gamma", "Pots"]["note"] == "no price of it was ever seen"


def test_what_moves_with_revenue_has_the_better_grade(shop: Desk) -> None:
    rows = _by(shop, "gold.grey_relations", "category", "driver")
    assert len([1 for category, _ in rows if category == "all"]) == 10
    everything = {driver: row for (category, driver), row in rows.items() if category == "all"}
    # Revenue is 70 in busy weeks and 42 in others: units and the order of weeks are the same.
    assert everything["units"]["weeks"] == 11
    assert everything["units"]["grade"] == pytest.approx(1.0)
    assert (everything["units"]["rank"], everything["units"]["rank_changes"]) == (1, False)
    # The price moves the other way, between the same two values: gaps of 1, the widest.
    assert everything["unit_price"]["grade"] == pytest.approx(1 / 3)
    assert everything["views"]["reason"] == "it does not vary"
    assert everything["messages"]["reason"] == "it does not vary"
    assert "values are not known" in everything["price_index"]["reason"]
    assert {category for category, _ in rows} == {"all", "Tea"}

    # A repeat of the jobs changes nothing.
    before = contents(shop.lake)
    shop.run(*JOBS, as_of=AS_OF)
    after = contents(shop.lake)
    assert {name: after[name] for name in TABLES} == {name: before[name] for name in TABLES}


def test_without_a_market_there_are_no_rows_and_a_note(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    _write(tmp_path, "orders", "number product price day", _orders(AS_OF)[:20])
    orders_only = {"shop": {"orders": MAPPING["shop"]["orders"]}}
    made = desk(orders_only)
    made.run("ingest", "clean", "profiles", *JOBS, as_of=AS_OF)
    assert made.read("gold.market_position").count() == 0
    assert made.read("gold.competitors").count() == 0
    assert any(text.startswith("no market: neither prices nor promotions") for text in made.said)
    reasons = {row["reason"] for row in made.read("gold.grey_relations").collect()}
    assert reasons == {"whole weeks with records: 1; 8 are needed"}
