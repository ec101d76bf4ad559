"""What one line of an order is, which delivery of it counts, and what daily sums make of that."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.order_versions import (
    LinePolicy,
    line_columns,
    mark_versions,
    replacements,
    without_replaced,
)
from clarion.customers.profiles.days import customer_days, product_days

RECORD = (
    "order_ref string, product_ref string, happened_at timestamp, quantity decimal(18,4), line_no bigint, record_ref string, "
    "_raw map<string,string>, _hash string, _source string, _file string, _row bigint, _batch string, _ingested_at timestamp"
)
NOON = datetime(2026, 5, 1, 12)
KEPT, DUPLICATE = "kept", "duplicate"

# What arrives: order, file, content; then what becomes of it where only redelivered lines are
# duplicates, where equal ones are dropped, and where the mapped line number is the id.
# A content is product, number of the line, value; the file's batch is its first letter.
CASES: dict[str, list[tuple[str, tuple[str, int, str], str, str, str]]] = {
    "back and forth": [
        ("a1", ("P", 1, "paid"), KEPT, KEPT, KEPT),
        ("b1", ("P", 1, "cancelled"), KEPT, KEPT, KEPT),
        ("c1", ("P", 1, "paid"), KEPT, KEPT, KEPT),
        ("d1", ("P", 1, "paid"), DUPLICATE, DUPLICATE, DUPLICATE),
    ],
    "two equal lines": [
        ("a1", ("P", 1, "one"), KEPT, KEPT, KEPT),
        ("a1", ("P", 1, "one"), KEPT, DUPLICATE, DUPLICATE),
        ("b1", ("P", 1, "one"), DUPLICATE, DUPLICATE, DUPLICATE),
        ("b1", ("P", 1, "one"), DUPLICATE, DUPLICATE, DUPLICATE),
    ],
    "one of two equal lines is left": [
        ("a1", ("P", 1, "one"), KEPT, KEPT, KEPT),
        ("a1", ("P", 2, "one"), KEPT, KEPT, KEPT),
        ("b1", ("P", 1, "one"), KEPT, KEPT, DUPLICATE),
    ],
    "in another order of the rows": [
        ("a1", ("P", 1, "one"), KEPT, KEPT, KEPT),
        ("a1", ("P", 2, "two"), KEPT, KEPT, KEPT),
        ("b1", ("P", 2, "two"), DUPLICATE, DUPLICATE, DUPLICATE),
        ("b1", ("P", 1, "one"), DUPLICATE, DUPLICATE, DUPLICATE),
    ],
    "split over two files": [
        ("a1", ("P", 1, "one"), KEPT, KEPT, KEPT),
        ("b1", ("Q", 2, "one"), KEPT, KEPT, KEPT),
    ],
    "a file that sorts as a person sorts": [
        ("a10", ("P", 1, "later"), KEPT, KEPT, KEPT),
        ("a2", ("P", 1, "earlier"), KEPT, KEPT, KEPT),
        ("b1", ("P", 1, "later"), DUPLICATE, DUPLICATE, DUPLICATE),
    ],
    "twice in one file": [
        ("a1", ("P", 1, "paid"), KEPT, KEPT, KEPT),
        ("a1", ("P", 1, "refunded"), KEPT, KEPT, KEPT),
    ],
}


def records(rows: Callable[..., DataFrame]) -> DataFrame:
    found: list[tuple[Any, ...]] = []
    for order, stated in CASES.items():
        for number, (file, (product, line_no, value), *_) in enumerate(stated, start=1):
            at = datetime(2026, 6, 1) + timedelta(days=ord(file[0]))
            content = f"{order}/{product}/{line_no}/{value}"
            found.append(
                (order, product, NOON, Decimal(1), line_no, None, {"n": "x"}, content, "s", f"{file}.csv", number, file[0], at)
            )  # fmt: skip
    # Records that cannot be read have neither order nor product: each is compared with its equals.
    for number, content in enumerate(("bad 1", "bad 2", "bad 1"), start=90):
        found.append((None, None, None, None, None, None, {}, content, "s", "a1.csv", number, "a", NOON))  # fmt: skip
    return rows(RECORD, *found)


def becomes(frame: DataFrame) -> dict[tuple[str | None, int], str]:
    return {
        (row["order_ref"], row["_row"]): DUPLICATE if row["_duplicate"] else KEPT
        for row in frame.collect()
    }


@pytest.mark.parametrize(
    ("policy", "column", "bad"),
    [
        (LinePolicy(), 2, [KEPT, KEPT, KEPT]),
        (LinePolicy(drops_equal=True), 3, [KEPT, KEPT, DUPLICATE]),
        (LinePolicy(ids=("line_no",)), 4, [KEPT, KEPT, KEPT]),
    ],
    ids=["redelivered", "drop", "line number"],
)
def test_a_statement_that_equals_the_one_before_is_a_duplicate(
    rows: Callable[..., DataFrame], policy: LinePolicy, column: int, bad: list[str]
) -> None:
    # The batches a and b are known, c and d arrive: the same becomes of all as at once.
    named = records(rows).withColumns(line_columns(policy))
    at_once = becomes(mark_versions(named, None, policy))
    expected = {
        (order, number): str(stated[column])
        for order, cases in CASES.items()
        for number, stated in enumerate(cases, start=1)
    }
    assert at_once == expected | {(None, 90 + n): value for n, value in enumerate(bad)}


def test_what_was_cleaned_before_is_compared_and_marks_only_what_changed(
    rows: Callable[..., DataFrame],
) -> None:
    named = records(rows).withColumns(line_columns(LinePolicy()))
    earlier = named.where("_batch < 'b'").select(
        "line_key", "_statement", "_hash", "_ingested_at", "_batch", "_file", "_row"
    )
    marked = mark_versions(named.where("_batch >= 'b'"), earlier, LinePolicy()).collect()
    found = {
        (row["order_ref"], row["_row"]): (
            DUPLICATE if row["_duplicate"] else KEPT,
            row["is_redelivered"],
            row["_redelivery"],
        )
        for row in marked
    }
    assert found == {
        ("back and forth", 2): (KEPT, True, 2),
        ("back and forth", 3): (KEPT, True, 2),
        ("back and forth", 4): (DUPLICATE, True, 2),
        ("two equal lines", 3): (DUPLICATE, False, 2),
        ("two equal lines", 4): (DUPLICATE, False, 2),
        ("one of two equal lines is left", 3): (KEPT, True, 2),
        ("in another order of the rows", 3): (DUPLICATE, False, 2),
        ("in another order of the rows", 4): (DUPLICATE, False, 2),
        ("split over two files", 2): (KEPT, False, 0),
        ("a file that sorts as a person sorts", 3): (DUPLICATE, True, 2),
    }


LINE = (
    "order_line_id string, line_key string, _statement bigint, is_redelivered boolean, customer_id string, order_id string, product_id string, "
    "kind string, quantity decimal(18,4), amount decimal(18,4), discount decimal(18,4), happened_at timestamp, arrived_at timestamp, "
    "status string, _source string, _batch string, _file string, _ingested_at timestamp"
)
# order, line, kind, amount, day it happened, day it arrived; two customers, of which a moves.
VERSIONS = [
    ("cancelled", "1", "sale", 10, 1, 1), ("cancelled", "1", "no_sale", 10, 1, 4),
    ("part", "1", "sale", 50, 1, 1), ("part", "2", "sale", 5, 1, 1), ("part", "1", "sale", 20, 1, 3),
    ("half cancelled", "1", "sale", 7, 1, 1), ("half cancelled", "2", "sale", 8, 2, 2), ("half cancelled", "1", "no_sale", 7, 1, 4),
    ("two days", "1", "sale", 3, 2, 2), ("two days", "2", "sale", 4, 3, 3),
    ("returned later", "1", "sale", 30, 1, 1), ("returned later", "1", "no_sale", 30, 1, 2), ("returned later", "1", "sale", 30, 1, 5),
    ("late and old", "1", "sale", 11, 1, 4), ("late and old", "1", "sale", 99, 1, 2),
    ("pending", "1", "no_sale", 12, 2, 2), ("pending", "1", "sale", 12, 2, 3),
    ("back", "1", "return", 6, 2, 2), ("back", "1", "return", 2, 2, 5),
    ("wiped", "1", "sale", 13, 3, 3), ("wiped", "2", "sale", 14, 3, 3), ("wiped", "1", "no_sale", 13, 3, 4), ("wiped", "2", "no_sale", 14, 3, 5),
    ("equal", "1", "sale", 9, 1, 1), ("equal", "1", "sale", 9, 1, 1),
    # The line 1r is a return of the product of line 1, from another source.
    ("refunded", "1", "sale", 40, 1, 1), ("refunded", "1r", "return", 40, 2, 3), ("refunded", "1", "no_sale", 40, 1, 4),
    ("refunded first", "1", "sale", 41, 1, 1), ("refunded first", "1", "no_sale", 41, 1, 2), ("refunded first", "1r", "return", 41, 2, 3),
]  # fmt: skip
DAYS = range(2, 8)


def versions(rows: Callable[..., DataFrame]) -> DataFrame:
    found = []
    for number, (order, line, kind, amount, day, arrived) in enumerate(VERSIONS):
        happened, known = datetime(2026, 5, day, 10), datetime(2026, 5, arrived, 20)
        file = "1" if order == "equal" else str(number)
        taken = datetime(2026, 6, 1) if order == "equal" else datetime(2026, 6, 1, 0, number)
        found.append((f"{number}", f"{order}/{line}", 0, order not in ("two days", "equal") and line != "1r", "k" if len(order) % 2 else "q", order,
                      f"p{line[0]}", kind, Decimal(1), Decimal(amount), Decimal(0), happened, known,
                      "refunded" if order.startswith("refunded") and kind == "no_sale" else "paid", f"shop.{line[1:] or 'orders'}", file, file, taken))  # fmt: skip
    return rows(LINE, *found)


def known_lines(day: int) -> list[tuple[str, str, str, int, int]]:
    """The lines that count on a day, worked out by hand: of each line the last that arrived."""
    last: dict[tuple[str, str], list[tuple[str, str, str, int, int]]] = {}
    by_arrival = sorted(VERSIONS, key=lambda version: version[5])
    for order, line, kind, amount, happened, arrived in by_arrival:
        if arrived < day:
            stated = (order, line, kind, amount, happened)
            kept = last.get((order, line), []) if order == "equal" else []
            last[order, line] = [*kept, stated]
    known = [line for lines in last.values() for line in lines]
    by_state = {
        line[0] for line in known if line[0].startswith("refunded") and line[2] == "no_sale"
    }
    return [line for line in known if not (line[2] == "return" and line[0] in by_state)]


def test_the_newest_version_that_had_arrived_counts(rows: Callable[..., DataFrame]) -> None:
    lines = versions(rows)
    replaced = replacements(lines).persist()
    try:
        for day in (3, 5):
            as_of = date(2026, 5, day)
            known = without_replaced(lines, replaced, as_of=as_of, time_zone="UTC")
            arrived = known.where(F.col("arrived_at") < F.lit(as_of).cast("timestamp"))
            found = arrived.select("order_id", "line_key", "kind", "amount", F.day("happened_at"))
            assert sorted(
                (order, key.split("/")[1], kind, int(amount), happened)
                for order, key, kind, amount, happened in found.collect()
            ) == sorted(known_lines(day))
    finally:
        replaced.unpersist()


def by_day(found: Iterable[tuple[Any, ...]], day: int) -> object:
    """Sums of what was known before a day: orders in all; lines, amount, returned by day."""
    orders = 0
    sums: dict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for happened, known_on, of_orders, *values in found:
        if known_on < date(2026, 5, day):
            orders += of_orders
            sums[happened.day] = [a + b for a, b in zip(sums[happened.day], values, strict=True)]
    return orders, {day: values for day, values in sums.items() if any(values)}


@pytest.mark.parametrize("of", ["customer_id", "product_id"])
def test_daily_sums_of_what_was_known_are_those_of_the_lines_that_counted(
    rows: Callable[..., DataFrame], of: str
) -> None:
    lines = versions(rows)
    times = replacements(lines).drop("line_key")
    with_replaced = lines.join(times, "order_line_id", "left")
    events = rows("customer_id string, product_id string, type string, happened_at timestamp, arrived_at timestamp")  # fmt: skip
    make = customer_days if of == "customer_id" else product_days
    daily = make(with_replaced, events, time_zone="UTC")
    count = F.col("lines" if of == "customer_id" else "quantity").cast("int")
    table = daily.select(of, "day", "known_on", "orders", count, "amount", "returned").collect()
    assert {row[of] for row in table} == ({"k", "q"} if of == "customer_id" else {"p1", "p2"})
    for name in {row[of] for row in table}:
        for day in DAYS:
            known = [
                line for line in known_lines(day)
                if name in ("k" if len(line[0]) % 2 else "q", f"p{line[1][0]}")
            ]  # fmt: skip
            sales = [line for line in known if line[2] == "sale"]
            sums: dict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
            for _, _, kind, amount, happened in known:
                sums[happened][0] += kind == "sale"
                sums[happened][1] += amount if kind == "sale" else 0
                sums[happened][2] += amount if kind == "return" else 0
            expected = (
                len({line[0] for line in sales}),
                {happened: values for happened, values in sums.items() if any(values)},
            )
            found = [tuple(row)[1:] for row in table if row[of] == name]
            assert by_day(found, day) == expected, (name, day)
