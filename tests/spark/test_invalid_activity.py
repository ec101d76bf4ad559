"""Invalid activity is told from people, at three difficulties; it stays in silver, uncounted."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning import invalid_activity
from clarion.collect.cleaning.detectors import (
    check_detector,
    flag_units,
    flagged_facts,
    parse_detectors,
)
from clarion.config import Config
from clarion.declarations.shop import detectors
from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable, share
from clarion.sim.difficulty import ACTIVITY_DIFFICULTIES as DIFFICULTIES
from clarion.sim.invalid_activity import SimulatedActivity, simulate_activity

EVENT = "record_id string, happened_at timestamp, type string, customer_id string, device_ref string, product_id string, dwell_ms bigint"
LINE = "order_line_id string, order_id string, happened_at timestamp, kind string, customer_id string, product_id string, store_ref string"
CUSTOMER = "customer_id string, registered_at timestamp, address string"
Rows = Callable[..., DataFrame]


def _orders(
    lines: DataFrame, events: DataFrame, customers: DataFrame, *, time_zone: str
) -> DataFrame:
    sales = invalid_activity.sale_lines(lines, events, customers, time_zone=time_zone)
    return invalid_activity.orders(sales, invalid_activity.shared_links(events, customers))


Rates = dict[str, tuple[Interval | NotComputable, Interval | NotComputable]]


def _rates(config: Config, planted: SimulatedActivity) -> Rates:
    """Precision and recall of each detector."""
    clicks = invalid_activity.clicks(planted.events, time_zone="UTC").persist()
    orders = _orders(planted.order_lines, planted.events, planted.customers, time_zone="UTC")
    rates = {}
    for one in detectors(config):
        hits = flagged_facts(
            one,
            flag_units(one, orders if one.checks_orders else clicks),
            clicks,
            planted.order_lines,
        ).select("record_id", F.lit(True).alias("hit"))
        truth = (
            planted.order_lines.withColumnRenamed("order_line_id", "record_id")
            if one.checks_orders
            else planted.events
        )
        both = truth.select(
            "record_id", F.col("invalid_activity").eqNullSafe(one.name).alias("is")
        ).join(hits, "record_id", "full")
        row = both.agg(
            F.count_if("hit").alias("flagged"),
            F.count_if("is").alias("planted"),
            F.count_if(F.expr("hit AND is")).alias("right"),
        ).first()
        assert row is not None
        rates[one.name] = (share(row["right"], row["flagged"]), share(row["right"], row["planted"]))
    clicks.unpersist()
    return rates


@pytest.mark.covers("Q3")
@pytest.mark.parametrize(
    ("difficulty", "recalls"),
    [
        pytest.param(
            "easy",
            {"accidental_click": 0.8, "bot": 0.98, "fake_order": 0.98},
            marks=pytest.mark.deep,
        ),
        ("default", {"accidental_click": 0.7, "bot": 0.95, "fake_order": 0.85}),
        pytest.param(
            "hard",
            # Eight accounts with six devices, most of which look first: one in three is not found.
            {"accidental_click": 0.35, "bot": 0.7, "fake_order": 0.5},
            marks=pytest.mark.deep,
        ),
    ],
)
def test_planted_invalid_activity_is_found_and_people_are_left_alone(
    spark: SparkSession,
    config: Config,
    difficulty: str,
    recalls: dict[str, float],
    record_property: Callable[[str, object], None],
) -> None:
    """On a draw that no threshold was set on: precision of 85 % or more, and recall beside it."""
    planted = simulate_activity(
        spark, people=1500, difficulty=DIFFICULTIES[difficulty], seed=77, starts_on=date(2026, 1, 1)
    )
    rates = _rates(
        config,
        SimulatedActivity(
            planted.events.persist(), planted.order_lines.persist(), planted.customers.persist()
        ),
    )
    record_property("rates", str(rates))
    spark.catalog.clearCache()
    for name, least in recalls.items():
        precision, recall = rates[name]
        assert isinstance(precision, Interval)
        assert isinstance(recall, Interval)
        assert precision.value >= 0.85, (name, precision)
        assert recall.value >= least, (name, recall)


def _at(second: float) -> datetime:
    return datetime.fromtimestamp(1_767_225_600 + second)


def test_a_click_knows_what_came_before_and_after(rows: Rows) -> None:
    steps: list[tuple[Any, ...]] = [
        ("a", _at(0), "view", "c", "d", "p", 9000),
        ("b", _at(10), "view", None, "d", "q", 500),
        ("c", _at(11), "view", None, "d", "p", 4000),
        ("d", _at(15), "cart_add", "c", "d", "p", None),
        ("e", _at(15.5), "cart_add", "c", "d", "p", None),
        ("f", _at(16), "visit", None, "d", None, None),
        ("g", _at(17), "view", None, None, "p", None),
    ]
    found = {
        row["record_id"]: row
        for row in invalid_activity.clicks(rows(EVENT, *steps), time_zone="UTC").collect()
    }
    assert set(found) == {"a", "b", "c", "d", "e"}, (
        "what happens in a shop on the street, or under no name, is no click"
    )
    assert [found[name]["goes_back"] for name in "abcde"] == [False, True, False, False, False]
    assert [found[name]["repeats"] for name in "abcde"] == [False, False, False, False, True]
    assert [found[name]["has_intent"] for name in "abcde"] == [True, False, True, True, True]
    assert (found["a"]["gap_s"], found["b"]["gap_s"], found["e"]["next_gap_s"]) == (
        None,
        10.0,
        None,
    )
    assert [found[name]["minute_load"] for name in "abcde"] == [1, 2, 3, 4, 5]


def test_an_order_knows_its_ring_and_a_shop_without_clicks_has_no_unseen_orders(rows: Rows) -> None:
    lines = [(f"l{n}", f"o{n}", _at(86400 * 20 + n), "sale", f"c{n}", "p", None) for n in range(4)]
    customers = [
        (f"c{n}", _at(86400 * (18 if n < 3 else -300)), "home" if n < 3 else "elsewhere")
        for n in range(4)
    ]
    looks = [
        ("e0", _at(0), "view", "c9", "d", "p", None),
        ("e1", _at(86400 * 19), "view", "c2", "x", "p", None),
    ]
    found = {
        row["order_id"]: row
        for row in _orders(
            rows(LINE, *lines), rows(EVENT, *looks), rows(CUSTOMER, *customers), time_zone="UTC"
        ).collect()
    }
    assert [found[f"o{n}"]["ring"] for n in range(4)] == [3, 3, 3, None]
    assert [found[f"o{n}"]["unseen"] for n in range(4)] == [1, 1, 0, 1]
    assert [found[f"o{n}"]["account_days"] for n in range(4)] == [2, 2, 2, 320]
    assert (found["o0"]["ring_unseen"], found["o0"]["burst"]) == (pytest.approx(2 / 3), 4.0)
    assert found["o0"]["ring_chance"] == pytest.approx(0.75**3), "three of four accounts are new"
    assert found["o3"]["ring_chance"] is None
    blind = _orders(
        rows(LINE, *lines), rows(EVENT), rows(CUSTOMER, *customers), time_zone="UTC"
    ).collect()
    assert {row["unseen"] for row in blind} == {None}


@pytest.mark.parametrize(
    ("opened", "chance"),
    [
        pytest.param([18, 18, -300, -200, -100, -50], (2 / 6) ** 2, id="two of the youngest"),
        pytest.param([18] * 6, 1.0, id="all opened on one day, as after an import"),
        pytest.param([18, None, -300, -200, -100, -50], 1.0, id="the age of one is unknown"),
        pytest.param([18, -400, -300, -200, -100, -50], 1.0, id="one is the oldest"),
        pytest.param([18, 18, 40, 50, 60, 70], 1.0, id="accounts that did not exist yet"),
    ],
)
def test_a_ring_of_young_accounts_is_unlikely_only_where_others_are_older(
    rows: Rows, opened: list[int | None], chance: float
) -> None:
    """The first two accounts share a home and buy one product."""
    lines = [(f"l{n}", f"o{n}", _at(86400 * 20 + n), "sale", f"c{n}", "p", None) for n in (0, 1)]
    customers = [
        (f"c{n}", None if day is None else _at(86400 * day), "home" if n < 2 else f"street {n}")
        for n, day in enumerate(opened)
    ]
    found = _orders(
        rows(LINE, *lines), rows(EVENT), rows(CUSTOMER, *customers), time_zone="UTC"
    ).collect()
    assert [row["ring_chance"] for row in found] == [pytest.approx(chance, abs=0.01)] * 2


def test_a_second_line_does_not_hide_a_ring(rows: Rows) -> None:
    """Two young accounts share a device; one also buys what an old account of its home buys."""
    lines = [
        ("l0", "o0", _at(86400 * 20), "sale", "c0", "p", None),
        ("l1", "o1", _at(86400 * 20), "sale", "c1", "p", None),
        ("l2", "o0", _at(86400 * 20), "sale", "c0", "q", None),
        ("l3", "o3", _at(86400 * 20), "sale", "c2", "q", None),
    ]
    ages = [18, 18, -300, -200, -100, -50, -50, -50]
    customers = [
        (f"c{n}", _at(86400 * day), "home" if n in (0, 2) else f"street {n}")
        for n, day in enumerate(ages)
    ]
    logins = [(f"e{n}", _at(n), "login", f"c{n}", "phone", None, None) for n in (0, 1)]
    found = {
        row["order_id"]: row["ring_chance"]
        for row in _orders(
            rows(LINE, *lines), rows(EVENT, *logins), rows(CUSTOMER, *customers), time_zone="UTC"
        ).collect()
    }
    assert found == {"o0": (2 / 8) ** 2, "o1": (2 / 8) ** 2, "o3": 1.0}


def test_a_device_or_address_of_one_account_links_nobody(rows: Rows) -> None:
    events = rows(
        EVENT,
        ("e1", _at(0), "view", "c1", "shared", "p", None),
        ("e2", _at(1), "view", "c2", "shared", "p", None),
        ("e3", _at(2), "view", "c1", "own", "p", None),
    )
    customers = rows(CUSTOMER, ("c1", _at(0), "street 1"), ("c3", _at(0), None))
    links = invalid_activity.shared_links(events, customers).collect()
    assert {(row["customer_id"], row["link"]) for row in links} == {
        ("c1", "d:shared"),
        ("c2", "d:shared"),
    }


def test_the_usual_buyers_of_a_product_are_those_of_the_four_weeks_before(rows: Rows) -> None:
    buyers = {0: 280, 1: 56, 29: 4}  # by day; the first is 29 days before the last
    lines = [
        (f"l{day}-{n}", f"o{day}-{n}", _at(86400 * day + n), "sale", f"c{n}", "p", None)
        for day, number in buyers.items()
        for n in range(number)
    ]
    sales = invalid_activity.sale_lines(
        rows(LINE, *lines), rows(EVENT), rows(CUSTOMER), time_zone="UTC"
    )
    bursts = sales.where("order_id = 'o29-0'").select("burst").collect()
    assert [row["burst"] for row in bursts] == [4 / (56 / 28)]


def test_a_fake_order_takes_its_returns_along(rows: Rows) -> None:
    detector = parse_detectors(
        {
            "ring": {
                "view": "orders",
                "reason": "r",
                "features": {"ring": "ring"},
                "flag_when": "ring >= 3",
            }
        }
    )[0]
    units = flag_units(
        detector,
        rows("order_id string, customer_id string, ring long", ("o1", "c1", 4), ("o2", "c2", 2)),
    )
    lines = rows(
        LINE,
        ("l1", "o1", _at(0), "sale", "c1", "p", None),
        ("l2", "o1", _at(9), "return", "c1", "p", None),
        ("l3", "o2", _at(0), "sale", "c2", "p", None),
    )
    flagged = flagged_facts(detector, units, rows(EVENT), lines)
    assert {(row["record_id"], row["features"]["ring"]) for row in flagged.collect()} == {
        ("l1", 4.0),
        ("l2", 4.0),
    }


def test_a_detector_that_reaches_beyond_its_rows_is_refused() -> None:
    body = {
        "view": "clicks",
        "reason": "r",
        "features": {"x": "(select 1)"},
        "flag_when": "true",
    }
    with pytest.raises(
        ConfigError, match="invalid_activity.yml: mine: 'select' is not allowed here"
    ):
        parse_detectors({"mine": body})
    with pytest.raises(ConfigError, match="view"):
        parse_detectors({"mine": {**body, "view": "everything"}})


def test_a_feature_of_an_actors_day_may_use_the_day_itself(rows: Rows) -> None:
    """A detector passes the check exactly where it can be computed: by actor and day."""
    [detector] = parse_detectors(
        {
            "sundays": {
                "view": "actor_days",
                "reason": "r",
                "features": {
                    "weekend": "dayofweek(day) IN (1, 7)",
                    "id_length": "length(actor) * count(*)",
                },
                "flag_when": "weekend AND day > DATE'2026-01-01' AND actor = 'd'",
            }
        }
    )
    clicks = rows(
        "record_id string, actor string, day date",
        ("a", "d", date(2026, 1, 3)),
        ("b", "d", date(2026, 1, 3)),
        ("c", "d", date(2026, 1, 5)),
    )
    check_detector(detector, clicks)
    [unit] = flag_units(detector, clicks).collect()
    assert (unit["day"], unit["features"]) == (
        date(2026, 1, 3),
        {"weekend": 1.0, "id_length": 2.0},
    )

    one_click = {"view": "actor_days", "reason": "r", "flag_when": "true"}
    [invalid] = parse_detectors({"mine": {**one_click, "features": {"id": "record_id"}}})
    with pytest.raises(ConfigError, match="mine: invalid expression: record_id"):
        check_detector(invalid, clicks)
