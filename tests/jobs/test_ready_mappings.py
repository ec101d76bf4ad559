"""The packaged mappings, each on a hand-made export with the vendor's header: one optional column is missing, one is unknown."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import functions as F
from worlds import Desk

from clarion.onboarding.ready_mappings import READY_MAPPINGS

EXPORTS = Path(__file__).resolve().parents[1] / "exports"
RATES = {
    "where": "${data}/rates.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC",
    "columns": {"currency": "currency", "at": "day", "rate": "rate"},
}  # fmt: skip
# Order, product, kind, quantity, amount, currency, instant, of every line by its source.
LINES = {
    "shopify_orders.orders": """
        #3001 SOAP-1 sale 2 39.80 EUR 2026-03-02T08:50:26 SPRING
        #3001 CREAM-9 sale 1 35.00 EUR 2026-03-02T08:50:26 SPRING
        #3002 CREAM-9 no_sale 1 0.00 EUR 2026-03-03T17:01:00 -
        #3002 SOAP-1 no_sale 3 0.00 EUR 2026-03-03T17:01:00 -
        #3003 SOAP-1 no_sale 1 19.90 EUR 2026-03-31T22:10:00 -
        #3004 Gift_card,_50 sale 1 50.00 USD 2026-04-02T12:00:00 -
        #3005 SOAP-1 no_sale 1 19.90 EUR 2026-04-03T08:00:00 -
        #3006 HAND-2 sale 1 25.00 EUR 2026-04-04T08:01:00 -
        #3007 HAND-2 sale 1 35.00 EUR 2026-04-04T08:01:00 -
        #3008 SOAP-1 sale 2 18.00 EUR 2026-04-04T08:01:00 -
        #3008 CREAM-9 sale 1 27.00 EUR 2026-04-04T08:01:00 -""",
    "woocommerce_orders.orders": """
        501 W-1 sale 2 18.00 EUR 2026-03-02T08:50:26 -
        501 92 sale 1 5.00 EUR 2026-03-02T08:50:26 -
        502 W-1 no_sale 1 0.00 EUR 2026-03-03T09:00:00 -
        503 W-1 no_sale 1 10.00 EUR 2026-03-04T09:00:00 -
        504 W-1 sale 3 20.00 USD 2026-07-05T08:00:00 -""",
    "magento_orders.orders": """
        000000011 order sale 1 1219.40 EUR 2026-03-02T08:50:26 -
        000000012 order sale 1 50.00 EUR 2026-03-12T11:05:00 -
        000000013 order no_sale 1 0.00 EUR 2026-03-13T12:00:00 -
        000000014 order no_sale 1 70.00 EUR 2026-07-13T22:30:00 -
        000000015 order no_sale 1 60.00 EUR 2026-07-15T21:59:59 -""",
    "taobao_orders.orders": """
        1930679858170647 ZAO-1 sale 2 110.00 CNY 2026-03-02T14:02:10 -
        1930679858170647 手工皂 sale 1 35.00 CNY 2026-03-02T14:02:10 -
        1930679858170750 ZAO-2 no_sale 1 0.00 CNY 2026-03-03T00:00:00 -
        1930679858170852 ZAO-1 sale 1 50.00 CNY 2026-03-04T00:00:00 -
        1930679858170954 ZAO-1 no_sale 1 59.90 CNY 2026-03-05T00:00:00 -""",
    "jd_orders.orders": """
        30056712345 XM-1 sale 1 99.00 CNY 2026-03-02T02:01:00 -
        30056712345 100013 sale 2 50.00 CNY 2026-03-02T02:01:00 -
        30056712399 XM-1 no_sale 1 99.00 CNY 2026-03-02T02:01:00 -
        30056712400 XM-1 no_sale 1 99.00 CNY 2026-03-02T02:00:00 -
        30056712401 XM-1 sale 1 99.00 CNY 2026-03-02T02:01:00 -""",
    "amazon_orders.orders": """
        058-3718414-0463501 SOAP-1 sale 3 27.00 EUR 2026-03-02T18:53:56 -
        058-3718414-0463501 CREAM-9 sale 1 35.00 EUR 2026-03-02T18:53:56 -
        058-3718414-0463502 SOAP-1 sale 1 11.00 USD 2026-03-03T00:10:00 -
        058-3718414-0463504 SOAP-1 no_sale 1 10.00 EUR 2026-03-04T11:00:00 -
        058-3718414-0463505 SOAP-1 no_sale 1 10.00 EUR 2026-03-05T11:00:00 -""",
    "ga4_purchases.orders": """
        T1 SOAP-1 sale 2 39.80 EUR 2026-03-02T08:50:26 -
        T1 CREAM-9 sale 1 35.00 EUR 2026-03-02T08:50:26 -
        T1 CREAM-9 return 1 35.00 EUR 2026-03-03T08:50:26 -
        T2 SOAP-1 sale 1 21.50 USD 2026-03-02T08:50:26 -""",
    "stripe_payments.orders": """
        ch_1 payment sale 1 120.00 EUR 2026-03-02T09:50:26 -
        ch_2 payment sale 1 1000.00 USD 2026-03-03T23:59:00 -
        ch_3 payment no_sale 1 0.00 EUR 2026-03-04T10:00:00 -
        ch_4 payment no_sale 1 30.00 EUR 2026-03-05T10:00:00 -""",
}


