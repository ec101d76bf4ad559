"""Deliveries, returns and service contacts as features, tags and inputs of the life cycle, worked out by hand."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.customers.features import views
from clarion.customers.features.deliveries import deliveries
from clarion.customers.features.left_out import Spread, features_left_out
from clarion.customers.features.transforms import compute_features
from clarion.customers.tags.transforms import assign_tags
from clarion.declarations import shop

AS_OF, ZONE = date(2026, 6, 1), "Asia/Shanghai"
LINE = (
    "customer_id string, order_id string, kind string, channel string, happened_at timestamp, "
    "arrived_at timestamp, promised_at timestamp, delivered_at timestamp"
)
RETURN_LINE = (
    "customer_id string, order_id string, kind string, quantity decimal(18,4), amount decimal(18,4), discount decimal(18,4), "
    "coupon_ref string, store_ref string, channel string, happened_at timestamp, arrived_at timestamp"
)
CONTACT = (
    "record_id string, _source string, contact_ref string, customer_id string, topic string, satisfaction decimal(4,2), "
    "happened_at timestamp, arrived_at timestamp, resolved_at timestamp"
)
Rows = Callable[..., DataFrame]


def at(text: str | None) -> datetime | None:
    """An instant by the shop's clock; of 2026 where no year is stated."""
    if text is None:
        return None
    whole = text if text.startswith("20") else f"2026-{text}"
    return datetime.fromisoformat(whole).replace(tzinfo=ZoneInfo(ZONE))


def line(
    order: str,
    ordered: str,
    delivered: str | None,
    promised: str | None = None,
    *,
    customer: str | None = "k",
    kind: str = "sale",
    channel: str | None = "web",
    arrived: str | None = None,
) -> tuple[Any, ...]:
    times = (at(ordered), at(arrived or ordered), at(promised), at(delivered))
    return customer, order, kind, channel, *times


def by_order(rows: Rows, *lines: tuple[Any, ...], as_of: date = AS_OF) -> dict[str, Any]:
    view = deliveries(rows(LINE, *lines), as_of=as_of, time_zone=ZONE).collect()
    assert len({row["order_id"] for row in view}) == len(view)
    return {row["order_id"]: row for row in view}


