"""Predictions of a real shop, judged by what its customers did afterwards."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from worlds import Desk

from clarion.contracts import TABLES
from clarion.prediction.outcomes.quality import auc_difference, auc_interval

pytestmark = pytest.mark.deep  # real data

AS_OF, HORIZON = date(2011, 9, 10), 91
RFM = "{recency: log1p(order_recency), frequency: log1p(orders_365d), spend: log1p(net_spend_365d)}"
Array = npt.NDArray[np.float64]


def _predicted(shop: Desk) -> "dict[str, float]":
    frame = shop.read("gold.predictions").select("customer_id", "probability").toPandas()
    return dict(zip(frame["customer_id"], frame["probability"], strict=True))


@pytest.mark.real_data
@pytest.mark.covers("F5")
def test_who_buys_again_at_online_retail_is_predicted_as_well_as_in_the_literature(
    desk: Callable[..., Desk], real_data: Path
) -> None:
    """Models fitted on 12 March and calibrated on 11 June predict 10 September: AUC of .733 or more."""
    shop = desk(
        {},
        **{
            "shop.sources": "[online_retail]",
            "shop.currency": "GBP",
            "shop.time_zone": "Europe/London",
            "data": str(real_data),
            "predict.horizon_days": str(HORIZON),
            "predict.labels": "{churn: {outcome: orders <= 0, "
            "population: order_recency IS NOT NULL, en: leaves, zh: 流失}}",
        },
    )
    shop.run("ingest", "clean", "profiles", "features", "predict", as_of=AS_OF)
    model = shop.read("gold.prediction_models").first()
    assert model is not None
    assert list(model["cuts"]) == [date(2011, 3, 12), date(2011, 6, 11)]
    full = _predicted(shop)
    shop.configure(**{"predict.features": RFM, "predict.models": "{event: [logistic], amount: []}"})
    shop.run("predict", as_of=AS_OF)
    simple = _predicted(shop)

    lines = shop.lake.read(TABLES["silver.order_lines"]).where(
        f"happened_at >= '{AS_OF}' AND happened_at < '{AS_OF + timedelta(days=HORIZON)}'"
    )
    buyers = {row[0] for row in lines.where("kind = 'sale'").select("customer_id").collect()}
    customers = sorted(full)
    assert customers == sorted(simple)
    left = np.array([float(customer not in buyers) for customer in customers])
    by_full = np.array([full[customer] for customer in customers])
    by_simple = np.array([simple[customer] for customer in customers])
    own, gap = auc_interval(left, by_full), auc_difference(left, by_full, by_simple)
    assert own is not None
    assert gap is not None
    assert len(customers) == pytest.approx(3_368, abs=25)
    assert 1 - left.mean() == pytest.approx(0.57, abs=0.01)
    assert own.value >= 0.733
    assert own.low <= 0.743 <= own.high
    assert gap.high >= 0, "not below a regression on RFM fitted the same way"
    assert by_full.mean() == pytest.approx(left.mean(), abs=0.08)