def expected() -> list[tuple[str, ...]]:
    return sorted(
        (source, *line.split())
        for source, lines in LINES.items()
        for line in lines.splitlines()[1:]
    )


def found(shop: Desk) -> list[tuple[str, ...]]:
    lines = shop.read("silver.order_lines").select(
        "_source",
        "order_id",
        F.replace("product_id", F.lit(" "), F.lit("_")),
        "kind",
        F.col("quantity").cast("int").cast("string"),
        F.col("amount").cast("decimal(18,2)").cast("string"),
        "currency",
        F.date_format("happened_at", "yyyy-MM-dd'T'HH:mm:ss"),
        F.coalesce("coupon_ref", F.lit("-")),
    )
    return sorted(map(tuple, lines.collect()))


@pytest.mark.deep  # nine exports through two jobs
def test_every_ready_mapping_reads_its_export(desk: Callable[..., Desk]) -> None:
    shop = desk(
        {"rates": {"rates": RATES}},
        **{
            "shop.sources": f"[rates, {', '.join(READY_MAPPINGS)}]", "shop.currency": "EUR",
            "shop.time_zone": "Europe/Berlin", "data": str(EXPORTS),
        },
    )  # fmt: skip
    shop.run("ingest", "clean")
    assert found(shop) == expected()

    by_source: dict[str, Decimal] = {}
    for source, _, _, kind, _, amount, currency, *_ in found(shop):
        if (kind, currency) == ("sale", "EUR"):
            by_source[source] = by_source.get(source, Decimal(0)) + Decimal(amount)
    assert by_source["shopify_orders.orders"] == Decimal(
        "179.80"
    )  # 74.80, 40 less 15 paid back, 40 less 5 off the order, 100 less 10 off and 45 paid back

    rejected = shop.read("silver.quarantine").select("_source", "_row", "reasons.rule").collect()
    assert {(row["_source"], row["_row"], row["rule"][0]) for row in rejected} == {
        ("amazon_orders.orders", 4, "missing"),  # a cancelled line has no price
        ("ga4_events.events", 5, "unknown_type"),  # session_start
    }
    events = shop.read("silver.events").orderBy("happened_at")
    assert [
        tuple(row) for row in events.select("type", "product_id", "query", "page").collect()
    ] == [
        ("view", None, None, "https://shop.example/"),
        ("view", "SOAP-1", None, None),
        ("search", None, "soap bar", None),
        ("cart_add", "SOAP-1", None, None),
    ]

    ordered = shop.read("silver.order_lines").where("order_id = '#3001'").select("customer_id")
    consents = shop.read("silver.consents").where("basis = 'recorded'")
    assert consents.where("granted").count() == 2
    assert consents.where("NOT granted").count() == 1
    (ada,) = ordered.distinct().collect()  # the order and the list name one customer
    granted = consents.where(F.col("customer_id") == ada["customer_id"]).select("granted").collect()
    assert [row["granted"] for row in granted] == [True]
    filled = shop.read("ops.batches").where("_source = 'shopify_orders.orders'")
    assert [row["filled_values"]["status"] for row in filled.collect()] == [3]