def usual(count: int, *, channel: str | None = "web", days: int = 2) -> list[tuple[Any, ...]]:
    """Deliveries of other customers that took so many days."""
    return [
        line(f"u{channel}{n}", "05-01 10:00", f"05-{1 + days:02d} 10:00", customer=f"u{n}", channel=channel)
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.covers("V3")
def test_a_delivery_is_late_after_its_promise_and_not_at_it(rows: Rows) -> None:
    found = by_order(
        rows,
        line("equal", "05-01 10:00", "05-03 18:00", "05-03 18:00"),
        line("late", "05-01 10:00", "05-03 18:00:01", "05-03 18:00"),
        line("early", "05-01 10:00", "05-02 22:00", "05-03 18:00"),
        # Midnight is a day without a time: what comes on it is in time.
        line("by the day", "05-01 10:00", "05-03 21:00", "05-03 00:00"),
        line("the day after", "05-01 10:00", "05-04 00:30", "05-03 00:00"),
        line("on the day", "05-01 10:00", "05-03 00:00", "05-03 18:00"),
        line("same day", "05-01 10:00", "05-01 00:00", "05-01 18:00"),
    )
    assert {name: row["is_late"] for name, row in found.items()} == {
        "equal": False, "late": True, "early": False, "by the day": False, "the day after": True, "on the day": False,
        "same day": False,
    }  # fmt: skip
    assert found["early"]["delivery_days"] == 1.5
    assert found["on the day"]["delivery_days"] == 2.0
    assert found["same day"]["delivery_days"] == 0.0
    assert {row["is_promised"] for row in found.values()} == {True}
    assert found["equal"]["age"] == 29.0


def test_what_did_not_reach_the_customer_by_the_day_is_no_delivery(rows: Rows) -> None:
    found = by_order(
        rows,
        line("under way", "05-01 10:00", None, "05-03 18:00"),
        line("on the as-of day", "05-20 10:00", "06-01 00:00", "05-22 18:00"),
        line("the evening before", "05-20 10:00", "05-31 23:59", "05-22 18:00"),
        line("known later", "05-20 10:00", "05-22 10:00", arrived="06-01 09:00"),
        line("before its order", "05-20 10:00", "05-19 10:00", "05-22 18:00"),
        line("nobody", "05-20 10:00", "05-22 10:00", customer=None),
        line("came back", "05-20 10:00", "05-22 10:00", kind="return"),
        # A state that says it came back does not undo that it was delivered.
        line("returned by state", "05-20 10:00", "05-22 10:00", "05-21 10:00", kind="no_sale"),
    )
    assert {name: row["is_late"] for name, row in found.items()} == {
        "the evening before": True,
        "returned by state": True,
    }


def test_lines_that_come_together_are_one_delivery_and_parcels_of_an_order_are_several(
    rows: Rows,
) -> None:
    lines = rows(
        LINE,
        line("o", "05-01 10:00", "05-02 10:00", "05-03 18:00"),
        line("o", "05-01 10:00", "05-02 10:00", "05-03 18:00"),
        line("o", "05-01 10:00", "05-05 10:00", "05-03 18:00"),
        line("o", "05-01 10:00", None, "05-03 18:00"),
    )
    view = deliveries(lines, as_of=AS_OF, time_zone=ZONE).orderBy("delivery_days").collect()
    assert [(row["delivery_days"], row["is_late"]) for row in view] == [(1.0, False), (4.0, True)]


def test_without_a_promise_it_is_late_that_took_longer_than_nine_tenths_of_its_channel(
    rows: Rows,
) -> None:
    found = by_order(
        rows,
        *usual(18),  # with two more: twenty of the web, of which nine tenths take two days
        line("slow", "05-01 10:00", "05-04 10:00"),
        line("as usual", "05-01 10:00", "05-03 10:00"),
        line("before the order", "05-01 10:00", "05-04 10:00", "04-20 10:00", channel="app"),
        *usual(19, channel="app"),
        *usual(18, channel=None, days=5),
        line("few", "05-01 10:00", "05-09 10:00", channel=None),  # of nineteen: nothing is usual
        # More than a year ago: it says nothing of what is usual now.
        line("long ago", "2025-05-01 10:00", "2025-05-06 10:00", channel=None),
    )
    assert (found["slow"]["usual_days"], found["slow"]["is_late"]) == (2.0, True)
    assert found["as usual"]["is_late"] is False
    # A promise before the order is none.
    assert found["before the order"]["is_promised"] is False
    assert found["before the order"]["is_late"] is True
    assert (found["few"]["usual_days"], found["few"]["is_late"]) == (None, None)


@pytest.mark.covers("V3")
def test_deliveries_become_features_and_a_tag(rows: Rows, config: Config) -> None:
    lines = rows(
        LINE,
        line("a", "05-01 10:00", "05-02 10:00", "05-03 18:00"),
        line("b", "05-05 10:00", "05-09 10:00", "05-07 18:00"),
        line("c", "05-10 10:00", "05-16 10:00", "05-12 18:00"),
        line("d", "05-20 10:00", None, "05-22 18:00"),
        line("old", "2025-05-01 10:00", "2025-05-31 10:00", "2025-05-03 18:00"),
        line("e", "05-01 10:00", "05-02 10:00", "05-03 18:00", customer="in time"),
        line("f", "05-01 10:00", "05-02 10:00", customer="unknown"),
        line("g", "05-01 10:00", None, "05-03 18:00", customer="waits"),
    )
    view = {"deliveries": deliveries(lines, as_of=AS_OF, time_zone=ZONE)}
    declared = tuple(item for item in shop.features(config) if item.source == "deliveries")
    names = ("deliveries_365d", "delivery_days", "late_deliveries_365d", "late_share")
    assert {item.name for item in declared} == set(names)
    customers = rows("customer_id string", ("k",), ("in time",), ("unknown",), ("waits",))
    wide = compute_features(customers, view, declared)
    assert {row["customer_id"]: tuple(row[name] for name in names) for row in wide.collect()} == {
        "k": (3.0, 4.0, 2.0, round(2 / 3, 9)),  # 1, 4 and 6 days
        "in time": (1.0, 1.0, 0.0, 0.0),
        "unknown": (1.0, 1.0, 0.0, None),
        "waits": (0.0, None, 0.0, None),
    }
    rule = {tag.name: tag.when for tag in shop.tags(config) if tag.name == "late_deliveries"}
    tags = {row["customer_id"]: row["tags"] for row in assign_tags(wide, rule).collect()}
    assert {who for who, own in tags.items() if own} == {"k"}


@pytest.mark.covers("V3")
def test_returns_have_a_share_in_units_and_in_value(rows: Rows, config: Config) -> None:
    def sold(customer: str, order: str, kind: str, quantity: str, amount: str) -> tuple[Any, ...]:
        day = at("05-10 10:00")
        return (
            customer,
            order,
            kind,
            Decimal(quantity),
            Decimal(amount),
            None,
            None,
            None,
            "web",
            day,
            day,
        )

    lines = rows(
        RETURN_LINE,
        sold("k", "o1", "sale", "4", "100"),
        sold("k", "o1", "return", "1", "25"),
        sold("k", "r2", "return", "2", "35"),
        sold("keeps", "o3", "sale", "3", "30"),
        sold("only returns", "r4", "return", "2", "50"),
        sold("more than bought", "o5", "sale", "1", "10"),
        sold("more than bought", "r5", "return", "3", "30"),
        sold("not yet", "o6", "sale", "3", "30"),
        sold("not yet", "o6", "no_sale", "3", "30"),
    )
    view = {"orders": views.orders(lines, as_of=AS_OF, time_zone=ZONE)}
    # Sums by day come from another view; here the same rows stand for them.
    sums = {"units_365d": "units", "spend_365d": "amount", "returned_value_365d": "returned"}
    names = ("returns_365d", "returned_units_365d", "return_share_units", "return_share")
    declared = {item.name: item for item in shop.features(config)}
    whole = compute_features(
        rows(
            "customer_id string",
            *((row[0],) for row in lines.select("customer_id").distinct().collect()),
        ),
        view,
        tuple(declared[name] for name in names[:2]),
    ).join(
        view["orders"]
        .groupBy("customer_id")
        .agg(*(F.coalesce(F.sum(column), F.lit(0.0)).alias(name) for name, column in sums.items())),
        "customer_id",
    )
    shares = whole.withColumns({name: F.expr(declared[name].sql) for name in names[2:]})
    assert {row["customer_id"]: tuple(row[name] for name in names) for row in shares.collect()} == {
        "k": (2.0, 3.0, 0.75, 0.6),
        "keeps": (0.0, 0.0, 0.0, 0.0),
        "only returns": (1.0, 2.0, None, None),
        "more than bought": (1.0, 3.0, 3.0, 3.0),
        "not yet": (0.0, 0.0, 0.0, 0.0),
    }  # fmt: skip


def contact(
    ref: str,
    when: str,
    topic: str = "question",
    *,
    settled: str | None = None,
    customer: str | None = "k",
    arrived: str | None = None,
    record: str = "1",
) -> tuple[Any, ...]:
    times = (at(when), at(arrived or when), at(settled))
    return f"{ref}/{record}", "shop.contacts", ref, customer, topic, None, *times


@pytest.mark.covers("V3")
def test_contacts_are_counted_once_and_a_complaint_is_open_until_it_is_settled(
    rows: Rows, config: Config
) -> None:
    service_contacts = rows(
        CONTACT,
        contact("h1", "05-01 10:00", "complaint", settled="05-04 10:00"),
        # Sent again when it was settled: one contact.
        contact("h2", "05-10 10:00", "complaint", customer="again"),
        contact("h2", "05-10 10:00", "complaint", customer="again", settled="05-12 10:00", record="2"),
        contact("h3", "05-20 10:00", "complaint", customer="open"),
        contact("h4", "05-31 23:59", "complaint", customer="open", settled="06-01 00:00"),
        contact("h5", "06-01 00:00", "complaint", customer="open"),  # on the as-of day
        contact("h6", "05-02 10:00", "complaint", customer="open", arrived="06-02 10:00"),
        contact("h7", "2025-05-01 10:00", "complaint", customer="long ago"),
        contact("h8", "05-02 10:00", customer="asks"),
        contact("h9", "05-02 10:00", customer=None),
    )  # fmt: skip
    view = {"contacts": views.contacts(service_contacts, as_of=AS_OF, time_zone=ZONE)}
    names = ("service_contacts_90d", "complaints_365d", "open_complaints", "last_contact")
    wanted = {*names, "complaints_settled_365d"}
    declared = tuple(item for item in shop.features(config) if item.name in wanted)
    everyone = ("k", "again", "open", "long ago", "asks", "silent")
    customers = rows("customer_id string", *((name,) for name in everyone))
    wide = compute_features(customers, view, declared)
    assert {row["customer_id"]: tuple(row[name] for name in names) for row in wide.collect()} == {
        "k": (1.0, 1.0, 0.0, 31.0),
        "again": (1.0, 1.0, 0.0, 22.0),
        "open": (2.0, 2.0, 2.0, 1.0),
        "long ago": (0.0, 0.0, 0.0, 396.0),
        "asks": (1.0, 0.0, 0.0, 30.0),
        "silent": (0.0, 0.0, 0.0, None),
    }
    chosen = ("in_touch", "open_complaint")
    rules = {tag.name: tag.when for tag in shop.tags(config) if tag.name in chosen}
    tags = {row["customer_id"]: row["tags"] for row in assign_tags(wide, rules).collect()}
    assert {who: sorted(own) for who, own in tags.items() if own} == {
        "again": ["in_touch"],
        "open": ["in_touch", "open_complaint"],
        "asks": ["in_touch"],
    }


def test_a_shop_that_never_says_that_a_complaint_is_settled_has_no_open_ones(
    config: Config,
) -> None:
    wanted = ("complaints_365d", "complaints_settled_365d", "open_complaints")
    declared = tuple(item for item in shop.features(config) if item.name in wanted)
    found = features_left_out(
        declared,
        {
            "complaints_365d": Spread(90, 0.0, 3.0),
            "complaints_settled_365d": Spread(90, 0.0, 0.0),
            "open_complaints": Spread(90, 0.0, 3.0),
        },
    )
    assert set(found) == {"complaints_settled_365d", "open_complaints"}
