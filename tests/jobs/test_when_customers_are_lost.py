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
