"""Competitors' listings on the stream, by hand."""

import json
import random
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from worlds import Desk

from clarion.contracts.live_market import MARKET_ALERTS, MARKET_STATE
from clarion.lake.checks import schema_of
from clarion.streaming.market import merge_listings, next_market_state
from clarion.streaming.market_alerts import AlertRules, alerts_as_of, market_alerts
from clarion.streaming.market_episodes import WarRules

Rows = Callable[..., DataFrame]
START = datetime(2026, 6, 1, 12)
RECORD = """competitor string, title string, price decimal(18,4), observed_at timestamp,
    product_ref string, promotion string, promotion_from timestamp, promotion_to timestamp,
    currency string, available boolean"""
Alert = dict[str, Any]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def seen(
    title: str, at: float, price: float, promotion: str | None = None, **more: Any
) -> tuple[Any, ...]:
    """A record: of Alpha in CNY, matched with the product of that title, where nothing else is said."""
    return (
        more.get("competitor", "Alpha"), title, Decimal(str(price)), day(at),
        more.get("product_ref", title), promotion, more.get("promotion_from"),
        more.get("promotion_to"), more.get("currency", "CNY"), more.get("available"),
    )  # fmt: skip


class Market:
    """The two tables, as batches of a stream leave them."""

    def __init__(
        self, rows: Rows, *, stock: Iterable[tuple[Any, ...]] = (), wars: bool = False
    ) -> None:
        self.rows = rows
        self.state = rows(schema_of(MARKET_STATE))
        self.alerts = rows(schema_of(MARKET_ALERTS))
        self.stock = None
        if stock:
            schema = "product_id string, store_ref string, at timestamp, stock long"
            self.stock = rows(schema, *stock)
        self.wars = WarRules() if wars else None
        self.matches: DataFrame | None = None
        self.categories = rows(
            "product_id string, category string",
            *((f"{category}{number}", category) for category in "cd" for number in range(4)),
        )

    def read(self, *records: tuple[Any, ...], limit: float = 0.1) -> "Market":
        """Read a batch, as the sink of the stream does."""
        listings = merge_listings(
            self.rows(RECORD, *records),
            self.state,
            matches=self.matches,
            categories=self.categories,
        ).persist()
        rules = AlertRules(price_move=limit, wars=self.wars)
        changed = market_alerts(listings, self.alerts, rules, stock=self.stock)
        alerts = {row["alert_id"]: row for row in self.alerts.collect()}
        new = changed.collect()
        next_states = next_market_state(listings).collect()
        listings.unpersist()
        assert len({row["alert_id"] for row in new}) == len(new), "a key twice in one merge"
        alerts |= {row["alert_id"]: row for row in new}
        held = [row for row in alerts.values() if row["valid_to"] != row["valid_from"]]
        key = ("competitor", "title", "currency")
        states = {tuple(row[name] for name in key): row for row in self.state.collect()}
        states |= {tuple(row[name] for name in key): row for row in next_states}
        self.state = self.rows(schema_of(MARKET_STATE), *states.values())
        self.alerts = self.rows(schema_of(MARKET_ALERTS), *held)
        return self

    def alerts_of(self, *kinds: str) -> list[Alert]:
        """The alerts of some kinds, in the order of time."""
        rows = [row.asDict() for row in self.alerts.collect() if row["kind"] in kinds]
        return sorted(
            rows,
            key=lambda row: (
                row["observed_at"],
                *map(str, (row["title"], row["kind"], row["alert_id"])),
            ),
        )


def brief(alerts: list[Alert]) -> list[tuple[str, str | None, datetime, datetime | None]]:
    return [(row["kind"], row["title"], row["valid_from"], row["valid_to"]) for row in alerts]


