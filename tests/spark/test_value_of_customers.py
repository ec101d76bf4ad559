"""BG/NBD and Gamma–Gamma among the models of an amount, and what they do without repeat buyers."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from buyers import bg_nbd_buyers
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.prediction.outcomes import fitting
from clarion.prediction.outcomes.cuts import JUDGE, TRAIN, Cuts
from clarion.prediction.outcomes.fitting import PREDICTED
from clarion.prediction.outcomes.models import columns_read, models_of
from clarion.prediction.outcomes.models.definition import PURCHASES, NotFittedError
from clarion.prediction.outcomes.settings import Label, PredictSettings
from clarion.prediction.value.columns import STATISTICS, purchase_days
from clarion.prediction.value.model import ValueModel, fit_value_model

CUTS = Cuts((date(2026, 1, 1), date(2026, 4, 11)), history_days=365)
LABEL = Label("amount - returned", "spends", "消费", kind="amount", horizon_days=100)


@pytest.fixture(scope="module")
def examples(rows: Callable[..., DataFrame]) -> DataFrame:
    """4,000 customers of a BG/NBD shop, half at each cut, who told little by their last order."""
    frame, _ = bg_nbd_buyers(5, 4000, a=0.8, b=2.4)
    many = [
        (
            CUTS.days[place % 2],
            f"c{place}",
            row["age"] - row["last"],
            row["amount_later"],
            tuple(None if np.isnan(row[name]) else row[name] for name in STATISTICS),
        )
        for place, row in enumerate(frame.to_dict("records"))
    ]
    of_purchases = ", ".join(f"{name}: double" for name in STATISTICS)
    schema = "cut date, customer_id string, recency double, label_value double"
    frame_of_customers = rows(f"{schema}, {PURCHASES} struct<{of_purchases}>", *many)
    return frame_of_customers.withColumn("role", CUTS.role()).persist()


def test_expected_revenue_competes_and_scores_alike_after_it_was_saved(
    examples: DataFrame, config: Config, tmp_path: Path
) -> None:
    names = config.section(PredictSettings).models["amount"]
    assert "bg_nbd" in names
    assert columns_read(names) == (PURCHASES,)
    preparation = fitting.prepare(examples.where(F.col("role") == TRAIN), ["recency"])
    prepared = preparation.pipeline.transform(examples).persist()
    candidates = [
        fitting.fit_candidate(prepared, "value", LABEL, model, positives=1, days=100, seed=1)
        for model in models_of(("bg_nbd", "linear"), "amount", where="models")
    ]
    scores = fitting.scored_rows(prepared, {"value": candidates}, {"value": "amount"})
    chosen = fitting.choose(scores, "value", LABEL, candidates, preparation)
    assert chosen.model == "bg_nbd", "recency alone tells less than all that was bought"
    assert chosen.compared["bg_nbd"] < 0.95 * chosen.compared["linear"]
    assert chosen.quality.loss < 0.9 * chosen.quality.base_loss

    trained = examples.where(F.col("role") == TRAIN).select(f"{PURCHASES}.*").toPandas()
    model = fit_value_model(trained.assign(weight=1))
    assert isinstance(model, ValueModel)
    chosen.pipeline.write().overwrite().save(str(tmp_path / "value"))
    judged = examples.where(F.col("role") == JUDGE)
    found = (
        PipelineModel.load(str(tmp_path / "value"))
        .transform(judged.drop("role", "cut", "label_value"))
        .select("customer_id", PREDICTED, f"{PURCHASES}.*")
        .toPandas()
    )
    revenue = model.expected_revenue(
        found["purchases"], found["last"], found["age"], found["mean_value"], 100
    )
    expected = chosen.calibration.predictions(revenue)
    assert found[PREDICTED].to_numpy() == pytest.approx(expected, rel=0.02), (
        "values in steps of 2 %"
    )
    earlier = scores[scores["role"] == JUDGE].set_index("customer_id")["score_value_bg_nbd"]
    again = earlier.loc[list(found["customer_id"])].to_numpy()
    assert found[PREDICTED].to_numpy() == pytest.approx(chosen.calibration.predictions(again))


def test_who_has_bought_nothing_is_expected_to_spend_nothing(examples: DataFrame) -> None:
    (model,) = models_of(("bg_nbd",), "amount", where="models")
    fitted = model.estimator(1, 100).fit(examples)
    unknown = examples.limit(3).withColumn(
        PURCHASES, F.lit(None).cast(examples.schema[PURCHASES].dataType)
    )
    assert [row["raw"] for row in fitted.transform(unknown).collect()] == [0.0, 0.0, 0.0]


def test_without_repeat_buyers_it_says_so(examples: DataFrame) -> None:
    (model,) = models_of(("bg_nbd",), "amount", where="models")
    once = examples.where(F.col(PURCHASES)["purchases"] == 0)
    with pytest.raises(NotFittedError, match="no customer bought on a second day"):
        model.estimator(1, 100).fit(once)


def test_days_with_a_purchase_are_those_known_by_then(rows: Callable[..., DataFrame]) -> None:
    days = rows(
        "customer_id string, day date, known_on date, orders bigint, amount decimal(18,4), "
        "returned decimal(18,4)",
        ("ann", date(2026, 5, 1), date(2026, 5, 1), 1, Decimal(30), Decimal(0)),
        ("ann", date(2026, 5, 1), date(2026, 5, 9), 0, Decimal(0), Decimal(10)),
        ("ann", date(2026, 5, 4), date(2026, 5, 4), 0, Decimal(0), Decimal(0)),
        ("ben", date(2026, 5, 1), date(2026, 6, 9), 1, Decimal(30), Decimal(0)),
        ("eva", date(2026, 5, 1), date(2026, 5, 1), 1, Decimal(30), Decimal(0)),
        ("eva", date(2026, 5, 1), date(2026, 5, 3), -1, Decimal(-30), Decimal(0)),
        ("zoe", date(2026, 4, 30), date(2026, 4, 30), 0, Decimal(0), Decimal(7)),
        ("zoe", date(2026, 5, 1), date(2026, 5, 1), 1, Decimal(100), Decimal(0)),
        ("zoe", date(2026, 5, 10), date(2026, 5, 10), 1, Decimal(100), Decimal(0)),
        ("zoe", date(2026, 5, 14), date(2026, 5, 14), 0, Decimal(0), Decimal(100)),
    )  # fmt: skip
    found = purchase_days(days, as_of=date(2026, 6, 1)).orderBy("customer_id", "day").collect()
    assert [tuple(row) for row in found] == [
        ("ann", date(2026, 5, 1), Decimal(20)),
        ("zoe", date(2026, 5, 1), Decimal(100)),
        ("zoe", date(2026, 5, 10), Decimal(0)),
    ], "what came back later is taken from the order before it"
