"""What the report is given of a lake, counted again from its tables with pandas."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
import pytest
from lake_rows import append_rows
from pyspark.sql import DataFrame
from worlds import World

from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.report import figures as figures_of_report
from clarion.report.figures import Figures, _nearest_products, read_figures

DAY = date(2026, 6, 29)
TURNS = [DAY - timedelta(days=28 * turn) for turn in range(14)][::-1]
BEFORE, AFTER = TURNS[-2], DAY + timedelta(days=28)
# In Shanghai the day begins at 16:00 UTC of the day before.
MIDNIGHT = datetime(2026, 6, 28, 16, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="session")
def figures(world: World) -> Figures:
    return read_figures(world.lake, days=[world.as_of], time_zone=world.settings["shop.time_zone"])


def today(world: World, name: str) -> pd.DataFrame:
    found = world.read(name).toPandas()
    return found[found["as_of"] == world.as_of]


def test_reasons_are_counted_by_kind_and_rule_the_commonest_first(
    world: World, figures: Figures
) -> None:
    quarantined = world.read("silver.quarantine").toPandas()
    pairs = zip(quarantined["kind"], quarantined["reasons"], strict=True)
    expected = Counter((kind, reason["rule"]) for kind, reasons in pairs for reason in reasons)
    assert {
        (row["kind"], row["rule"]): row["count"] for row in figures.reasons.to_dict("records")
    } == expected
    assert list(figures.reasons["count"]) == sorted(figures.reasons["count"], reverse=True)


def test_groups_stand_by_revenue_with_their_buyers_and_tags(world: World, figures: Figures) -> None:
    members = today(world, "gold.segment_members").set_index("customer_id")["segment_id"]
    sizes = Counter(members)
    assert {
        row["segment_id"]: row["customers"] for row in figures.segments.to_dict("records")
    } == sizes
    revenues = [float(value) for value in figures.segments["revenue"]]
    assert revenues == sorted(revenues, reverse=True)

    profiles = today(world, "gold.customer_profiles").query("orders > 0")
    buyers = profiles.assign(segment_id=profiles["customer_id"].map(members)).dropna(
        subset="segment_id"
    )
    drawn = figures.customers.groupby("segment_id")[["orders", "monetary"]].sum()
    expected = (
        buyers.assign(monetary=buyers["monetary"].astype(float))
        .groupby("segment_id")[["orders", "monetary"]]
        .sum()
    )
    pd.testing.assert_frame_equal(drawn, expected, check_dtype=False)
    assert Counter(figures.compared_features["segment_id"]) == sizes

    borne = today(world, "gold.customer_tags")
    pairs = zip(borne["customer_id"].map(members), borne["tags"], strict=True)
    tags = Counter(
        (segment, tag["tag"])
        for segment, marks in pairs
        for tag in marks
        if isinstance(segment, str)
    )
    assert {
        (row["segment_id"], row["tag"]): row["count"]
        for row in figures.group_tags.to_dict("records")
    } == tags


def test_neighbours_and_their_purity_are_those_of_the_day(world: World, figures: Figures) -> None:
    near, vectors = (
        today(world, "gold.product_neighbours"),
        today(world, "gold.product_vectors").set_index("product_id"),
    )
    cosines = near.set_index(["product_id", "rank"])["cosine"]
    shown = figures.neighbours
    assert shown["product_id"].nunique() == 6
    assert set(shown["rank"]) == {1, 2, 3}
    for row in shown.to_dict("records"):
        assert row["cosine"] == cosines[row["product_id"], row["rank"]]
        assert row["title"] == vectors.loc[row["product_id"], "title"]
    own, its = (
        near["product_id"].map(vectors["category"]),
        near["neighbour_id"].map(vectors["category"]),
    )
    assert figures.purity is not None
    assert figures.purity[0] == pytest.approx((own == its).mean())


def test_what_is_planned_is_shown_the_strongest_first(world: World, figures: Figures) -> None:
    for name in ("campaigns", "forecasts", "targets", "tags"):
        pd.testing.assert_series_equal(
            getattr(figures, name)["as_of"].value_counts(),
            today(world, f"{'ops' if name == 'targets' else 'gold'}.{name}")[
                "as_of"
            ].value_counts(),
        )
    assert list(figures.campaigns["reach"]) == sorted(figures.campaigns["reach"], reverse=True)
    assert len(figures.alerts) == min(10, world.read("live.market_alerts").count())
    moves = figures.alerts["change"].dropna()
    assert list(figures.alerts["change"][: len(moves)]) == sorted(moves)


def of_a_day(day: date) -> dict[str, list[dict[str, Any]]]:
    """Rows of a day that no other day has, by table."""
    name, other = f"of {day}", f"other of {day}"
    customer = {"customer_id": "ann"}
    category = "tea" if day == DAY else None
    cells = {"indices": [1], "weights": [1.0]}
    return {
        "gold.segments": [{"segment_id": name}],
        "gold.segment_members": [{**customer, "segment_id": name}],
        "gold.segment_flows": [{"from_segment": name, "to_segment": name}],
        "gold.segment_models": [{"features": {name: "spend" if day == DAY else "visits"}}],
        "gold.customer_features": [
            {**customer, "values": {"spend": float(day.day), "visits": 0.5}, "labels": {}}
        ],
        "gold.customer_profiles": [
            {**customer, "monetary": Decimal(day.day), "life_cycle": "active"}
        ],
        "gold.customer_tags": [{**customer, "tags": [(name, day)]}],
        "gold.tags": [{"tag": name, "kind": "declared"}],
        "gold.product_vectors": [
            {"product_id": "p1", "title": name, "category": category, **cells},
            {"product_id": "p2", "title": other, "category": category or name, **cells},
        ],
        "gold.product_neighbours": [
            {"product_id": "p1", "neighbour_id": "p2", "cosine": day.day / 100}
        ],
        "gold.prediction_models": [{"label": name, "kind": "event", "state": "none"}],
        "gold.predictions": [
            {
                **customer,
                "label": "churn",
                "probability": 0.9,
                "band": "high",
                "reasons": [("recency", 0.5, name, name), ("spend", -0.5, other, other)],
            },
            {
                **customer,
                "label": "value",
                "expected": 9.0,
                "band": "low",
                "reasons": [("recency", 0.5, other, other)],
            },
        ],
        "gold.forecasts": [{"measure": "revenue", "level": "all", "series": name}],
        "gold.forecast_backtests": [
            {"measure": "revenue", "level": "all", "series": name, "reason": "too short"}
        ],
        "gold.campaigns": [{"campaign_id": name}],
        "ops.targets": [{"target": name, "verdict": "met"}],
    }


@pytest.mark.deep  # a lake of its own
def test_a_report_of_a_day_leaves_out_what_came_later_and_what_is_too_long_ago(lake: Lake) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for day in (BEFORE, DAY, AFTER):
        for table, found in of_a_day(day).items():
            rows.setdefault(table, []).extend({**row, "as_of": day} for row in found)
    for table in ("strategies", "strategy_kpis", "adjustments"):
        rows[f"gold.{table}"] = [{"as_of": day, "strategy_id": "g1"} for day in [*TURNS, AFTER]]
    rows["gold.budgets"] = [{"as_of": day} for day in [*TURNS, AFTER]]
    last = MIDNIGHT - MINUTE
    minutes = [last - timedelta(hours=24), last - timedelta(hours=24) + MINUTE, last, MIDNIGHT]
    rows["live.kpi_minutes"] = [
        {"minute": minute, "source": "app", "dimension": "all", "value": "all", "events": 9}
        for minute in minutes
    ]
    rows["live.market_alerts"] = [
        {
            "alert_id": f"a{number:02d}",
            "kind": "price_cut",
            "change": -number / 100,
            "observed_at": last,
        }
        for number in range(12)
    ] + [{"alert_id": "later", "kind": "price_cut", "change": -0.5, "observed_at": MIDNIGHT}]
    run_concurrently(partial(append_rows, lake, table, *found) for table, found in rows.items())

    figures = read_figures(lake, days=TURNS, time_zone="Asia/Shanghai")
    today = f"of {DAY}"
    for shown, column in (
        ("segments", "segment_id"), ("flows", "to_segment"), ("tags", "tag"), ("group_tags", "tag"), ("forecasts", "series"),
        ("backtests", "series"), ("prediction_models", "label"), ("prediction_reasons", "en"),
        ("campaigns", "campaign_id"), ("targets", "target"), ("customers", "segment_id"), ("neighbours", "title"),
    ):  # fmt: skip
        assert list(getattr(figures, shown)[column]) == [today], shown
    assert list(figures.customers["monetary"]) == [29.0]
    assert list(figures.neighbours["cosine"]) == [0.29]
    assert figures.purity is not None
    assert figures.purity[0] == 1.0
    assert figures.compared_features.to_dict("records") == [{today: 29.0, "segment_id": today}]
    for shown in ("kpis", "adjustments"):
        assert list(getattr(figures, shown)["as_of"]) == TURNS[-12:], shown
    for shown in ("budgets", "strategies"):
        assert list(getattr(figures, shown)["as_of"]) == TURNS, shown
    assert [stamp.tz_localize(UTC) for stamp in figures.minutes["minute"]] == minutes[1:3]
    assert list(figures.alerts["alert_id"]) == [f"a{number:02d}" for number in range(11, 1, -1)]


def test_a_product_that_is_described_no_more_is_not_shown_among_neighbours(
    rows: Callable[..., DataFrame],
) -> None:
    neighbours = rows(
        "product_id string, neighbour_id string, rank int, cosine double",
        ("p1", "p2", 1, 0.9), ("p1", "gone", 2, 0.8), ("gone", "p1", 1, 0.8),
    )  # fmt: skip
    vectors = rows(
        "product_id string, title string, category string", ("p1", "Tea", "tea"), ("p2", "Cup", "cups")
    )  # fmt: skip
    shown = _nearest_products(neighbours, vectors).collect()
    assert [(row["title"], row["neighbour"]) for row in shown] == [("Tea", "Cup")]


def test_only_a_sample_of_products_is_shown(rows: Callable[..., DataFrame]) -> None:
    names = [f"p{number:02d}" for number in range(figures_of_report._PRODUCTS + 8)]
    neighbours = rows(
        "product_id string, neighbour_id string, rank int, cosine double",
        *((name, "p00" if name != "p00" else "p01", 1, 0.9) for name in names),
    )
    vectors = rows(
        "product_id string, title string, category string", *((name, name, "tea") for name in names)
    )
    shown = _nearest_products(neighbours, vectors).collect()
    assert len({row["product_id"] for row in shown}) == figures_of_report._PRODUCTS
