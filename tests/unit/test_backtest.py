"""Backtests of forecasts: scaled errors and coverage by hand, with models of one line."""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from clarion.config import Config
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales import model as sales_model
from clarion.prediction.sales.model import (
    NAIVE,
    THETA,
    BacktestScore,
    Forecast,
    backtest,
    forecast_days,
    forecast_series,
)
from clarion.prediction.sales.settings import ForecastSettings

Array = npt.NDArray[np.float64]
# Each day of the second week is 2 above the first: the scale is 2.
WEEKS = np.array([10.0] * 7 + [12.0] * 7)


class Always:
    """Expects the same every day, give or take so much."""

    def __init__(self, expected: float, margin: float) -> None:
        self.expected, self.margin = expected, margin

    def forecast(self, *, y: Array, h: int, level: list[int]) -> dict[str, Any]:
        return {
            "mean": np.full(h, self.expected),
            "lo-80": np.full(h, self.expected - self.margin),
            "hi-80": np.full(h, self.expected + self.margin),
        }


class LastWeek:
    """Expects what was sold a week before."""

    def forecast(self, *, y: Array, h: int, level: list[int]) -> dict[str, Any]:
        expected = np.resize(y[-7:], h)
        return {"mean": expected, "lo-80": expected - 1, "hi-80": expected + 1}


def test_an_error_is_counted_in_units_of_last_weeks_error() -> None:
    series = np.append(WEEKS, [13.0, 9.0])
    # Errors 3 and 1, mean 2, of a scale of 2. 13 lies outside 8 to 12, 9 inside.
    assert backtest(Always(10, 2), series, horizon=2, folds=1) == BacktestScore(
        mase=1.0, coverage=0.5
    )


def test_folds_train_on_the_days_before_their_own_and_count_alike() -> None:
    series = np.append(WEEKS, [13.0, 9.0, 10.0, 10.0])
    # First fold as above: 1.0 and 0.5. Second: no error, all inside, so its scale does not matter.
    assert backtest(Always(10, 2), series, horizon=2, folds=2) == BacktestScore(
        mase=0.5, coverage=0.75
    )


def test_the_scale_of_a_later_fold_knows_the_days_of_the_earlier_one() -> None:
    series = np.append(WEEKS, [19.0, 10.0])
    # Fold one: error 9 of a scale of 2. Fold two: error 0; its scale is (7 x 2 + 7) / 8.
    assert backtest(Always(10, 2), series, horizon=1, folds=2) == BacktestScore(
        mase=2.25, coverage=0.5
    )
    # Had fold two expected 17: fold one 2 / 2, fold two 7 / 2.625.
    found = backtest(Always(17, 2), series, horizon=1, folds=2)
    assert isinstance(found, BacktestScore)
    assert found.mase == pytest.approx((2 / 2 + 7 / 2.625) / 2)


@pytest.mark.covers("F3")
def test_last_weeks_sales_have_an_error_of_one_where_every_week_rises_alike() -> None:
    series = np.repeat([10.0, 17.0, 24.0, 31.0, 38.0], 7)
    assert backtest(LastWeek(), series, horizon=7, folds=3) == BacktestScore(mase=1.0, coverage=0.0)


def test_a_day_exactly_at_the_end_of_the_interval_is_inside() -> None:
    found = backtest(Always(10, 2), np.append(WEEKS, [12.0, 8.0]), horizon=2, folds=1)
    assert found == BacktestScore(mase=1.0, coverage=1.0)


@pytest.mark.parametrize("days", [0, 1, 3, 13, 15])
def test_a_series_shorter_than_two_weeks_and_its_folds_has_no_score(days: int) -> None:
    series = np.arange(days, dtype=np.float64)
    assert backtest(Always(10, 2), series, horizon=2, folds=2) == NotComputable(
        "too few days to train on"
    )


def test_folds_longer_than_the_series_have_no_score() -> None:
    # The first of two folds of 11 days would begin two days before a series of 20.
    series = np.arange(20, dtype=np.float64)
    assert backtest(Always(10, 2), series, horizon=11, folds=2) == NotComputable(
        "too few days to train on"
    )


def test_a_series_that_is_the_same_every_week_has_no_scale() -> None:
    series = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 4)
    assert backtest(Always(10, 2), series, horizon=7, folds=1) == NotComputable(
        "the series does not vary"
    )


def _lists(forecast: Forecast) -> tuple[list[float], list[float], list[float]]:
    return list(forecast.expected), list(forecast.low), list(forecast.high)


def test_revenue_is_never_expected_below_zero_nor_outside_its_own_interval() -> None:
    positive = forecast_days(Always(1, 3), WEEKS, 2)
    assert _lists(positive) == ([1.0, 1.0], [0.0, 0.0], [4.0, 4.0])
    negative = forecast_days(Always(-5, 3), WEEKS, 2)
    assert _lists(negative) == ([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])


def test_a_shop_that_has_sold_for_too_few_days_gets_no_forecast() -> None:
    settings = Config.load().section(ForecastSettings)
    days = pd.date_range("2026-05-01", periods=settings.min_days - 1)
    history = pd.DataFrame({"series": "all", "day": days.date, "revenue": range(len(days))})
    as_of = date.fromordinal(days[-1].date().toordinal() + 1)
    assert forecast_series(history, as_of=as_of, settings=settings).empty


@pytest.mark.covers("F3")
@pytest.mark.parametrize(("expected", "used"), [(10.0, THETA), (500.0, NAIVE)])
def test_a_model_is_used_only_where_it_beats_last_weeks_sales_in_the_backtest(
    monkeypatch: pytest.MonkeyPatch, expected: float, used: str
) -> None:
    settings = Config.load().section(ForecastSettings)
    days = pd.date_range("2026-01-01", periods=sales_model.needed_days(settings))
    revenue = np.random.default_rng(1).normal(10, 1, len(days))  # no week resembles another
    history = pd.DataFrame({"series": "all", "day": days.date, "revenue": revenue})
    monkeypatch.setattr(
        sales_model, "candidate_models", lambda: {NAIVE: LastWeek(), THETA: Always(expected, 3)}
    )
    as_of = date.fromordinal(days[-1].date().toordinal() + 1)
    found = forecast_series(history, as_of=as_of, settings=settings)
    assert set(found["model"]) == {used}
    assert (found["mase"] <= found["mase_naive"]).all()
