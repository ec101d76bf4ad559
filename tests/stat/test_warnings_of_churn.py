"""Warnings of churn on simulated shops, whose leavers are known: right, early, and better than saying so of everybody."""

import numpy as np
import pandas as pd
import pytest
from customers_in_memory import lines_of, seen_of, world_of
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.measures.statistics.intervals import Interval, share
from clarion.prediction.outcomes import fitting
from clarion.prediction.outcomes.cuts import TRAIN, Cuts
from clarion.prediction.outcomes.labels import OF_LABEL
from clarion.prediction.outcomes.models import models_of
from clarion.prediction.outcomes.settings import PredictSettings
from clarion.sim import visits
from clarion.sim.course import follow

pytestmark = pytest.mark.slow  # shops of 6,000 customers

LAST, HORIZON = 480, 56


def _inputs(lines: pd.DataFrame, views: pd.DataFrame, cut: int) -> pd.DataFrame:
    """The inputs of conf/base.yml that a shop of orders and views has, of everybody who ordered before the cut."""
    before, seen = lines[lines["day"] < cut], views[views["day"] < cut]
    days = before.groupby(["customer", "day"])["amount"].sum().reset_index().sort_values("day")
    days["gap"] = days.groupby("customer")["day"].diff()
    of_customer = days.groupby("customer")
    gaps = of_customer["gap"].median().where(of_customer.size() >= 3)
    year = days[days["day"] >= cut - 365].groupby("customer")
    frame = pd.DataFrame(
        {
            "recency": cut - of_customer["day"].max(),
            "frequency": year.size(),
            "spend": year["amount"].sum(),
            "lately": days[days["day"] >= cut - 90].groupby("customer").size(),
            "basket": of_customer["amount"].mean(),
            "gap": of_customer["gap"].mean(),
            "tenure": cut - of_customer["day"].min(),
            "browsing": seen[seen["day"] >= cut - 365].groupby("customer").size(),
            "browsing_lately": seen[seen["day"] >= cut - 30].groupby("customer").size(),
        }
    )
    frame = frame[frame["recency"].notna()]
    frame["recency_ratio"] = frame["recency"] / gaps.fillna(gaps.median()).clip(lower=1)
    counts = ["frequency", "spend", "lately", "browsing", "browsing_lately"]
    frame[counts] = frame[counts].fillna(0.0)
    logs: pd.DataFrame = frame.clip(lower=0.0).astype(float).transform(np.log1p)
    return logs


def _examples(lines: pd.DataFrame, views: pd.DataFrame, cut: int, cuts: Cuts) -> pd.DataFrame:
    frame = _inputs(lines, views, cut)
    stays = lines.loc[(lines["day"] >= cut) & (lines["day"] < cut + HORIZON), "customer"].unique()
    frame[f"{OF_LABEL}churn"] = (~frame.index.isin(stays)).astype(float)
    place = (cut - (LAST - HORIZON * len(cuts.days))) // HORIZON
    return frame.reset_index(names="number").assign(cut=cuts.days[place])


@pytest.mark.covers("F6", partly="the offer that follows is tested in test_products_and_strategy")
@pytest.mark.parametrize("name", ["beauty", "electronics"])
def test_four_of_five_warnings_are_right_and_most_who_left_were_warned_of(
    spark: SparkSession, config: Config, name: str
) -> None:
    world = world_of(name, customers=6000, seed=3)
    course = follow(world, world.ids, last=LAST)
    lines, steps = lines_of(course), seen_of(course)
    views = steps[steps["type"] == visits.VIEW]
    days = pd.date_range("2026-01-01", periods=3, freq=f"{HORIZON}D").date
    cuts = Cuts(tuple(days), history_days=LAST - 3 * HORIZON)
    frame = pd.concat(_examples(lines, views, LAST - HORIZON * back, cuts) for back in (3, 2, 1))
    frame["customer_id"] = "c" + frame["number"].astype(str)
    settings = config.section(PredictSettings)
    label = settings.labels["churn"]
    inputs = [key for key in settings.features if key in frame.columns]
    assert len(inputs) >= 9
    rows = spark.createDataFrame(frame).withColumn("role", cuts.role()).persist()
    preparation = fitting.prepare(rows.where(F.col("role") == TRAIN), inputs)
    prepared = preparation.pipeline.transform(rows).persist()
    candidates = [
        fitting.fit_candidate(prepared, "churn", label, model, positives=0.7, days=56, seed=1)
        for model in models_of(settings.models["event"], "event", where="predict.models.event")
    ]
    scores = fitting.scored_rows(prepared, {"churn": candidates}, {"churn": "event"})
    chosen = fitting.choose(scores, "churn", label, candidates, preparation)
    rows.unpersist()
    prepared.unpersist()

    quality = chosen.quality
    assert quality.precision is not None
    assert quality.accuracy is not None
    assert quality.precision.low >= 0.80
    assert quality.accuracy.value >= 0.80
    base = max(quality.base_rate, 1 - quality.base_rate)
    assert quality.accuracy.low > base, "better than saying the same of everybody"
    assert world.ids.tolist() == list(range(len(world.ids)))
    judged = scores[scores["role"] == "judge"]["customer_id"].str[1:].astype(int).to_numpy()
    has_left = course.outcome.state.dropped[judged] & (chosen.outcome == 1)
    found = share(float((chosen.predicted[has_left] >= label.threshold).sum()), has_left.sum())
    assert isinstance(found, Interval)
    assert found.low >= 0.50
