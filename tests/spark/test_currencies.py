"""Amounts in other currencies count by the rate of their day, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from frames import first_row
from pyspark.sql import DataFrame

from clarion.collect.cleaning.currencies import (
    AmountSpec,
    convert_amounts,
    count_without_rate,
    daily_rates,
)
from clarion.contracts.silver import ORDER_LINES
from clarion.contracts.sources import ROW_CURRENCY

RATE = "currency string, at timestamp, arrived_at timestamp, rate decimal(18,8)"
LINE = "order_id string, happened_at timestamp, currency string, unit_price decimal(18,4), discount decimal(18,4), amount decimal(18,4), refund decimal(18,4)"
MONEY = tuple(column for column in ORDER_LINES.columns if column.unit == ROW_CURRENCY)
Rows = Callable[..., DataFrame]


def _at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour)


@pytest.fixture
def rates(rows: Rows) -> DataFrame:
    stated = [
        ("USD", _at(2, 9), "7.0"),
        ("USD", _at(2, 18), "7.2"),
        ("USD", _at(6), "7.5"),
        ("JPY", _at(1), "0.05"),
    ]
    return daily_rates(
        rows(RATE, *((currency, at, at, Decimal(rate)) for currency, at, rate in stated)),
        time_zone="Asia/Shanghai",
    )


def test_a_days_last_rate_holds_until_the_next_and_at_most_a_week(rates: DataFrame) -> None:
    found = {
        (row["currency"], row["day"].day): row["rate"]
        for row in rates.where("day < DATE'2026-03-20'").collect()
    }
    # 18:00 UTC is the third of March in Shanghai.
    assert [found["USD", day] for day in (2, 3, 5, 6, 12)] == [
        Decimal("7.0"),
        Decimal("7.2"),
        Decimal("7.2"),
        Decimal("7.5"),
        Decimal("7.5"),
    ]
    assert ("USD", 13) not in found
    assert max(day for currency, day in found if currency == "JPY") == 7


def test_amounts_are_converted_exactly_and_what_has_no_rate_is_left_out(
    rows: Rows, rates: DataFrame
) -> None:
    one = Decimal("10.5000")
    lines = rows(
        LINE,
        ("own", _at(3), "CNY", one, None, one, None),
        ("unsaid", _at(3), None, one, None, one, None),
        ("dollar", _at(4), "USD", one, Decimal("0.5"), one, Decimal("0.1")),
        ("late", _at(20), "USD", one, None, one, None),
        ("unknown", _at(3), "GBP", one, None, one, None),
        ("free", _at(3), "GBP", None, None, None, None),  # states no amount, and needs no rate
    )
    spec = AmountSpec(
        money=MONEY,
        time="happened_at",
        rates_on=None,
        currency="CNY",
        time_zone="Asia/Shanghai",
    )
    converted = {row["order_id"]: row for row in convert_amounts(lines, rates, spec).collect()}
    assert set(converted) == {"own", "unsaid", "dollar", "free"}
    assert tuple(converted["dollar"])[2:] == (
        "CNY",
        Decimal("75.6000"),
        Decimal("3.6000"),
        Decimal("75.6000"),
        Decimal("0.7200"),
    )
    assert tuple(converted["own"])[2:] == ("CNY", one, None, one, None)
    left_out = first_row(count_without_rate(lines, rates, spec))
    assert (left_out["rows"], left_out["currencies"]) == (2, [(1, "USD"), (1, "GBP")])
    without_rates = convert_amounts(lines, None, spec).collect()
    left_out = first_row(count_without_rate(lines, None, spec))
    assert (left_out["rows"], left_out["currencies"]) == (3, [(2, "USD"), (1, "GBP")])
    nothing = first_row(count_without_rate(lines.where("currency IS NULL"), None, spec))
    assert (nothing["rows"], nothing["currencies"]) == (0, [])
    assert {row["order_id"] for row in without_rates} == {"own", "unsaid", "free"}
    on_the_sixth = convert_amounts(lines, rates, replace(spec, rates_on=date(2026, 3, 6)))
    late = on_the_sixth.where("order_id = 'late'").first()
    assert late is not None
    assert late["amount"] == Decimal("78.7500")
