"""The forecast job: series from the tables of a shop, on the driver and by Spark's workers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from lake_rows import append_rows, consent
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.jobs.prediction import forecast as job
from clarion.lake import Lake
from clarion.prediction.sales.local import CROSTON, NAIVE, THETA
from clarion.prediction.sales.model import LocalTask, one_by_one
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking
from clarion.workflows.forecasting import by_workers, long_series

AS_OF = date(2026, 6, 1)
DAYS = 130


def _scope(lake: Lake, config: Config) -> Scope:
    declared = {
        name: getattr(job.JOB, name) for name in ("name", "summary", "reads", "writes", "settings")
    }
    return Scope(
        job=JobSpec(purpose="analytics", **declared),
        params=Params(AS_OF),
        lake=lake,
        config=config,
        say=lambda _: None,
        tracking=Tracking("sqlite:///none", "none"),
    )


def test_workers_forecast_as_the_driver_does(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    names = [(NAIVE, THETA), (NAIVE, CROSTON), (NAIVE,)]
    tasks = [
        LocalTask(np.append([np.nan] * row, rng.poisson(3 + row, 120)), names[row % 3])
        for row in range(7)
    ]
    here = one_by_one(tasks, [60, 90], 28)
    there = by_workers(spark, tasks, [60, 90], 28)
    assert [list(found) for found in there] == [list(found) for found in here]
    for of_driver, of_worker in zip(here, there, strict=True):
        for name, expected in of_driver.items():
            np.testing.assert_array_equal(of_worker[name], expected)


def test_the_smaller_series_and_those_without_a_name_are_summed() -> None:
    sums = pd.DataFrame(
        [
            ("all", "all", 11.0, 6.0, 4.0), ("brand", "A", 5.0, 1.0, 1.0),
            ("brand", "B", 3.0, 2.0, 1.0), ("brand", "C", 2.0, 2.0, 1.0),
            ("brand", None, 1.0, 1.0, 1.0),
        ],
        columns=["level", "series", "revenue", "units", "views"],
    ).assign(day=AS_OF, orders=None, buyers=None)  # fmt: skip
    found = long_series(sums, largest=2)
    revenue = found[found["measure"] == "revenue"].set_index("series")
    assert revenue["value"].to_dict() == {"all": 11.0, "A": 5.0, "B": 3.0, "(other)": 3.0}
    assert revenue["price"].to_dict() == {"all": 11 / 6, "A": 5.0, "B": 1.5, "(other)": 1.0}
    assert found[found["measure"] == "views"]["level"].tolist() == ["all"]
    assert set(found["measure"]) == {"revenue", "units", "views"}


def _fill(lake: Lake) -> None:
    """Two products in two categories; the second one sells in the store alone, three a week."""
    append_rows(
        lake,
        "silver.products",
        *(
            {"product_id": name, "title": name, "brand": brand, "category_path": f"All > {kind}"}
            for name, brand, kind in (("p1", "A", "Creams"), ("p2", "B", "Soaps"))
        ),
    )
    append_rows(lake, "silver.consents", consent("ann", "analytics"))
    rng = np.random.default_rng(5)
    days, lines = [], []
    for ahead in range(DAYS, -1, -1):  # the as-of day itself, too
        day = AS_OF - timedelta(ahead)
        units = {"p1": int(rng.poisson(8)) + 1, "p2": 2 * (day.weekday() > 3)}
        for product, number in ((name, count) for name, count in units.items() if count):
            sold = {"quantity": Decimal(number), "amount": Decimal(10 * number)}
            days.append({"product_id": product, "day": day, "known_on": day, "views": 30, **sold})
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            lines.append(
                {
                    "customer_id": "ann", "order_id": f"{product}{day}", "product_id": product,
                    "line_key": f"{product}{day}", "kind": "sale", "happened_at": at,
                    "arrived_at": at, "channel": "web" if product == "p1" else "store", **sold,
                    "currency": "EUR",
                }
            )  # fmt: skip
    append_rows(lake, "gold.product_days", *days)
    append_rows(lake, "silver.order_lines", *lines)


@pytest.mark.deep  # all tables of a shop, twice
@pytest.mark.covers("F3", partly="revenue, units and traffic by level, sums that add up")
def test_the_job_forecasts_all_levels_and_their_sums_hold(lake: Lake, config: Config) -> None:
    quick = config.with_defaults("test", forecast__models=[NAIVE, THETA, CROSTON])
    _fill(lake)
    for _ in range(2):
        scope = _scope(lake, quick)
        job.run(scope)
        scope.unpersist()
    found = lake.read(TABLES["gold.forecasts"])
    rows = found.toPandas()
    series = rows.groupby(["measure", "level"])["series"].unique().map(sorted).to_dict()
    levels = {"category": ["Creams", "Soaps"], "brand": ["A", "B"], "channel": ["store", "web"]}
    assert series == {
        **{("revenue", level): names for level, names in levels.items()},
        **{("units", level): names for level, names in levels.items()},
        **{(name, "all"): ["all"] for name in ("revenue", "units", "views", "buyers", "orders")},
    }
    assert len(rows) == len(rows.drop_duplicates(["measure", "level", "series", "day"]))
    assert (rows["day"].min(), rows["day"].max()) == (AS_OF, AS_OF + timedelta(27))
    sums = rows[rows["measure"].isin(["revenue", "units"])]
    sums = sums.groupby(["measure", "day", "level"])["expected"].sum().unstack("level")
    for level in levels:
        assert np.abs(sums[level] - sums["all"]).max() < 1e-6
    # A unit costs 10; orders of both products on three days a week are one buyer's.
    means = rows[rows["level"] == "all"].groupby("measure")["expected"].mean()
    assert means["revenue"] == pytest.approx(10 * means["units"], rel=0.05)
    assert means["orders"] == pytest.approx(1 + 3 / 7)
    assert means["buyers"] == 1.0
    assert means["views"] == pytest.approx(30 + 30 * 3 / 7)  # the soap is seen on three days a week
    judged = lake.read(TABLES["gold.forecast_backtests"])
    assert judged.count() == found.select("measure", "level", "series").distinct().count()
    assert judged.where(F.col("model").isNull()).count() == 0


def test_a_young_shop_gets_reasons_and_no_forecast(lake: Lake, config: Config) -> None:
    sold = {"quantity": Decimal(1), "amount": Decimal(10)}
    append_rows(
        lake,
        "gold.product_days",
        *(
            {"product_id": "p", "day": day, "known_on": day, "views": 1, **sold}
            for day in (AS_OF - timedelta(ahead) for ahead in (1, 2, 3))
        ),
    )
    scope = _scope(lake, config)
    job.run(scope)
    assert scope.notes == ["nothing is forecast: the backtest needs 126 days"]
    assert lake.read(TABLES["gold.forecasts"]).count() == 0
    reasons = lake.read(TABLES["gold.forecast_backtests"]).select("reason").distinct().collect()
    assert [row["reason"] for row in reasons] == ["too short: 3 days, the backtest needs 126"]
