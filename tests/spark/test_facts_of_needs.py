"""What customers bought, looked at and put into the cart, by category and day; and needs in batches."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from clarion.prediction.need.facts import customer_histories, need_facts
from clarion.prediction.need.histories import BEGAN, BOUGHT, CARTED, VIEWED, read_histories
from clarion.prediction.need.inputs import shop_rates
from clarion.prediction.need.models import Markov
from clarion.prediction.need.scoring import needs_of, next_needs

Rows = Callable[..., DataFrame]
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAY = (NOON.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
LINE = (
    "customer_id string, order_id string, line_no bigint, product_id string, kind string, "
    "amount decimal(18,4), happened_at timestamp, arrived_at timestamp"
)
EVENT = (
    "customer_id string, type string, product_id string, category string, happened_at timestamp, "
    "arrived_at timestamp"
)


def _products(rows: Rows) -> DataFrame:
    named = (("tea1", "tea"), ("tea2", "tea"), ("jam", "jam"), ("pan", "pans"), ("odd", None))
    return rows("product_id string, category string", *named)


def _line(
    customer: str | None, order: str, line: int | None, product: str, hours: float = 0, *,
    amount: int = 5, kind: str = "sale", late: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    at = NOON + timedelta(hours=hours)
    return customer, order, line, product, kind, Decimal(amount), at, at + timedelta(days=late)


def _event(
    customer: str | None, type_: str, product: str | None, hours: float = 0,
    *, category: str | None = None, late: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    at = NOON + timedelta(hours=hours)
    return customer, type_, product, category, at, at + timedelta(days=late)


def _facts(rows: Rows, lines: list[Any], events: list[Any], zone: str = "UTC") -> list[Any]:
    facts = need_facts(
        rows(LINE, *lines), rows(EVENT, *events), _products(rows), time_zone=zone
    ).collect()
    return sorted(
        (row["customer_id"], row["kind"], row["category"], row["day"] - DAY, row["known"] - DAY)
        for row in facts
    )


def test_a_purchase_begins_with_the_first_line_of_the_first_order_of_the_day(rows: Rows) -> None:
    lines = [
        _line("ann", "A2", 1, "pan", 2), _line("ann", "A1", 2, "tea1"), _line("ann", "A1", 1, "jam"),
        # Without numbers the dearest line; a product without a category is passed over.
        _line("ben", "B", None, "tea1"), _line("ben", "B", None, "pan", amount=9),
        _line("ben", "B", None, "odd", amount=99),
        _line("cat", "C", 1, "tea1", kind="return"), _line(None, "D", 1, "tea1"),
    ]  # fmt: skip
    assert _facts(rows, lines, []) == [
        ("ann", BOUGHT, "jam", 0, 0), ("ann", BOUGHT, "pans", 0, 0), ("ann", BOUGHT, "tea", 0, 0),
        ("ann", BEGAN, "jam", 0, 0),
        ("ben", BOUGHT, "pans", 0, 0), ("ben", BOUGHT, "tea", 0, 0), ("ben", BEGAN, "pans", 0, 0),
    ]  # fmt: skip


def test_a_category_counts_once_a_day_from_the_day_on_which_it_was_known(rows: Rows) -> None:
    events = [
        _event("ann", "view", "tea1", late=3), _event("ann", "view", "tea2", 1),
        _event("ann", "cart_add", "jam"), _event("ann", "favourite", "jam"),
        _event("ann", "view", None, category="pans", late=1), _event("ann", "view", None),
        _event("ann", "search", "tea1"), _event(None, "view", "tea1"),
        _event("ann", "view", "jam", 11.5), _event("ann", "view", "jam", 12.5),
    ]  # fmt: skip
    lines = [_line("ann", "A", 1, "tea1", late=2)]
    assert _facts(rows, lines, events) == [
        ("ann", BOUGHT, "tea", 0, 2), ("ann", BEGAN, "tea", 0, 2),
        ("ann", VIEWED, "jam", 0, 0), ("ann", VIEWED, "jam", 1, 1),
        ("ann", VIEWED, "pans", 0, 1), ("ann", VIEWED, "tea", 0, 0),
        ("ann", CARTED, "jam", 0, 0),
    ]  # fmt: skip
    in_shanghai = _facts(rows, [], [_event("ann", "view", "tea1", 5)], zone="Asia/Shanghai")
    assert in_shanghai == [("ann", VIEWED, "tea", 1, 1)]


def test_needs_in_batches_are_those_of_all_customers_at_once(
    rows: Rows, spark: SparkSession
) -> None:
    draws = np.random.default_rng(1)
    products = ("tea1", "jam", "pan", "soap")
    lines = [
        _line(f"c{who:02}", f"{who}/{day}", 1, products[int(draws.integers(4))], -24 * day)
        for who in range(23)
        for day in range(1, 40, 9)
    ]
    events = [_event("looker", "view", "tea1")]
    named = rows(
        "product_id string, category string",
        ("tea1", "tea"), ("jam", "jam"), ("pan", "pans"), ("soap", "soap"),
    )  # fmt: skip
    histories = customer_histories(
        need_facts(rows(LINE, *lines), rows(EVENT, *events), named, time_zone="UTC")
    )
    table = histories.toArrow()
    learned = read_histories(table, categories=None, limit=60)
    assert set(learned.customers) == {f"c{who:02}" for who in range(23)}  # who only looks is none
    model = Markov(shop_rates(learned, until=DAY, window=60))
    options: dict[str, Any] = {"categories": learned.categories, "as_of": DAY, "window": 60}
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "4")
    try:
        in_batches = next_needs(histories, model, **options).toPandas()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    at_once = needs_of(table, model, **options).to_pandas()
    keys = ["customer_id", "rank"]
    expected = at_once.sort_values(keys).reset_index(drop=True)
    assert in_batches.sort_values(keys).reset_index(drop=True).equals(expected)
    assert (expected.groupby("customer_id")["category"].nunique() == 3).all()
    assert (expected.groupby("customer_id")["probability"].diff().dropna() <= 0).all()
    # In two halves of the customers, too: nobody's needs depend on whose batch it is.
    halves = [needs_of(table.slice(start, 12), model, **options) for start in (0, 12)]
    joined = pa.concat_tables(halves).to_pandas().sort_values(keys).reset_index(drop=True)
    assert joined.equals(expected)


def test_the_categories_with_the_most_purchases_are_predicted(rows: Rows) -> None:
    lines = [_line("ann", f"A{day}", 1, "tea1", -24 * day) for day in range(3)]
    lines += [_line("ann", "B", 1, "pan", -90), _line("ben", "C", 1, "jam", -90)]
    histories = customer_histories(
        need_facts(rows(LINE, *lines), rows(EVENT), _products(rows), time_zone="UTC")
    )
    learned = read_histories(histories.toArrow(), categories=None, limit=2)
    assert learned.categories == ("tea", "jam")  # jam and pans once each: by name
    assert sorted(set(learned.category.tolist())) == [-1, 0, 1]
