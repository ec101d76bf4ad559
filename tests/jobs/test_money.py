"""A shop that is paid in several currencies counts in its own."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from frames import first_row
from lake_rows import append_rows
from worlds import Desk

from clarion.kernel.errors import ConfigError
from clarion.report.figures import read_figures

CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC"}
ORDERS = {
    "where": "${data}/orders.csv", **CSV, "currency": "CNY", "consent": {"basis": "declared", "purposes": ["analytics"], "note": "test"},
    "columns": {name: name for name in ("order_ref", "customer_ref", "product_ref", "happened_at", "quantity", "unit_price", "currency")},
}  # fmt: skip
RATES = {
    "where": "${data}/rates.csv",
    **CSV,
    "columns": {"currency": "currency", "at": "at", "rate": "cast(rate as decimal(18,8))"},
}


@pytest.mark.deep  # files through five jobs
@pytest.mark.covers("Q2")
def test_amounts_count_by_the_rate_of_their_day_and_silver_keeps_what_was_paid(
    desk: Callable[..., Desk],
) -> None:
    one = desk({"mine": {"orders": ORDERS, "rates": RATES}})
    (one.folder / "orders.csv").write_text(
        "order_ref,customer_ref,product_ref,happened_at,quantity,unit_price,currency\n"
        "1,anna,P1,2026-05-04 10:00:00,2,10.50,\n2,anna,P1,2026-05-05 10:00:00,1,20.00,usd\n3,anna,P1,2026-05-06 10:00:00,1,900,JPY\n"
    )
    (one.folder / "rates.csv").write_text(
        "currency,at,rate\nUSD,2026-05-04 00:00:00,7.1\nUSD,2026-05-05 06:00:00,7.2\n"
    )
    one.run("ingest", "clean", "profiles", "scorecard")
    paid = {
        row["order_id"]: (row["amount"], row["currency"])
        for row in one.read("silver.order_lines").collect()
    }
    assert paid == {
        "1": (Decimal("21.0000"), "CNY"),
        "2": (Decimal("20.0000"), "USD"),
        "3": (Decimal("900.0000"), "JPY"),
    }
    profile = first_row(one.read("gold.customer_profiles"))
    assert (profile["orders"], profile["monetary"]) == (2, Decimal("165.0000"))
    (target,) = one.read("ops.targets").where("target = 'Q2 one currency'").collect()
    assert (target["numerator"], target["denominator"], target["verdict"]) == (2.0, 3.0, "missed")
    assert target["reason"].endswith("which count nowhere: 1")
    # Who counts amounts says what is left out, and ops keeps the number.
    counted = {row["job"]: row["rows_without_rate"] for row in one.read("ops.runs").collect()}
    left_out = {"silver.order_lines": 1}
    assert counted == {"ingest": {}, "clean": {}, "profiles": left_out, "scorecard": left_out}
    assert [text for text in one.said if "no exchange rate of their day for JPY (1)" in text]
    figures = read_figures(one.lake, days=[date(2026, 6, 1)], time_zone="UTC")
    assert figures.without_rate.to_dict("records") == [
        {"table": "silver.order_lines", "rows": 1, "jobs": "profiles, scorecard"}
    ]


@pytest.mark.deep  # a lake of its own
@pytest.mark.covers("Q2")
def test_a_line_that_was_delivered_again_is_one_line_of_the_scorecard(
    desk: Callable[..., Desk],
) -> None:
    one = desk({"mine": {"orders": ORDERS, "rates": RATES}})
    known = datetime(2026, 5, 4, tzinfo=UTC)

    def line(number: int, key: str, currency: str) -> dict[str, Any]:
        at = known + timedelta(hours=number)
        return {
            "order_line_id": str(number), "line_key": key, "order_id": key, "product_id": "P1", "kind": "sale",
            "quantity": Decimal(1), "amount": Decimal(9), "unit_price": Decimal(9), "currency": currency, "is_redelivered": key == "a",
            "happened_at": known, "arrived_at": at, "_ingested_at": at, "_batch": f"b{number}", "_file": "f", "_statement": 0, "_source": "mine.orders",
        }  # fmt: skip

    versions = [line(number, "a", "JPY") for number in range(1, 4)]
    append_rows(one.lake, "silver.order_lines", *versions, line(4, "b", "CNY"))
    one.run("scorecard")
    (target,) = one.read("ops.targets").where("target = 'Q2 one currency'").collect()
    assert (target["numerator"], target["denominator"]) == (1.0, 2.0)
    assert target["reason"].endswith("which count nowhere: 1")


def test_a_mapping_in_another_currency_without_rates_is_refused(desk: Callable[..., Desk]) -> None:
    one = desk({"mine": {"orders": ORDERS}}, **{"shop.currency": "EUR"})
    with pytest.raises(ConfigError, match="in CNY, the shop's currency is EUR") as refused:
        one.run("ingest")
    assert "set shop.currency to CNY, or map the kind 'rates'" in str(refused.value)
