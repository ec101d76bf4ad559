"""Purchase days, due dates and reminders: by hand, by simulation, and the job by the policy."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from lake_rows import append_rows, consent
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.contracts.gold import (
    REPLENISHMENT_CALIBRATION,
    REPLENISHMENT_CATEGORIES,
    REPLENISHMENTS,
)
from clarion.jobs.prediction import replenish as job
from clarion.lake import Lake
from clarion.prediction.replenishment.calibration import Calibration, outcomes
from clarion.prediction.replenishment.due import HORIZONS, replenishments, with_rates
from clarion.prediction.replenishment.gaps import gaps_at, grouped_gaps, purchase_days
from clarion.prediction.replenishment.settings import ReplenishSettings
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking

Rows = Callable[..., DataFrame]
AS_OF = date(2026, 6, 1)
EPOCH = date(1970, 1, 1)
CUT = AS_OF - timedelta(days=14)
LINE = (
    "customer_id string, order_id string, order_line_id string, product_id string, kind string, "
    "quantity decimal(18,4), happened_at timestamp, arrived_at timestamp"
)
DAYS = "customer_id string, category string, days array<int>"
RATES = "category string, gap_shape double, rate_shape double, rate_scale double"


def _number(before: int) -> int:
    return (AS_OF - EPOCH).days - before


def _line(
    customer: str | None, order: str | None, product: str, kind: str, before: float, **more: float
) -> tuple[Any, ...]:
    at = datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=before)
    late = timedelta(days=more.get("late", 0.0))
    quantity = Decimal(str(more.get("quantity", 1.0)))
    return (customer, order, f"{order}/{product}/{before}", product, kind, quantity, at, at + late)


def test_purchases_of_one_day_are_one_and_what_was_returned_is_none(rows: Rows) -> None:
    lines = rows(
        LINE,
        _line("ann", "1", "soap", "sale", 20.2), _line("ann", "2", "gel", "sale", 20.6),
        _line("ann", "3", "soap", "sale", 10.5), _line("ann", "3", "pen", "sale", 10.5),
        # All of it went back; of the next order one of two did.
        _line("ben", "4", "soap", "sale", 9.5), _line("ben", "4", "soap", "return", 5.5),
        _line("ben", "5", "soap", "sale", 4.5, quantity=2.0),
        _line("ben", "5", "soap", "return", 2.5),
        # Not before the day, not known by then, of nobody, without a category, without an order.
        _line("ben", "6", "soap", "sale", 0), _line("ben", "7", "soap", "sale", 1.5, late=3.0),
        _line(None, "8", "soap", "sale", 3.5), _line("ben", "9", "gift", "sale", 3.5),
        _line("ben", "10", "soap", "no_sale", 3.5), _line("eva", None, "soap", "sale", 7.5),
        _line("eva", "11", "soap", "return", 6.5),
    )  # fmt: skip
    products = rows(
        "product_id string, category string",
        ("soap", "care"), ("gel", "care"), ("pen", "office"), ("gift", None),
    )  # fmt: skip
    found = purchase_days(lines, products, as_of=AS_OF, time_zone="UTC")
    assert sorted(tuple(row) for row in found.collect()) == [
        ("ann", "care", [_number(21), _number(11)]),
        ("ann", "office", [_number(11)]),
        ("ben", "care", [_number(5)]),
        ("eva", "care", [_number(8)]),
    ]


def test_gaps_are_those_before_the_cut(rows: Rows) -> None:
    days = rows(
        DAYS,
        ("ann", "care", [_number(n) for n in (60, 40, 30, 10)]),
        ("ben", "care", [_number(20)]),
        ("eva", "care", [_number(14)]),  # the day of the cut
    )
    found = gaps_at(days, cut=CUT).orderBy("customer_id").collect()
    assert [(row["customer_id"], row["gaps"], row["repeats"], row["silence"]) for row in found] == [
        ("ann", [20, 10], 2, 15.5),
        ("ben", [], 0, 5.5),
    ]
    grouped = grouped_gaps(gaps_at(days, cut=CUT), cut=CUT).toPandas()
    of_one = grouped[grouped["shape"] == 1.0].sort_values("repeats")
    assert of_one["repeats"].tolist() == [0, 2]
    assert of_one["exposure"].tolist() == pytest.approx([5.5, 45.5])
    assert of_one["log_gaps"].tolist() == pytest.approx([0.0, np.log(20) + np.log(10)])
    assert of_one["age"].tolist() == [6, 46]
    of_two = grouped[grouped["shape"] == 2.0].sort_values("repeats")
    assert of_two["exposure"].iloc[1] == pytest.approx(400 + 100 + 15.5**2)


def _settings(config: Config) -> ReplenishSettings:
    return config.section(ReplenishSettings)


def _due(rows: Rows, config: Config, rates: tuple[Any, ...], *pairs: tuple[Any, ...]) -> DataFrame:
    days = rows(
        DAYS, *((who, "care", sorted(_number(n) for n in before)) for who, *before in pairs)
    )
    known = with_rates(gaps_at(days, cut=AS_OF), rows(RATES, rates), min_purchases=2)
    return replenishments(
        known,
        dict.fromkeys(HORIZONS, Calibration()),
        as_of=AS_OF,
        fitted_before=CUT,
        settings=_settings(config),
    )


@pytest.mark.covers("S7", partly="the coupon of a reminder")
def test_due_dates_follow_from_the_rate_and_a_silence_moves_them(
    rows: Rows, config: Config
) -> None:
    # r 2 and alpha 20: ann has bought twice, 20 days apart, the last time ten days before.
    found = _due(
        rows, config, ("care", 1.0, 2.0, 20.0),
        ("ann", 30, 10), ("ben", 38, 18), ("eva", 22, 2), ("joe", 520, 500), ("once", 9),
    ).orderBy("customer_id").collect()  # fmt: skip
    assert [row["customer_id"] for row in found] == ["ann", "ben", "eva", "joe"]
    ann, ben, eva, joe = found
    count, exposure, silence = 3.0, 20.0 + 20.0, 9.5
    usual = exposure * (2 ** (1 / count) - 1)
    assert ann["usual_gap_days"] == pytest.approx(usual)  # 10.4 days
    days = (exposure + silence) * (2 ** (1 / count) - 1)
    assert ann["due_on"] == AS_OF + timedelta(days=int(days))
    known = exposure + silence
    assert ann["probability_14d"] == pytest.approx(1 - (known / (known + 14)) ** count)
    assert ann["probability_7d"] == pytest.approx(1 - (known / (known + 7)) ** count)
    assert ann["remind_on"] == AS_OF - timedelta(days=10) + timedelta(days=int(usual) - 5)
    assert [row["state"] for row in found] == ["due", "due", "soon", "lapsed"]
    assert joe["remind_on"] is None
    # The longer the silence, the later the next purchase; eva bought two days before.
    assert eva["probability_14d"] > ann["probability_14d"] > ben["probability_14d"]
    assert joe["probability_14d"] < 0.1
    for row in found:
        assert row["earliest_on"] <= row["due_on"] <= row["latest_on"]
        assert row["remind_on"] is None or row["remind_on"] < row["due_on"]


def test_a_regular_need_comes_due_and_a_random_one_does_not(rows: Rows, config: Config) -> None:
    pair = ("ann", 90, 60, 30)
    (regular,) = _due(rows, config, ("care", 2.0, 4.0, 3_600.0), pair).collect()
    (random,) = _due(rows, config, ("care", 1.0, 4.0, 120.0), pair).collect()
    assert regular["latest_on"] - regular["earliest_on"] < random["latest_on"] - random["earliest_on"]  # fmt: skip
    assert regular["probability_14d"] > random["probability_14d"]


@pytest.mark.parametrize("k", [1.0, 2.0])
def test_intervals_hold_and_probabilities_come_true(rows: Rows, config: Config, k: float) -> None:
    rng = np.random.default_rng(5)
    r, alpha = 2.0, 30.0**k
    pairs, next_day = [], {}
    for number in range(4_000):
        rate, before = rng.gamma(r, 1 / alpha), float(rng.uniform(60, 200))
        bought = []
        while before > 0:
            bought.append(int(np.ceil(before)))
            before -= float(rng.exponential(1 / rate) ** (1 / k))
        pairs.append((f"c{number}", *set(bought)))
        next_day[f"c{number}"] = np.floor(-before)
    found = _due(rows, config, ("care", k, r, alpha), *pairs).toPandas()
    day = found["customer_id"].map(next_day).to_numpy()
    earliest, due, latest = (
        np.array([(value - AS_OF).days for value in found[name]])
        for name in ("earliest_on", "due_on", "latest_on")
    )
    inside = (day >= earliest) & (day <= latest)
    assert len(found) > 2_000
    # Whole days: the interval has both its ends.
    assert 0.79 < inside.mean() < 0.87
    assert 0.49 < (day <= due).mean() < 0.56
    assert found["probability_14d"].mean() == pytest.approx((day < 14).mean(), abs=0.02)


def test_outcomes_are_those_within_the_horizon_from_the_cut_on(rows: Rows) -> None:
    days = rows(
        f"{DAYS}, probability_7d double, probability_14d double, gap_shape double",
        ("a", "care", [_number(n) for n in (50, 14)], 0.5, 0.6, 1.0),  # on the day of the cut
        ("b", "care", [_number(n) for n in (50, 7)], 0.5, 0.6, 1.0),  # the eighth day
        ("c", "care", [_number(n) for n in (50, 0)], 0.5, 0.6, 1.0),  # the day after the horizon
    )
    found = outcomes(days, cut=CUT, horizons=HORIZONS).toPandas()
    sums = found.groupby("horizon_days")[["pairs", "bought"]].sum()
    assert sums.to_numpy().tolist() == [[3, 1], [3, 2]]
    assert found["log_odds"].tolist() == pytest.approx(
        [0.0 if days == 7 else np.log(1.5) for days in found["horizon_days"]]
    )


def test_the_plan_has_no_python(rows: Rows, config: Config) -> None:
    due = _due(rows, config, ("care", 1.0, 2.0, 20.0), ("ann", 30, 10))
    plan = due._jdf.queryExecution().executedPlan().toString()
    assert due.columns == list(REPLENISHMENTS.column_names)
    assert "Python" not in plan


def _run(lake: Lake, config: Config) -> list[str]:
    declared = {
        name: getattr(job.JOB, name) for name in ("name", "summary", "reads", "writes", "settings")
    }
    said: list[str] = []
    scope = Scope(
        job=JobSpec(purpose="analytics", **declared),
        params=Params(AS_OF),
        lake=lake,
        config=config,
        say=said.append,
        tracking=Tracking("sqlite:///none", "none"),
    )
    job.run(scope)
    scope.unpersist()
    return said


def _shop(lake: Lake) -> None:
    """Ninety customers who buy soap every three to six weeks, a sofa once; one who refuses."""
    rng = np.random.default_rng(9)
    lines = []
    for number in range(90):
        who, gap, before = f"c{number}", float(rng.uniform(20, 40)), float(rng.uniform(200, 300))
        lines.append((who, "sofa", before))
        while before > 0:
            lines.append((who, "soap", before))
            before -= gap * float(rng.uniform(0.8, 1.2))
    at = datetime(2026, 6, 1, tzinfo=UTC)
    append_rows(
        lake,
        "silver.order_lines",
        *(
            {
                "record_id": f"l{place}", "order_line_id": f"l{place}", "order_id": f"o{place}",
                "customer_id": who, "product_id": product, "kind": "sale", "currency": "EUR",
                "happened_at": at - timedelta(days=before), "arrived_at": at - timedelta(days=before),
            }
            for place, (who, product, before) in enumerate(lines)
        ),
    )  # fmt: skip
    append_rows(
        lake,
        "silver.products",
        *(
            {"record_id": name, "product_id": name, "title": name, "category_path": f"home > {name}"}
            for name in ("soap", "sofa")
        ),
    )  # fmt: skip
    consents = (consent(f"c{n}", "analytics", granted=n != 3) for n in range(90))
    append_rows(lake, "silver.consents", *consents)


def test_the_job_says_why_nobody_is_reminded_in_an_empty_shop(
    spark: SparkSession, lake: Lake, config: Config
) -> None:
    said = _run(lake, config)
    assert said == ["nobody is reminded: there is no purchase of a product with a category"]
    for table in (REPLENISHMENTS, REPLENISHMENT_CATEGORIES, REPLENISHMENT_CALIBRATION):
        assert lake.read(table).isEmpty()


@pytest.mark.deep  # two runs of the job
def test_the_job_dates_repeated_needs_of_who_permits_it_and_twice_the_same(
    spark: SparkSession, lake: Lake, config: Config
) -> None:
    _shop(lake)
    tables = []
    for _ in range(2):
        said = _run(lake, config)
        tables.append(
            [
                sorted(tuple(row) for row in lake.read(table).collect())
                for table in (REPLENISHMENTS, REPLENISHMENT_CATEGORIES, REPLENISHMENT_CALIBRATION)
            ]
        )
    assert tables[0] == tables[1]
    due, categories, calibration = tables[0]
    assert len(due) == 89
    assert {row[1] for row in due} == {f"c{n}" for n in range(90)} - {"c3"}
    assert {row[2] for row in due} == {"soap"}
    assert [(row[1], row[4], row[5]) for row in categories] == [
        ("soap", True, None),
        ("sofa", False, "0% of 89 buyers bought again, 20% are needed"),
    ]
    assert len(calibration) == 20
    assert said[0].startswith("1 of 2 categories are repeated; not sofa: 0% of 89 buyers")
    assert any("not calibrated" in text for text in said)
    # Gaps lie between 20 and 40 days: so do the usual ones.
    usual = [row[5] for row in due]
    assert 18 < min(usual) < max(usual) < 45