@pytest.mark.covers("F2")
def test_a_price_is_compared_with_the_one_before_and_an_alert_ends_when_it_moves_again(
    rows: Rows,
) -> None:
    market = Market(rows).read(
        seen("c0", 0, 100), seen("c0", 1, 90), seen("c0", 2, 92), seen("c0", 3, 99),
        seen("c1", 0, 100), seen("c1", 1, 91),
        seen("c2", 0, 100, currency="CNY"), seen("c2", 1, 14, currency="USD"),
        seen("c3", 0, 100), seen("c3", 1, 120, product_ref=None),
    )  # fmt: skip
    alerts = market.alerts_of("price_cut", "price_rise")
    assert brief(alerts) == [
        ("price_cut", "c0", day(1), day(3)),
        ("price_rise", "c3", day(1), None),
    ]
    assert alerts[0]["change"] == pytest.approx(-0.1)
    assert (alerts[0]["price_before"], alerts[0]["price_after"]) == (100, 90)
    assert [row["product_id"] for row in alerts] == ["c0", "c3"]
    assert [row["category"] for row in alerts] == ["c", "c"]


@pytest.mark.covers("F2")
def test_a_promotion_starts_and_ends_with_its_text_or_with_its_stated_times(rows: Rows) -> None:
    market = Market(rows).read(
        seen("c0", 0, 10), seen("c0", 1, 10, "sale"), seen("c0", 2, 10, "last day of the sale"),
        seen("c0", 3, 10),
        seen("c1", 0, 10, "soon", promotion_from=day(2)), seen("c1", 2, 10, "soon", promotion_from=day(2)),
        seen("c2", 0, 10), seen("c2", 1, 10, "short", promotion_to=day(1.5)),
        seen("c3", 0, 10, "always"), seen("c3", 1, 10, "always"),
        seen("unknown", 0, 10, product_ref=None), seen("unknown", 1, 10, " ", product_ref=None),
        seen("unknown", 2, 10, "sale", product_ref=None),
    )  # fmt: skip
    alerts = market.alerts_of("promotion_start", "promotion_end")
    assert brief(alerts) == [
        ("promotion_start", "c0", day(1), day(3)),
        ("promotion_start", "c2", day(1), day(1.5)),
        ("promotion_start", "c1", day(2), None),
        ("promotion_start", "unknown", day(2), None),
        ("promotion_end", "c0", day(3), None),
    ]
    assert [row["promotion"] for row in alerts] == [
        "sale", "short", "soon", "sale", "last day of the sale",
    ]  # fmt: skip
    assert alerts[3]["product_id"] is None


def test_a_match_by_another_job_names_the_product_of_a_listing_without_one(rows: Rows) -> None:
    market = Market(rows)
    market.matches = rows(
        "competitor string, title string, product_id string, score double",
        ("Alpha", "other name", "c0", 0.7), ("Alpha", "other name", "c1", 0.9),
        ("Alpha", "c3", "c0", 1.0),
    )  # fmt: skip
    market.read(
        seen("other name", 0, 10, product_ref=None), seen("other name", 1, 8, product_ref=None),
        seen("c3", 0, 10), seen("c3", 1, 8),
    )  # fmt: skip
    assert [(row["title"], row["product_id"]) for row in market.alerts_of("price_cut")] == [
        ("c3", "c3"), ("other name", "c1"),
    ]  # fmt: skip


def _war(*, from_: float, factor: float = 0.9, **more: Any) -> list[tuple[Any, ...]]:
    """Two competitors with three listings of a category each, whose prices fall a day apart."""
    return [
        seen(f"c{number}", at, 100 * (factor if at >= from_ + late and at < from_ + 14 else 1),
             competitor=name, **more)
        for name, late in (("Alpha", 0), ("Beta", 2))
        for number in range(3)
        for at in range(0, 40, 2)
    ]  # fmt: skip


