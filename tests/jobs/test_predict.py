"""Who is about to leave: against scikit-learn, and with a feature that has seen the future."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

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
from clarion.measures.columns.buckets import bucket
from clarion.prediction.churn.model import SuspectedLeakError
from clarion.prediction.churn.settings import PredictSettings

pytestmark = pytest.mark.deep  # a year of a shop

AS_OF, HORIZON = date(2026, 6, 1), 56
CUTS = tuple(AS_OF - timedelta(days=times * HORIZON) for times in (2, 1))
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
    shop_desk = desk(MAPPING, **{"predict.features": f"{{{PLAIN}, left: 'coalesce(left, 0)'}}"})
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
    note = next(text for text in shop.said if text.startswith("churn: AUC"))
    orders = _orders()
    earlier, later = (_by_hand(orders, cut) for cut in CUTS)
    scaler = StandardScaler().fit(earlier.drop(columns="label"))
    regression = LogisticRegression().fit(
        scaler.transform(earlier.drop(columns="label")), earlier["label"]
    )
    identities = shop.lake.read(TABLES["silver.identities"]).where(
        bucket("calibration", "customer_id") % 2 == 1
    )
    evaluated = later[later.index.isin({row["ref"] for row in identities.select("ref").collect()})]
    auc = roc_auc_score(
        evaluated["label"],
        regression.predict_proba(scaler.transform(evaluated.drop(columns="label")))[:, 1],
    )
    assert float(note[len("churn: AUC ") :].split(",")[0]) == pytest.approx(auc, abs=0.003), (
        "what arrived after the cut is not seen"
    )
    assert 0.6 < auc < 0.95
    predictions = shop.lake.read(TABLES["gold.predictions"])
    assert predictions.count() == orders.loc[orders["day"] < str(AS_OF), "who"].nunique()
    assert predictions.where("probability BETWEEN 0 AND 1").count() == predictions.count()
    rate = predictions.agg(F.avg("probability")).first()
    assert rate is not None
    assert rate[0] == pytest.approx(later["label"].mean(), abs=0.15)

    before = predictions.agg(F.count("*"), F.sum("probability")).first()
    shop.settings["predict.features"] = f"{{{PLAIN}, leaves: 'coalesce(leaves, 0)'}}"
    shop.map("shop", MAPPING["shop"])
    with pytest.raises(SuspectedLeakError, match="too good to be true"):
        shop.run("predict", as_of=AS_OF)
    assert (
        shop.lake.read(TABLES["gold.predictions"]).agg(F.count("*"), F.sum("probability")).first()
        == before
    ), "nothing was written"


@pytest.mark.covers("Q6")
def test_every_input_of_every_model_is_made_of_declared_features(config: Config) -> None:
    declared = {item.name for item in features(config)}
    groups = {name: item.value for name, item in config.section(SegmentSettings).features.items()}
    inputs = [*groups.values(), *config.section(PredictSettings).features.values()]
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
