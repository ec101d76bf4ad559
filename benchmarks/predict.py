"""Fit and score predictions of outcomes, beside scikit-learn on the same rows.

    python benchmarks/predict.py 20000 200000

For each number of customers three cuts of examples are made, with four events and an amount. The
functions of `predict` fit the models of conf/base.yml on at most `predict.max_fit_rows` rows,
choose, calibrate and judge, and score every customer. scikit-learn fits its own models of the same
kinds on as many training rows in memory, and scores the same customers. Features are not computed:
`benchmarks/features.py` does that.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from clarion.config import Config
from clarion.measures.columns.buckets import MILLION, bucket
from clarion.prediction.outcomes import fitting
from clarion.prediction.outcomes.cuts import TRAIN, Cuts
from clarion.prediction.outcomes.labels import OF_LABEL
from clarion.prediction.outcomes.models import models_of
from clarion.prediction.outcomes.scoring import Acting, predictions, with_bands
from clarion.prediction.outcomes.settings import PredictSettings
from clarion.runtime.session import start

T = TypeVar("T")
CUTS = Cuts((date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)), history_days=365)
AS_OF = date(2026, 6, 1)
PEERS: dict[str, dict[str, Any]] = {
    "event": {
        "logistic": LogisticRegression(max_iter=200),
        "tree": DecisionTreeClassifier(max_depth=4, min_samples_leaf=20),
        "forest": RandomForestClassifier(50, max_depth=6, min_samples_leaf=10, n_jobs=2),
        "boosting": HistGradientBoostingClassifier(max_iter=40, max_depth=3),
    },
    "amount": {
        "linear": LinearRegression(),
        "tree": DecisionTreeRegressor(max_depth=4, min_samples_leaf=20),
        "forest": RandomForestRegressor(50, max_depth=6, min_samples_leaf=10, n_jobs=2),
        "boosting": HistGradientBoostingRegressor(max_iter=40, max_depth=3),
    },
}


def customers_at(cut: date, n: int, settings: PredictSettings, *, seed: int) -> pd.DataFrame:
    """Customers with inputs and outcomes: each outcome follows three of the inputs."""
    draws = np.random.default_rng(seed)
    names = list(settings.features)
    inputs = draws.normal(size=(n, len(names)))
    frame = pd.DataFrame(inputs, columns=names)
    frame.insert(0, "customer_id", [f"c{number:07d}" for number in range(n)])
    frame["cut"] = cut
    for place, (name, label) in enumerate(settings.labels.items()):
        line = inputs[:, place] - 0.5 * inputs[:, place + 1] + 0.3 * inputs[:, place + 2] ** 2
        if label.kind == "event":
            frame[f"{OF_LABEL}{name}"] = (draws.uniform(size=n) < 1 / (1 + np.exp(1 - line))) * 1.0
        else:
            frame[f"{OF_LABEL}{name}"] = np.maximum(0, 20 * line + draws.normal(size=n) * 30)
    return frame


def timed(seconds: dict[str, float], name: str, call: Callable[[], T]) -> T:
    """The result of a call; how long it took is added under a name."""
    began = time.perf_counter()
    result = call()
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
    return result


def with_clarion(
    spark: SparkSession, frame: pd.DataFrame, settings: PredictSettings
) -> dict[str, float]:
    """Seconds to fit all models, and to score every customer of one cut."""
    rows = spark.createDataFrame(frame).withColumn("role", CUTS.role())
    share = settings.max_fit_rows / len(frame)
    sampled = rows.where(bucket("fit", "customer_id") < int(share * MILLION)).persist()
    everybody = rows.where(F.col("cut") == CUTS.days[-1]).persist()
    sampled.count(), everybody.count()
    seconds: dict[str, float] = {}
    chosen = timed(seconds, "fit", partial(_fitted, sampled, settings))
    timed(seconds, "score", partial(_scored, everybody, chosen, settings))
    for label, item in chosen.items():
        auc = item.quality.auc
        print(f"  {label}: {item.model}, {auc.value:.3f}" if auc else f"  {label}: {item.model}")
    sampled.unpersist()
    everybody.unpersist()
    return seconds


def _fitted(sampled: DataFrame, settings: PredictSettings) -> dict[str, fitting.Chosen]:
    train = sampled.where(F.col("role") == TRAIN)
    preparation = fitting.prepare(train, list(settings.features))
    prepared = preparation.pipeline.transform(sampled).persist()
    candidates = {
        name: [
            fitting.fit_candidate(
                prepared, name, label, model, positives=0.3, days=settings.horizon_of(label), seed=1
            )
            for model in models_of(settings.models[label.kind], label.kind, where="models")
            if not model.reads  # purchases are not drawn
        ]
        for name, label in settings.labels.items()
    }
    kinds = {name: label.kind for name, label in settings.labels.items()}
    scores = fitting.scored_rows(prepared, candidates, kinds)
    prepared.unpersist()
    return {
        name: fitting.choose(scores, name, label, candidates[name], preparation)
        for name, label in settings.labels.items()
    }


def _scored(
    customers: DataFrame, chosen: dict[str, fitting.Chosen], settings: PredictSettings
) -> None:
    for name, item in chosen.items():
        label = replace(settings.labels[name], about=None)
        acting = Acting(item.pipeline, item.model, "1", tuple(settings.features))
        inputs = customers.select("customer_id", *settings.features)
        rows = predictions(inputs, acting, name, label, as_of=AS_OF, settings=settings)
        with_bands(rows.persist()).write.format("noop").mode("overwrite").save()


def with_scikit_learn(frame: pd.DataFrame, settings: PredictSettings) -> dict[str, float]:
    """Seconds of scikit-learn on as many training rows, and for every customer of one cut."""
    share = min(1.0, settings.max_fit_rows / len(frame))
    train = frame[frame["cut"] == CUTS.days[0]].iloc[: int(share * len(frame) / 3)]
    everybody = frame[frame["cut"] == CUTS.days[-1]]
    names = list(settings.features)
    seconds: dict[str, float] = {}
    for name, label in settings.labels.items():
        outcome = train[f"{OF_LABEL}{name}"].to_numpy()
        for model in PEERS[label.kind].values():
            timed(seconds, "fit", partial(model.fit, train[names].to_numpy(), outcome))
        predict = model.predict_proba if label.kind == "event" else model.predict
        timed(seconds, "score", partial(predict, everybody[names].to_numpy()))
    return seconds


def main() -> None:
    """Measure each number of customers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int, nargs="+")
    wanted = parser.parse_args()
    config = Config.load()
    settings = config.section(PredictSettings)
    spark = start(config)
    for n in wanted.customers:
        frame = pd.concat(
            [customers_at(cut, n, settings, seed=seed) for seed, cut in enumerate(CUTS.days)]
        )
        for who, seconds in (
            ("clarion", with_clarion(spark, frame, settings)),
            ("scikit-learn", with_scikit_learn(frame, settings)),
        ):
            parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
            print(f"{n:,} customers, {who}: {parts}")


if __name__ == "__main__":
    main()
