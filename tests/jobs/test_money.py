"""A shop that is paid in several currencies counts in its own."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from frames import first_row
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


def test_a_mapping_in_another_currency_without_rates_is_refused(desk: Callable[..., Desk]) -> None:
    one = desk({"mine": {"orders": ORDERS}}, **{"shop.currency": "EUR"})
    with pytest.raises(ConfigError, match="in CNY, the shop's currency is EUR") as refused:
        one.run("ingest")
    assert "set shop.currency to CNY, or map the kind 'rates'" in str(refused.value)
