"""Outcomes after a cut by hand; a model of them fitted, calibrated, saved, and its reasons."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.kernel.errors import ConfigError
from clarion.prediction.outcomes import fitting
from clarion.prediction.outcomes.cuts import CALIBRATE, CHOOSE, JUDGE, TRAIN, Cuts
from clarion.prediction.outcomes.labels import check_labels, needs_purchases, with_labels
from clarion.prediction.outcomes.models import find_models
from clarion.prediction.outcomes.scoring import Acting, predictions, with_bands
from clarion.prediction.outcomes.settings import Input, Label, PredictSettings

CUT = date(2026, 5, 1)
AS_OF = date(2026, 6, 1)
DAYS = "customer_id string, day date, known_on date, orders bigint, amount double, returned double"
LABELS = {
    "buys_7": Label("orders > 0", "buys", "购买", horizon_days=7),
    "leaves": Label("orders <= 0", "leaves", "流失", population="orders_365d > 0"),
    "value": Label("amount - returned", "spends", "消费", kind="amount"),
}


@pytest.fixture
def settings(config: Config) -> PredictSettings:
    return replace(config.section(PredictSettings), labels=LABELS, horizon_days=28)


def test_outcomes_are_those_of_each_horizon_as_they_were_known(
    rows: Callable[..., DataFrame], settings: PredictSettings
) -> None:
    features = rows("customer_id string, orders_365d double", ("a", 2.0), ("b", 1.0), ("c", 0.0))
    days = rows(
        DAYS,
        ("a", date(2026, 4, 30), date(2026, 4, 30), 1, 9.0, 0.0),  # before the cut
        ("a", date(2026, 5, 8), date(2026, 5, 8), 1, 20.0, 0.0),  # day 8: outside of seven days
        ("a", date(2026, 5, 8), date(2026, 5, 20), 0, 0.0, 5.0),  # came back, known later
        ("a", date(2026, 5, 29), date(2026, 5, 29), 1, 99.0, 0.0),  # day 29: outside of 28 days
        ("b", date(2026, 5, 7), date(2026, 6, 1), 1, 30.0, 0.0),  # learned of on the as-of day
        ("c", date(2026, 5, 1), date(2026, 5, 1), 1, 7.0, 0.0),
    )
    found = with_labels(features, days, None, cut=CUT, as_of=AS_OF, settings=settings)
    assert [tuple(row) for row in found.orderBy("customer_id").collect()] == [
        ("a", 2.0, 0.0, 0.0, 15.0),
        ("b", 1.0, 0.0, 1.0, 0.0),
        ("c", 0.0, 1.0, None, 7.0),
    ]


def test_the_favourite_brand_counts_if_it_was_bought_within_the_horizon(
    rows: Callable[..., DataFrame], settings: PredictSettings
) -> None:
    label = Label(
        "array_contains(brands_bought, favourite_brand)", "x", "x",
        population="favourite_brand IS NOT NULL", about="favourite_brand",
    )  # fmt: skip
    assert needs_purchases({"brand": label})
    assert not needs_purchases(LABELS)
    features = rows(
        "customer_id string, favourite_brand string",
        ("a", "Acme"), ("b", "Acme"), ("c", "Acme"), ("d", None), ("e", "Acme"),
    )  # fmt: skip
    purchases = rows(
        "customer_id string, day date, brand string, category string",
        ("a", date(2026, 5, 28), "Acme", "tea"),  # the last day of the horizon
        ("b", date(2026, 5, 29), "Acme", "tea"),  # the day after it
        ("b", date(2026, 4, 30), "Acme", "tea"),  # before the cut
        ("c", date(2026, 5, 3), "Other", None),
        ("d", date(2026, 5, 3), "Acme", "tea"),
    )
    settings = replace(settings, labels={"brand": label})
    check_labels(features, rows(DAYS), settings.labels)
    found = with_labels(features, rows(DAYS), purchases, cut=CUT, as_of=AS_OF, settings=settings)
    labels = {row["customer_id"]: row["label_brand"] for row in found.collect()}
    assert labels == {"a": 1.0, "b": 0.0, "c": 0.0, "d": None, "e": 0.0}


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (Label("orders >", "x", "x"), "predict.labels.x.outcome"),
        (Label("amount", "x", "x"), "predict.labels.x.outcome"),
        (Label("nothing > 0", "x", "x"), "predict.labels.x.outcome"),
        (Label("orders > 0", "x", "x", population="orders_365d"), "predict.labels.x.population"),
        (Label("orders > 0", "x", "x", population="unknown > 1"), "predict.labels.x.population"),
    ],
)
def test_an_invalid_label_is_named(
    rows: Callable[..., DataFrame], label: Label, words: str
) -> None:
    features, days = rows("customer_id string, orders_365d double"), rows(DAYS)
    with pytest.raises(ConfigError, match=words):
        check_labels(features, days, {"x": label})


def _examples(rows: Callable[..., DataFrame]) -> DataFrame:
    """3,000 customers at two cuts; who ordered lately buys, and age tells nothing."""
    draws = np.random.default_rng(3)
    many: list[tuple[Any, ...]] = []
    for number in range(3000):
        recency, age = draws.normal(), draws.normal()
        outcome = float(draws.uniform() < 1 / (1 + np.exp(1.5 * recency + 0.5)))
        amount = max(0.0, 20 - 8 * recency + draws.normal())
        unknown = None if number % 10 == 0 else age
        cut = CUT if number % 2 else date(2026, 4, 1)
        many.append((cut, f"c{number}", float(recency), unknown, outcome, float(amount)))
    frame = rows(
        "cut date, customer_id string, recency double, age double, label_buys double, "
        "label_value double",
        *many,
    )
    return frame.withColumn("role", Cuts((date(2026, 4, 1), CUT), 100).role())


def test_roles_split_by_time_and_no_customer_is_in_two_of_them(
    rows: Callable[..., DataFrame],
) -> None:
    examples = _examples(rows)
    roles = examples.groupBy("cut", "role").agg(F.count("*").alias("n")).collect()
    found = {(str(row["cut"]), row["role"]): row["n"] for row in roles}
    assert found.pop(("2026-04-01", TRAIN)) == 1500
    assert {role for _, role in found} == {CHOOSE, CALIBRATE, JUDGE}
    assert all(400 < n < 600 for n in found.values())
    twice = examples.groupBy("cut", "customer_id").count().where("count > 1")
    assert twice.isEmpty(), "weights, not copies, make rare outcomes count"
    three = Cuts((date(2026, 3, 1), date(2026, 4, 1), CUT), 100).role()
    assert {row[0] for row in examples.where(F.col("cut") == CUT).select(three).collect()} == {
        JUDGE
    }


@pytest.mark.covers("X4", partly="the sequence model is another capability")
def test_every_model_learns_is_calibrated_and_gives_its_reasons_after_it_was_saved(
    rows: Callable[..., DataFrame], settings: PredictSettings, tmp_path: Path
) -> None:
    inputs = {
        "recency": Input("x", ("long ago", "很久"), ("lately", "近期")),
        "age": Input("y", ("old", "老"), ("young", "新")),
    }
    labels = {
        "buys": Label("orders > 0", "buys", "购买", horizon_days=28, balanced=True),
        "value": Label("amount", "spends", "消费", kind="amount", horizon_days=28),
    }
    settings = replace(settings, labels=labels, features=dict(inputs))
    examples = _examples(rows).persist()
    preparation = fitting.prepare(examples.where(F.col("role") == TRAIN), ["recency", "age"])
    prepared = preparation.pipeline.transform(examples).persist()
    candidates = {
        name: [
            fitting.fit_candidate(prepared, name, label, model, positives=0.4, days=28, seed=1)
            for model in find_models().values()
            if label.kind in model.kinds and (label.kind == "event" or model.name == "linear")
        ]
        for name, label in labels.items()
    }
    kinds = {name: label.kind for name, label in labels.items()}
    scores = fitting.scored_rows(prepared, candidates, kinds)
    judged = examples.where(F.col("role") == JUDGE)
    for name, label in labels.items():
        for candidate in candidates[name]:
            chosen = fitting.choose(scores, name, label, [candidate], preparation)
            quality = chosen.quality
            assert quality.auc is not None
            assert quality.auc.value > 0.75, candidate.model.name
            assert quality.loss < 0.9 * quality.base_loss, candidate.model.name
            mean = np.mean([item.predicted for item in quality.calibration])
            assert mean == pytest.approx(quality.base_rate, abs=0.25 * quality.base_rate + 0.03)
        chosen = fitting.choose(scores, name, label, candidates[name], preparation)
        chosen.pipeline.write().overwrite().save(str(tmp_path / name))
        acting = Acting(
            PipelineModel.load(str(tmp_path / name)), chosen.model, "7", ("recency", "age")
        )
        scored = predictions(
            judged.select("customer_id", "recency", "age"), acting, name, label,
            as_of=AS_OF, settings=settings,
        )  # fmt: skip
        frame = with_bands(scored).join(judged, "customer_id").orderBy("customer_id").toPandas()
        value = frame["probability" if label.kind == "event" else "expected"].astype(float)
        by_customer = scores[scores["role"] == JUDGE].sort_values("customer_id")
        assert sorted(frame["customer_id"]) == sorted(by_customer["customer_id"])
        assert sorted(value) == pytest.approx(sorted(chosen.predicted), abs=1e-6), "as judged"
        assert frame["band"].value_counts().to_dict().keys() == {"low", "medium", "high"}
        first = frame["reasons"].map(lambda reasons: reasons[0])
        assert (first.map(lambda reason: reason["input"]) == "recency").mean() > 0.8
        high = frame.loc[frame["recency"] > 1, "reasons"].map(lambda reasons: reasons[0])
        assert {(reason["en"], reason["zh"]) for reason in high} == {("long ago", "很久")}
        assert (high.map(lambda reason: reason["effect"]) < 0).all(), "long ago means buying less"
    examples.unpersist()
    prepared.unpersist()