@pytest.mark.covers("F2")
def test_a_price_war_takes_several_competitors_and_opens_and_ends_once(rows: Rows) -> None:
    market = Market(rows, wars=True).read(*_war(from_=10), limit=0.2)
    (war,) = market.alerts_of("price_war")
    assert (war["valid_from"], war["valid_to"]) == (day(12), day(24))
    assert (war["category"], war["competitor"], war["product_id"]) == ("c", None, None)
    assert war["evidence"] == {"listings": "6", "fallen": "6"}
    alone = [record for record in _war(from_=10) if record[0] == "Alpha"]
    promoted = _war(from_=10, promotion="sale")
    assert Market(rows, wars=True).read(*alone, *promoted[60:]).alerts_of("price_war") == []


def test_prices_that_stay_low_become_usual_and_the_war_ends(rows: Rows) -> None:
    records = [
        seen(f"c{number}", at, 100 if at < 10 else 90, competitor=name)
        for name in ("Alpha", "Beta")
        for number in range(2)
        for at in range(0, 60, 5)
    ]
    (war,) = Market(rows, wars=True).read(*records).alerts_of("price_war")
    assert (war["valid_from"], war["valid_to"]) == (day(10), day(35))


@pytest.mark.covers("F2")
def test_a_stock_out_needs_an_empty_shop_and_a_competitor_who_has_the_product(rows: Rows) -> None:
    stock = [
        ("c0", None, day(0), 5), ("c0", None, day(3), 0), ("c0", None, day(8), 4),
        ("c1", None, day(0), 0), ("c1", "north", day(0), 2), ("c1", "north", day(5), 0),
        ("c2", None, day(3), 0), ("c3", None, day(3), None),
    ]  # fmt: skip
    market = Market(rows, stock=stock).read(
        *(seen("c0", at, 10) for at in range(10)),
        *(seen("c0", at, 10, competitor="Beta") for at in range(10)),
        *(seen("c1", at, 10) for at in range(10)),
        *(seen("c2", at, 10, available=at >= 6) for at in range(10)),
        *(seen("c3", at, 10) for at in range(10)),
    )
    assert [
        (row["product_id"], row["competitor"], row["valid_from"], row["valid_to"])
        for row in market.alerts_of("stock_out")
    ] == [
        ("c0", None, day(3), day(8)),
        ("c1", "Alpha", day(5), None),
        ("c2", "Alpha", day(6), None),
    ]


def test_an_alert_of_a_past_day_is_one_that_held_when_the_day_began(rows: Rows) -> None:
    market = Market(rows).read(seen("c0", 0, 100), seen("c0", 1, 80), seen("c0", 4, 100))
    counts = {
        number: [row["kind"] for row in alerts_as_of(market.alerts, F.lit(day(number))).collect()]
        for number in (1, 2, 4, 5)
    }
    assert counts == {1: [], 2: ["price_cut"], 4: ["price_cut"], 5: ["price_rise"]}


def _random_records(draw: random.Random) -> list[tuple[Any, ...]]:
    prices = (100, 100, 100, 88, 94, 75)
    return [
        seen(f"c{number}", at + 0.1 * number, draw.choice(prices), draw.choice((None, None, "sale")),
             competitor=name, available=draw.random() < 0.7)
        for name in ("Alpha", "Beta")
        for number in range(3)
        for at in range(0, 28, 2)
    ]  # fmt: skip


@pytest.mark.deep  # six batches
def test_any_order_and_split_of_records_gives_the_same_alerts(rows: Rows) -> None:
    draw = random.Random(3)
    records = _random_records(draw)
    stock = [(f"c{number}", None, day(7 * number + 1), 0) for number in range(3)]
    whole = Market(rows, stock=stock, wars=True).read(*records)
    kinds = (
        "price_cut",
        "price_rise",
        "promotion_start",
        "promotion_end",
        "price_war",
        "stock_out",
    )
    expected = whole.alerts_of(*kinds)
    assert {row["kind"] for row in expected} == set(kinds)
    split = Market(rows, stock=stock, wars=True)
    shuffled = draw.sample(records, k=len(records))
    for part in (shuffled[:30], shuffled[30:60], shuffled[20:60], shuffled[60:]):
        split.read(*part)
    assert split.alerts_of(*kinds) == expected
    again = split.read(*shuffled[60:])
    assert again.alerts_of(*kinds) == expected
    assert sorted(map(str, again.state.collect())) == sorted(map(str, whole.state.collect()))


