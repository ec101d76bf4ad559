"""Who is about to leave: against scikit-learn, and with a feature that has seen the future."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from worlds import Desk

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.customers.features.definitions import required_features
from clarion.customers.segments.settings import SegmentSettings
from clarion.declarations.shop import features
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import names
from clarion.prediction.outcomes.gate import SuspectedLeakError
from clarion.prediction.outcomes.settings import PredictSettings

pytestmark = pytest.mark.deep  # a year of a shop

AS_OF, HORIZON = date(2026, 6, 1), 56
# A fourth one, 224 days back, would have 76 days of history; a cut needs 90.
CUTS = tuple(AS_OF - timedelta(days=times * HORIZON) for times in (3, 2, 1))
CHURN = (
    "{churn: {outcome: orders <= 0, population: order_recency IS NOT NULL, en: leaves, zh: 流失}}"
)
ONE_MODEL = "{event: [logistic], amount: [linear]}"
CONSENT = {"basis": "declared", "purposes": ["collection", "analytics"]}
MAPPING = {
    "shop": {
        "orders": {
            "where": "${data}/orders.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR", "consent": CONSENT,
            "columns": {
                "order_ref": "order", "product_ref": "'p'", "quantity": "1", "unit_price": "cast(price as decimal(18,4))",
                "happened_at": "cast(day as timestamp)", "customer_ref": "who",
            },
        },
        "traits": {
            "where": "${data}/traits.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": CONSENT,
            "columns": {
                "customer_ref": "who", "name": "name", "value": "value", "at": "cast(day as timestamp)", "arrived_at": "cast(arrived as timestamp)",
            },
        },
    }
}  # fmt: skip
FEATURE = "{{source: traits, value: 'min_by(try_cast(value AS double), age)', where: name = '{0}', unit: 0 or 1, en: {0}, zh: {0}, meaning: who leaves}}"
PLAIN = "recency: log1p(order_recency), frequency: log1p(orders_365d), spend: log1p(net_spend_365d)"


def _orders() -> pd.DataFrame:
    """People who order at their own rate until each leaves for good."""
    rng = np.random.default_rng(11)
    rows, first = [], AS_OF - timedelta(days=300)
    for number in range(700):
        day, end, gap = rng.uniform(0, 120), rng.exponential(260), rng.gamma(2, 16)
        while day < min(300, 60 + end):
            rows.append(
                (
                    f"c{number:03d}",
                    str(first + timedelta(days=int(day))),
                    round(float(rng.gamma(3, 12)), 2),
                )
            )
            day += 1 + rng.exponential(gap)
    orders = pd.DataFrame(rows, columns=["who", "day", "price"]).drop_duplicates(["who", "day"])
    return orders.assign(order=[f"o{index}" for index in range(len(orders))])


def _stays(orders: pd.DataFrame, cut: date) -> "set[str]":
    return set(
        orders.loc[
            (orders["day"] >= str(cut)) & (orders["day"] < str(cut + timedelta(days=HORIZON))),
            "who",
        ]
    )


def _traits(orders: pd.DataFrame) -> pd.DataFrame:
    """What a warehouse wrote back in time, dated before each cut: who will leave; once as if known then, once with the day it came."""
    rows = []
    for cut in CUTS:
        customers = sorted(set(orders.loc[orders["day"] < str(cut), "who"]))
        dated, came, stays = (
            cut - timedelta(days=3),
            cut + timedelta(days=HORIZON),
            _stays(orders, cut),
        )
        for name, arrived in (("leaves", dated), ("left", came)):
            rows += [
                (customer, name, int(customer not in stays), str(dated), str(arrived))
                for customer in customers
            ]
    return pd.DataFrame(rows, columns=["who", "name", "value", "day", "arrived"])


@pytest.fixture
def shop(desk: Callable[..., Desk], tmp_path: Path) -> Desk:
    """A shop whose customers are described up to the day."""
    orders = _orders()
    orders.to_csv(tmp_path / "orders.csv", index=False)
    _traits(orders).to_csv(tmp_path / "traits.csv", index=False)
    shop_desk = desk(
        MAPPING,
        **{
            "predict.features": f"{{{PLAIN}, left: 'coalesce(left, 0)'}}",
            "predict.labels": CHURN,
            "predict.models": ONE_MODEL,
        },
    )
    more = "\n".join(f"{name}: {FEATURE.format(name)}" for name in ("leaves", "left"))
    (tmp_path / "conf" / "features.yml").write_text(
        f"{Config.load().text('features.yml')}\n{more}\n"
    )
    shop_desk.run("ingest", "clean", "profiles", "features", as_of=AS_OF)
    return shop_desk


def _by_hand(orders: pd.DataFrame, cut: date) -> pd.DataFrame:
    """Recency, frequency and spend before a cut, and who did not order after it."""
    before = orders[orders["day"] < str(cut)]
    by_customer = before.groupby("who").agg(
        last=("day", "max"), frequency=("day", "size"), spend=("price", "sum")
    )
    recency = by_customer["last"].map(lambda day: (cut - date.fromisoformat(day)).days)
    points = pd.DataFrame(
        {
            "recency": np.log1p(recency),
            "frequency": np.log1p(by_customer["frequency"]),
            "spend": np.log1p(by_customer["spend"]),
        }
    )
    return points.assign(
        label=[int(customer not in _stays(orders, cut)) for customer in points.index]
    )


@pytest.mark.covers("F5", "Q6")
def test_churn_equals_scikit_learn_and_a_feature_that_has_seen_the_future_stops_the_job(
    shop: Desk,
) -> None:
    shop.run("predict", as_of=AS_OF)
    orders = _orders()
    train, _, judge = (_by_hand(orders, cut) for cut in CUTS)
    scaler = StandardScaler().fit(train.drop(columns="label"))
    regression = LogisticRegression().fit(
        scaler.transform(train.drop(columns="label")), train["label"]
    )
    auc = roc_auc_score(
        judge["label"],
        regression.predict_proba(scaler.transform(judge.drop(columns="label")))[:, 1],
    )
    row = shop.lake.read(TABLES["gold.prediction_models"]).first()
    assert row is not None
    assert row["auc"] == pytest.approx(auc, abs=0.003), "what arrived after the cut is not seen"
    assert 0.6 < auc < 0.95
    assert (row["state"], row["model"], tuple(row["cuts"])) == ("trained", "logistic", CUTS)
    assert row["customers"] == len(judge)
    assert row["base_rate"] == pytest.approx(judge["label"].mean())
    predictions = shop.lake.read(TABLES["gold.predictions"])
    assert predictions.count() == orders.loc[orders["day"] < str(AS_OF), "who"].nunique()
    assert predictions.where("probability BETWEEN 0 AND 1").count() == predictions.count()
    rate = predictions.agg(F.avg("probability")).first()
    assert rate is not None
    assert rate[0] == pytest.approx(judge["label"].mean(), abs=0.15)

    before = predictions.agg(F.count("*"), F.sum("probability")).first()
    shop.settings["predict.features"] = f"{{{PLAIN}, leaves: 'coalesce(leaves, 0)'}}"
    shop.map("shop", MAPPING["shop"])
    with pytest.raises(SuspectedLeakError, match="'leaves' alone has"):
        shop.run("predict", as_of=AS_OF)
    assert (
        shop.lake.read(TABLES["gold.predictions"]).agg(F.count("*"), F.sum("probability")).first()
        == before
    ), "nothing was written"


def _rows(shop: Desk, day: date) -> dict[str, dict[str, Any]]:
    """The rows of PREDICTION_MODELS of a day, by label."""
    of_day = shop.read("gold.prediction_models").where(F.col("as_of") == F.lit(day)).collect()
    return {row["label"]: row.asDict(recursive=True) for row in of_day}


@pytest.mark.covers("F5", "F9", partly="how good the prediction of the favourite brand is")
def test_labels_and_models_compete_a_model_serves_on_and_a_bad_one_is_taken_back(
    shop: Desk,
) -> None:
    tomorrow = AS_OF + timedelta(days=1)
    shop.configure(
        **{
            "predict.features": f"{{{PLAIN}}}",
            "predict.models": "{event: [logistic, boosting], amount: [bg_nbd, forest]}",
            "predict.labels": "{churn: {outcome: orders <= 0, population: order_recency IS NOT NULL, en: leaves, zh: 流失},"
            " purchase_7: {outcome: orders > 0, horizon_days: 7, en: buys, zh: 购买},"
            " value: {outcome: amount - returned, kind: amount, en: spends, zh: 消费},"
            " impossible: {outcome: orders > 999, en: never, zh: 从不}}",
        }
    )
    shop.run("predict", as_of=AS_OF)
    rows = _rows(shop, AS_OF)
    assert {name: row["state"] for name, row in rows.items()} == {
        "churn": "trained", "purchase_7": "trained", "value": "trained", "impossible": "none",
    }  # fmt: skip
    assert rows["impossible"]["reason"].startswith("0 of ")
    assert {item["model"] for item in rows["churn"]["candidates"]} == {"logistic", "boosting"}
    assert {item["model"] for item in rows["value"]["candidates"]} == {"bg_nbd", "forest"}
    for row in (rows["churn"], rows["purchase_7"], rows["value"]):
        assert row["loss"] < row["base_loss"]
        assert row["auc_low"] > (0.5 if row["kind"] == "event" else 0.0)
        assert len(row["calibration"]) == 10
    predictions = shop.read("gold.predictions")
    assert {row[0] for row in predictions.select("label").distinct().collect()} == {
        "churn", "purchase_7", "value",
    }  # fmt: skip
    no_words = "size(reasons) = 0 OR reasons[0].en NOT LIKE '% %' OR reasons[0].zh IS NULL"
    assert predictions.where(no_words).isEmpty()

    # The model serves on. Without what it rests on the next one is bad, and is in force all the same.
    shop.run("profiles", "features", "predict", as_of=tomorrow)
    served = _rows(shop, tomorrow)["churn"]
    assert (served["state"], served["model_version"]) == (
        "continues",
        rows["churn"]["model_version"],
    )
    shop.configure(**{"predict.features": "{frequency: log1p(orders_365d)}"})
    shop.run("predict", as_of=tomorrow)
    bad = _rows(shop, tomorrow)["churn"]
    assert bad["state"] == "trained"
    assert bad["auc"] < served["auc"]
    assert bad["model_version"] != served["model_version"]
    shop.configure(
        **{
            "predict.features": f"{{{PLAIN}}}",
            "predict.versions": f"{{churn: '{served['model_version']}'}}",
        }
    )
    shop.run("predict", as_of=tomorrow)
    back = _rows(shop, tomorrow)["churn"]
    assert (back["state"], back["model_version"]) == ("set", served["model_version"])
    assert back["auc"] == served["auc"], "with the figures of its own fit"
    versions = shop.read("gold.predictions").where(
        (F.col("as_of") == F.lit(tomorrow)) & (F.col("label") == "churn")
    )
    assert {row[0] for row in versions.select("model_version").distinct().collect()} == {
        served["model_version"]
    }


@pytest.mark.covers("Q6")
def test_every_input_of_every_model_is_made_of_declared_features(config: Config) -> None:
    declared = {item.name for item in features(config)}
    groups = {name: item.value for name, item in config.section(SegmentSettings).features.items()}
    inputs = [*groups.values(), *config.section(PredictSettings).values.values()]
    valid_inputs = [text for text in inputs if names(text) and set(names(text)) <= declared]
    assert len(valid_inputs) / len(inputs) >= 0.95
    with pytest.raises(ConfigError, match="no declared feature"):
        required_features(features(config), ["log1p(recentness)"])
    used = {item.name for item in required_features(features(config), ["price_sensitivity"])}
    assert (
        {
            "price_sensitivity",
            "discounted_share",
            "discount_share",
            "discount_taken_365d",
            "price_level_bought",
        }
        <= used
        < declared
    )
