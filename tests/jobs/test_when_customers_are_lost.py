"""Who is lost follows from who came back: the job of profiles measures the limit, says it and keeps it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lake_rows import append_rows, consent
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk

from clarion.kernel.errors import ConfigError

pytestmark = pytest.mark.deep  # a lake of its own

AS_OF = date(2026, 6, 1)
PAST = AS_OF - timedelta(days=56)


def _orders(customer: str, *days: date) -> list[dict[str, Any]]:
    def line(day: date) -> dict[str, Any]:
        at, key = datetime(day.year, day.month, day.day, 12, tzinfo=UTC), f"{customer}/{day}"
        return {
            "order_line_id": key, "line_key": key, "order_id": key, "product_id": "p", "kind": "sale", "customer_id": customer,
            "quantity": Decimal(1), "amount": Decimal(9), "unit_price": Decimal(9), "currency": "EUR", "is_redelivered": False,
            "happened_at": at, "arrived_at": at, "_ingested_at": at, "_batch": "b", "_file": "f", "_statement": 0, "_source": "mine.orders",
        }  # fmt: skip

    return [line(day) for day in days]


def _contact(customer: str, day: date, topic: str = "question") -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {
        "record_id": f"{customer}/{day}", "contact_ref": f"{customer}/{day}", "customer_id": customer, "topic": topic,
        "happened_at": at, "arrived_at": at, "_source": "mine.contacts",
    }  # fmt: skip


def _every_third_day(until: date) -> list[date]:
    return [until - timedelta(days=3 * number) for number in range(6)]


@pytest.mark.covers("P7")
def test_nobody_is_lost_of_a_kind_that_came_back(spark: SparkSession, tmp_path: Path) -> None:
    shop = Desk(spark, tmp_path, {})
    # Both kinds order every third day. A pause of sixteen days is more than four usual gaps.
    pausing = [f"pausing-{number:02d}" for number in range(60)]
    gone = [f"gone-{number:02d}" for number in range(60)]
    pause = PAST - timedelta(days=16)
    lines = [
        line
        for customer in pausing
        for line in _orders(customer, *_every_third_day(pause), PAST, AS_OF - timedelta(days=16))
    ]
    for customer in gone:
        lines += _orders(customer, *_every_third_day(PAST - timedelta(days=100)))
    append_rows(shop.lake, "silver.order_lines", *lines)
    append_rows(
        shop.lake, "silver.consents", *(consent(name, "analytics") for name in pausing + gone)
    )

    shop.run("profiles", as_of=AS_OF)
    text = "customers are lost after 6 usual gaps of silence: of 60 who were lost 56 days ago, 0.0 % have ordered since"
    assert [said for said in shop.said if text.replace(" %", "%") in said]
    shop.run("profiles", as_of=AS_OF + timedelta(days=1))
    rows = shop.read("gold.life_cycle_returns").orderBy("as_of").collect()
    measured = [
        (row["lost_after"], row["measured_on"], row["customers"], row["returned"]) for row in rows
    ]
    assert measured == [(6.0, AS_OF, 60, 0)] * 2, "the limit serves for some weeks"
    stages = {
        (row["kind"], row["life_cycle"])
        for row in shop.read("gold.customer_profiles")
        .where(F.col("as_of") == F.lit(AS_OF))
        .select(F.split("customer_id", "-")[0].alias("kind"), "life_cycle")
        .distinct()
        .collect()
    }
    assert stages == {("pausing", "dormant"), ("gone", "lost")}


@pytest.mark.covers("V3")
def test_deliveries_returns_and_contacts_decide_on_stages(
    spark: SparkSession, tmp_path: Path
) -> None:
    shop = Desk(spark, tmp_path, {})
    customers = ("silent", "calls", "called before", "waits", "returns", "content")
    bought = _every_third_day(AS_OF - timedelta(days=40))
    lines = []
    for customer in customers:
        recent = [AS_OF - timedelta(days=2)] if customer in ("waits", "returns", "content") else []
        own = _orders(customer, *bought, *recent)
        for line in own:
            promised = line["happened_at"] + timedelta(days=2)
            days = 3 if customer == "waits" else 1
            line |= {
                "promised_at": promised,
                "delivered_at": line["happened_at"] + timedelta(days=days),
            }
        if customer == "returns":
            back = [{**line, "kind": "return"} for line in own[:4]]
            own += [
                {
                    **line,
                    "order_line_id": f"{line['order_line_id']}/r",
                    "line_key": f"{line['line_key']}/r",
                }
                for line in back
            ]
        lines += own
    append_rows(shop.lake, "silver.order_lines", *lines)
    # Nobody's complaint was ever settled: that there are open ones is not known.
    append_rows(
        shop.lake,
        "silver.service_contacts",
        _contact("calls", AS_OF - timedelta(days=5), "complaint"),
        _contact("called before", AS_OF - timedelta(days=30), "complaint"),
        _contact("silent", AS_OF),
    )
    append_rows(shop.lake, "silver.consents", *(consent(name, "analytics") for name in customers))

    def stages() -> dict[str, str]:
        shop.run("profiles", as_of=AS_OF)
        rows = shop.read("gold.customer_profiles").select("customer_id", "life_cycle").collect()
        return {row["customer_id"]: row["life_cycle"] for row in rows}

    # The usual gap is three days, and lost is who is silent for more than four of them.
    packaged = stages()
    assert packaged == {
        "silent": "lost", "calls": "dormant", "called before": "lost", "waits": "active", "returns": "active", "content": "active",
    }  # fmt: skip
    own_stages = """
stages:
  - {stage: prospect, when: open_complaints >= 0 OR recency_days IS NULL}
  - {stage: dormant, when: late_share >= 0.5 OR returns_365d >= 3}
  - {stage: active, when: recency_ratio <= 2}
lost: {after: [4], return_share: 0.1, within_days: 56, min_customers: 50, again_days: 28}
"""
    (shop.folder / "conf" / "life_cycle.yml").write_text(own_stages)
    shop.configure()
    assert stages() == {
        "silent": "lost", "calls": "lost", "called before": "lost", "waits": "dormant", "returns": "dormant", "content": "active",
    }  # fmt: skip
    wrong = own_stages.replace("late_share", "price_level")
    (shop.folder / "conf" / "life_cycle.yml").write_text(wrong)
    shop.configure()
    with pytest.raises(ConfigError, match="there is no column 'price_level'"):
        shop.run("profiles", as_of=AS_OF)