def test_a_late_record_withdraws_an_alert_that_it_explains(rows: Rows) -> None:
    market = Market(rows).read(seen("c0", 0, 100), seen("c0", 4, 80))
    assert brief(market.alerts_of("price_cut")) == [("price_cut", "c0", day(4), None)]
    market.read(seen("c0", 2, 80))
    assert brief(market.alerts_of("price_cut")) == [("price_cut", "c0", day(2), None)]


def test_the_history_is_bounded_and_what_began_before_it_still_ends(rows: Rows) -> None:
    market = Market(rows).read(seen("c0", 0, 100), seen("c0", 1, 80, "sale"))
    market.read(*(seen("c0", at, 80, "sale") for at in range(2, 100)))
    (state,) = market.state.collect()
    assert [state["history"][0]["at"], len(state["history"])] == [day(38), 62]
    market.read(seen("c0", 100, 95), seen("c0", 3, 95))
    assert brief(market.alerts_of("price_cut", "promotion_start")) == [
        ("price_cut", "c0", day(1), day(100)),
        ("promotion_start", "c0", day(1), day(100)),
    ]


FIELDS = ("competitor", "title", "price", "observed_at", "product_ref", "promotion")


def _mapping(folder: str) -> dict[str, Any]:
    return {
        "where": f"${{data}}/{folder}/*.jsonl", "format": "json", "mode": "stream",
        "time_zone": "UTC", "currency": "EUR", "columns": {name: name for name in FIELDS},
    }  # fmt: skip


def _deliver(here: Desk, folder: str, name: str, *records: tuple[str, float, float | None]) -> None:
    """A file of records: title, day, price."""
    (here.folder / folder).mkdir(exist_ok=True)
    lines = [
        json.dumps(
            {
                "competitor": "Alpha", "title": title, "price": price and str(price),
                "observed_at": day(at).strftime("%Y-%m-%d %H:%M:%S"), "promotion": None,
                "product_ref": None,
            }
        )
        for title, at, price in records
    ]  # fmt: skip
    (here.folder / folder / f"{name}.jsonl").write_text("\n".join(lines))


@pytest.mark.deep  # three runs of two streams
@pytest.mark.covers("F2")
def test_two_streams_of_one_lake_lose_nothing_and_invalid_records_raise_no_alert(
    desk: Callable[..., Desk],
) -> None:
    here = desk({"one": {"market": _mapping("one")}, "two": {"market": _mapping("two")}})
    _deliver(here, "one", "1", ("a", 0, 100), ("b", 0, 50), ("b", 1, 0), ("b", 1.5, None))
    _deliver(here, "two", "1", ("a", 2, 80), ("a", 3, 70), ("b", 2, -50))
    here.run("monitor", as_of=date(2026, 6, 20))

    def alerts() -> list[tuple[Any, ...]]:
        rows = here.read("live.market_alerts").orderBy("observed_at").collect()
        names = ("kind", "title", "valid_from", "valid_to")
        return [tuple(row[name] for name in names) for row in rows]

    both = [("price_cut", "a", day(2), day(3)), ("price_cut", "a", day(3), None)]
    assert alerts() == both
    versions = here.lake.version(MARKET_ALERTS), here.lake.version(MARKET_STATE)
    here.run("monitor", as_of=date(2026, 6, 20))
    assert (here.lake.version(MARKET_ALERTS), here.lake.version(MARKET_STATE)) == versions
    _deliver(here, "one", "2", ("a", 1, 79))
    _deliver(here, "two", "2", ("a", 0, 100), ("b", 3, 60))
    here.run("monitor", as_of=date(2026, 6, 20))
    assert alerts() == [
        ("price_cut", "a", day(1), day(3)),
        ("price_cut", "a", day(3), None),
        ("price_rise", "b", day(3), None),
    ]
