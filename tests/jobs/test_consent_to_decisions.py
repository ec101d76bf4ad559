"""Analytics and marketing are consents of their own: a decision needs both, and says which lacks."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from worlds import Desk

from clarion.contracts.silver import CONSENTS
from clarion.lake.frames import rows_as_frame

DAY = date(2026, 6, 1)
ORDERS = {
    "where": "${data}/none.csv",
    "format": "csv",
    "time_zone": "UTC",
    "currency": "EUR",
    "consent": {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "test"},
    "columns": {
        "order_ref": "receipt",
        "happened_at": "at",
        "product_ref": "sku",
        "quantity": "1",
        "unit_price": "price",
    },
}


def _statement(
    customer: str, purpose: str, granted: bool, day: int = 1, channel: str = "*"
) -> dict[str, object]:
    at = datetime(2026, 1, day, tzinfo=UTC)
    return {
        "customer_id": customer, "purpose": purpose, "channel": channel, "granted": granted, "at": at,
        "arrived_at": at, "basis": "recorded", "record_id": f"{customer}/{purpose}/{day}",
        "_source": "shop.consents", "_batch": "b1", "_file": "consents.csv", "_row": day,
    }  # fmt: skip


@pytest.mark.deep  # a lake of its own
@pytest.mark.covers("C10", "S1")
def test_who_consents_to_marketing_alone_gets_nothing_and_a_reason(
    desk: Callable[..., Desk],
) -> None:
    shop = desk({"shop": {"orders": ORDERS}})
    statements = [
        _statement("marketing-alone", "marketing", True),
        _statement("marketing-alone", "analytics", False),
        _statement("never-asked-for-analytics", "marketing", True),
        _statement("analytics-alone", "analytics", True),
        _statement("withdrew", "marketing", True),
        _statement("withdrew", "marketing", False, day=2),
        _statement("both", "marketing", True),
        _statement("both", "analytics", True),
        _statement("both", "marketing", False, day=2, channel="fax"),
    ]
    shop.lake.append(CONSENTS, rows_as_frame(shop.lake.spark, CONSENTS, statements))
    shop.run("strategy", as_of=DAY)

    decisions = {row["customer_id"]: row for row in shop.read("gold.decisions").collect()}
    assert set(decisions) == {"marketing-alone", "never-asked-for-analytics"}
    for row in decisions.values():
        assert row["action"] == "nothing"
        assert (row["segment_id"], row["strategy_id"], row["life_cycle"]) == ("(none)",) * 3
        assert row["consent_basis"] == "recorded"
        assert row["action_probability"] == 1.0
        assert {refusal["reason"] for refusal in row["refusals"]} == {"no consent to analytics"}
        assert row["products"] == []
        assert row["churn_probability"] is None
    assert shop.read("gold.campaigns").count() == 0
    assert "refused by people who take others, and the channel of no offer: fax (1)" in shop.said

    before = shop.read("gold.decisions").drop("run_key").collect()
    shop.run("strategy", "deliver", as_of=DAY)
    assert sorted(shop.read("gold.decisions").drop("run_key").collect()) == sorted(before)
    assert shop.read("gold.messages").count() == 0
