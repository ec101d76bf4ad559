"""Days that other systems write for "no date" are no dates: refused, or missing where that is allowed."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.config import Config
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel.errors import ConfigError

Rows = Callable[..., DataFrame]
TIME = datetime(2026, 5, 1, 10)
TEXT = "2026-05-01 10:00:00"
NO_TIMES = (
    "1970-01-01 00:00:00", "1970-01-01T00:00:00Z", "1899-12-30 00:00:00", "1899-12-31", "1900-01-01",
    "0001-01-01T00:00:00", "1904-01-01 00:00:00", "1753-01-01 00:00:00", "9999-12-31 23:59:59",
    "0000-00-00 00:00:00", "0000-00-00", "1900-01-00 00:00:00", "1/0/1900", "00.00.0000",
)  # fmt: skip


def _checked(rows: Rows, kind: str, records: list[dict[str, str]], **change: Any) -> list[Row]:
    """The rows of records with reasons and warnings, in their order."""
    names = list(dict.fromkeys(name for record in records for name in record))
    mapping = {
        "where": "/in/*.csv",
        "format": "csv",
        "time_zone": "UTC",
        "currency": "EUR",
        "consent": {"basis": "declared", "purposes": ["analytics"]},
        "columns": {name: name for name in names},
        **change,
    }
    (source,) = parse_mapping("shop", {kind: mapping}, variables={})
    spec = parse_spec(source)
    unknown = {name: F.lit("") for name in ("_hash", "_source", "_file", "_file_hash", "_batch")}
    bronze = rows("_row bigint, raw map<string,string>", *enumerate(records)).withColumns(
        {
            **unknown,
            "_malformed": F.lit(None).cast("string"),
            "_person_removed": F.lit(False),
            "_ingested_at": F.lit(datetime(2026, 6, 1)),
        }
    )
    policy = RowPolicy(
        rules=rules(Config.load())[kind], policies=source.rules, required=source.required
    )
    typed = fill_missing(parse_records(bronze, spec), {}, spec)
    checked = find_reasons(typed, spec, policy, products=None).orderBy("_row")
    # The first and the last day of Python's calendar may lie beyond it in UTC.
    years = {
        name: F.year(name).between(2, 9998)
        for name, type_ in checked.dtypes
        if type_ == "timestamp"
    }
    shown = {name: F.when(has_year, F.col(name)) for name, has_year in years.items()}
    return checked.withColumns(shown).collect()


def _order(**times: str) -> dict[str, str]:
    order = {"order_ref": "o", "product_ref": "p", "quantity": "1", "unit_price": "5"}
    return {**order, "happened_at": TEXT, "delivered_at": "", "arrived_at": "", **times}


def _rules(row: Row) -> dict[str, str]:
    return {reason["rule"]: reason["sample"] for reason in row["_reasons"]}


@pytest.mark.covers("C9")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_day_for_none_is_refused_where_a_time_is_needed_and_missing_elsewhere(
    rows: Rows, zone: str
) -> None:
    records = [_order(), _order(happened_at="1970-01-05 12:00:00")]
    records += [_order(happened_at=text) for text in NO_TIMES]
    records += [_order(delivered_at=text, arrived_at=text) for text in NO_TIMES]
    records.append(_order(delivered_at="soon"))
    checked = _checked(rows, "orders", records, time_zone=zone)
    plain, old, *odd, unreadable = checked
    assert (plain["_reasons"], plain["_warnings"], old["_reasons"]) == ([], [], [])
    assert _rules(unreadable) == {"unreadable": "xxxx"}
    required, optional = odd[: len(NO_TIMES)], odd[len(NO_TIMES) :]
    shown = [_rules(row).get("no_time") for row in required]
    assert shown == list(NO_TIMES), "the quarantine names the day"
    for row in optional:
        assert (row["_reasons"], row["_warnings"]) == ([], ["no_time"])
        assert row["delivered_at"] is None
        assert row["arrived_at"] == row["happened_at"] == plain["happened_at"]


def test_a_mapping_may_believe_such_times(rows: Rows) -> None:
    believed: Mapping[str, str] = {"happened_at": "any_time", "delivered_at": "any_time"}
    (row,) = _checked(
        rows,
        "orders",
        [_order(happened_at="1970-01-01 12:00:00", delivered_at="1970-01-01 13:00:00")],
        rules=believed,
    )
    assert (row["_reasons"], row["_warnings"]) == ([], [])
    assert row["delivered_at"] == datetime(1970, 1, 1, 13)
    with pytest.raises(ConfigError, match="no policy 'always' for delivered_at"):
        _checked(rows, "orders", [_order()], rules={"delivered_at": "always"})


def test_a_day_of_birth_and_the_time_of_a_price_list_may_be_missing(rows: Rows) -> None:
    people = [
        {"customer_ref": "c", "registered_at": TEXT, "birth_date": birth_date}
        for birth_date in ("1900-01-01", "0000-00-00", "1970-01-02", "")
    ]
    checked = _checked(rows, "registrations", people, time_zone="America/New_York")
    assert [row["birth_date"] for row in checked] == [None, None, date(1970, 1, 2), None]
    assert [row["_warnings"] for row in checked] == [["no_day"], ["no_day"], [], []]
    assert not any(row["_reasons"] for row in checked)
    products = [
        {"product_ref": "p", "title": "t", "at": at} for at in ("1899-12-30 00:00:00", "", TEXT)
    ]
    checked = _checked(rows, "products", products, consent=None)
    since_ever = datetime(1970, 1, 1)
    assert [row["at"] for row in checked] == [since_ever, since_ever, TIME]
    assert [row["arrived_at"] for row in checked] == [since_ever, since_ever, TIME]
    assert [row["_warnings"] for row in checked] == [["no_time"], [], []]


@pytest.mark.covers("V3")
def test_a_promise_or_a_delivery_before_the_order_is_marked_and_the_order_counts(
    rows: Rows,
) -> None:
    expected: dict[tuple[str, str, str], list[str]] = {
        ("2026-05-03 18:00:00", "2026-05-02 10:00:00", "1"): [],
        ("2026-05-01", "2026-05-01", "1"): [],  # a day of the order's own day reads as its midnight
        ("2026-04-30 09:59:59", "", "1"): ["promised_before_order"],
        ("", "2026-04-30 09:59:59", "1"): ["delivered_before_order"],
        ("2026-04-01", "2026-04-01", "1"): ["promised_before_order", "delivered_before_order"],
        ("", "2026-04-30 09:59:59", "-1"): [],  # a return states when its goods were delivered
        ("", "", "1"): [],
    }
    records = [
        _order(promised_at=promised, delivered_at=delivered, quantity=quantity)
        for promised, delivered, quantity in expected
    ]
    checked = _checked(rows, "orders", records, rules={"quantity": "negative_is_return"})
    assert [row["_reasons"] for row in checked] == [[]] * len(expected)
    assert [row["_warnings"] for row in checked] == list(expected.values())
