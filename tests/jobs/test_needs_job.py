"""The job that predicts next needs, on a simulated shop in a lake."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from worlds import Desk, simulated, small_shop

from clarion.config import Config

pytestmark = pytest.mark.deep


def test_needs_of_a_day_are_written_once_beside_the_comparison_of_the_models(
    spark: SparkSession, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = small_shop(config, 600).model_copy(update={"products": 300, "history_days": 180})
    desk, _ = simulated(spark, tmp_path, shop, seed=5, **{"needs.min_trials": "20"})
    as_of = desk.read("silver.order_lines").selectExpr("max(date(happened_at)) + 1").first()
    assert as_of
    began = time.monotonic()
    desk.run("needs", as_of=as_of[0])
    seconds = time.monotonic() - began
    needs = desk.read("gold.needs").toPandas()
    models = desk.read("gold.need_models").toPandas().sort_values("place")
    with capsys.disabled():
        sys.stdout.write(f"\nneeds: {seconds:.1f} s; {desk.said[-1]}\n")
    assert models["model"].tolist() == ["shop", "own", "markov", "logistic", "boosted"]
    acting = models[models["state"] == "acts"]
    assert len(acting) == 1
    assert set(needs["model"]) == set(acting["model"])
    assert set(needs["model_version"]) == set(acting["model_version"])
    assert acting["rate"].item() > models.set_index("model")["rate"]["own"]
    # Everybody who bought in the window has three different categories, the likeliest first.
    assert (needs.groupby("customer_id")["category"].nunique() == 3).all()
    ranked = needs.sort_values(["customer_id", "rank"])
    assert (ranked.groupby("customer_id")["probability"].diff().dropna() <= 0).all()
    known = {item.category.in_language(shop.language) for item in shop.categories}
    assert set(needs["category"]) <= known
    # Once more: the same rows.
    desk.run("needs", as_of=as_of[0])
    again = desk.read("gold.needs").toPandas().sort_values(["customer_id", "rank"])
    assert again.reset_index(drop=True).equals(ranked.reset_index(drop=True))
    assert desk.read("gold.need_models").count() == len(models)
    # Where there are more customers than models learn from, Spark scores all of them in batches.
    desk.configure(**{"needs.max_customers": "200", "needs.min_trials": "5"})
    desk.run("needs", as_of=as_of[0])
    sampled = desk.read("gold.needs").toPandas()
    assert set(sampled["customer_id"]) == set(needs["customer_id"])
    assert (sampled.groupby("customer_id")["category"].nunique() == 3).all()


def test_a_shop_without_orders_gets_no_needs_and_the_reason(
    desk: Callable[..., Desk],
) -> None:
    empty = desk({})
    empty.run("needs")
    assert empty.read("gold.needs").count() == 0
    reasons = {row["reason"] for row in empty.read("gold.need_models").collect()}
    assert reasons == {"no purchase of a customer is known"}
    assert empty.said[-1] == "next needs are not predicted: no purchase of a customer is known"
