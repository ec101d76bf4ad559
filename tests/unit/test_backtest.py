"""Backtests of forecasts: scaled errors, intervals and the choice of models, by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clarion.config import Config
from clarion.kernel.errors import ConfigError
from clarion.measures.calendar import Calendar
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.sales.backtest import (
    Origins,
    Scores,
    interval,
    interval_share,
    origins,
    scores,
)
from clarion.prediction.sales.local import COMBINED, CROSTON, ETS, MEAN, NAIVE, THETA
from clarion.prediction.sales.model import LocalForecasts, LocalTask, SalesForecast, forecast_panel
from clarion.prediction.sales.panel import Array, Panel, panel_of
from clarion.prediction.sales.settings import ForecastSettings

AS_OF = date(2026, 6, 1)
SETTINGS = replace(Config.load().section(ForecastSettings), models=[NAIVE, MEAN, THETA])
# Each day of the second week is 2 above the first: the scale is 2.
WEEKS = np.array([10.0] * 7 + [12.0] * 7)


def _scores(series: Array, expected: list[list[float]], cuts: tuple[int, ...]) -> Scores:
    found = scores(series, np.array(expected), cuts=cuts)
    assert isinstance(found, Scores)
    return found


def test_an_error_is_counted_in_units_of_last_weeks_error() -> None:
    # Errors 3 and -1, of a scale of 2: 2 / 2, and the root of 5 / 4.
    found = _scores(np.append(WEEKS, [13.0, 9.0]), [[10.0, 10.0]], (14,))
    assert found.mase == 1.0
    assert found.rmsse == pytest.approx(1.25**0.5)


def test_each_origin_counts_alike_and_scales_with_the_days_before_it() -> None:
    # Errors of 9 and 0: the scale of the second origin knows the day of the first.
    assert _scores(np.append(WEEKS, [19.0, 10.0]), [[10.0], [10.0]], (14, 15)).mase == 2.25
    # Errors of 2 and -7: 2 / 2, and 7 of a scale of (7 x 2 + 7) / 8.
    found = _scores(np.append(WEEKS, [19.0, 10.0]), [[17.0], [17.0]], (14, 15))
    assert found.mase == pytest.approx((2 / 2 + 7 / 2.625) / 2)


@pytest.mark.covers("F3")
def test_last_weeks_sales_have_an_error_of_one_where_every_week_rises_alike() -> None:
    series = np.repeat([10.0, 17.0, 24.0, 31.0, 38.0], 7)
    expected = [list(series[cut - 7 : cut]) for cut in (14, 21, 28)]
    found = _scores(series, expected, (14, 21, 28))
    assert (found.mase, found.rmsse) == (1.0, 1.0)


def test_days_before_a_series_began_do_not_scale() -> None:
    begun = np.append([np.nan] * 7, WEEKS)
    assert _scores(np.append(begun, [13.0, 9.0]), [[10.0, 10.0]], (21,)).mase == 1.0


def test_a_series_that_is_the_same_every_week_has_no_scale() -> None:
    series = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 4)
    assert isinstance(scores(series, np.ones((1, 7)), cuts=(21,)), NotComputable)


def test_no_untouched_day_is_looked_at_by_an_origin_that_chooses() -> None:
    settings = replace(SETTINGS, horizon_days=28, step_days=7, folds=2, untouched_folds=3)
    assert origins(200, settings) == Origins(choosing=(123, 130), untouched=(158, 165, 172))


def test_the_width_is_the_quantile_of_the_errors_of_all_origins() -> None:
    # Errors 1 to 9 of a level of 10: the 8th of 9 is the quantile, as 0.8 x 10 = 8.
    series = np.array([10.0] * 5 + [11, 12, 13, 14, 15, 16, 17, 18, 19])
    share = interval_share(series, np.full((1, 9), 10.0), cuts=(5,))
    assert share == 0.8
    low, high = interval(np.array([10.0, 4.0]), share=share, level=np.array([7.0]))
    assert (low.tolist(), high.tolist()) == ([pytest.approx(4.4), 0.0], pytest.approx([15.6, 9.6]))


def test_days_without_sales_are_inside_where_they_are_as_common_as_that() -> None:
    series = np.array([1.0, 1.0, *[0.0] * 9, 9.0])
    expected = np.full((1, 10), 0.3)
    share = interval_share(series, expected, cuts=(2,))
    low, _ = interval(expected, share=share, level=expected.mean(axis=1, keepdims=True))
    assert (low == 0.0).all()


def test_nothing_was_ever_expected_of_a_series_without_an_interval() -> None:
    assert np.isnan(interval_share(np.zeros(20), np.zeros((1, 5)), cuts=(15,)))


def _daily(values: Sequence[float], **named: str) -> pd.DataFrame:
    """Rows of a series that ends on the day before the as-of day."""
    days = pd.date_range(end=pd.Timestamp(AS_OF - timedelta(1)), periods=len(values))
    key = {"measure": "revenue", "level": "all", "series": "all"} | named
    return pd.DataFrame({**key, "day": days.date, "value": values, "price": 1.0})


def _rising(days: int = 0, *, seed: int = 1) -> list[float]:
    """Sales that no week repeats: level 100, noise 10."""
    number = days or SETTINGS.needed_days
    return [float(value) for value in np.random.default_rng(seed).normal(100, 10, number)]


def _forecast(*series: pd.DataFrame, settings: ForecastSettings = SETTINGS) -> SalesForecast:
    panel = panel_of(pd.concat(series), as_of=AS_OF)
    return forecast_panel(panel, calendar=Calendar(), settings=settings, seed=1)


def _reasons(found: SalesForecast) -> dict[str, str | None]:
    return {row["series"]: row["reason"] for row in found.backtests}


def test_an_empty_history_forecasts_nothing() -> None:
    found = _forecast(_daily([]))
    assert (found.forecasts, found.backtests) == ([], [])


@pytest.mark.covers("F3", partly="bad series get a row with their reason")
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.0, 2.0, 3.0], "too short: 3 days, the backtest needs 126"),
        ([*_rising()[1:]], "too short: 125 days, the backtest needs 126"),
        ([0.0] * 150, "zero: nothing on any of 150 days"),
        ([*_rising(), -5.0, 3.0], "broken: below zero on 1 of 128 days"),
        (
            [*_rising(80), *[0.0] * 14, *_rising(80)],
            "broken: nothing on 14 days in a row, though most other days have a value",
        ),
        ([*_rising(), *[0.0] * 28], "zero: nothing on the last 28 days"),
        ([1.0] * 10 + [0.0] * 140, "zero: nothing on the last 28 days"),
    ],
    ids=("three points", "a day too few", "zeros", "negative", "gap", "ended", "long ended"),
)
def test_a_series_that_cannot_be_forecast_gets_a_row_with_its_reason(
    values: list[float], reason: str
) -> None:
    found = _forecast(_daily(values))
    assert found.forecasts == []
    (row,) = found.backtests
    assert str(row["reason"]).startswith(reason)
    assert "model" not in row


def test_a_gap_of_less_than_two_weeks_is_a_holiday() -> None:
    found = _forecast(_daily([*_rising(80), *[0.0] * 13, *_rising(80)]))
    assert len(found.forecasts) == 28


def test_nothing_is_invented_for_what_appears_tomorrow() -> None:
    tomorrow = _daily([50.0], level="brand", series="New")
    tomorrow["day"] = AS_OF
    found = _forecast(_daily(_rising()), tomorrow)
    assert {row["series"] for row in found.forecasts} == {"all"}
    assert set(_reasons(found)) == {"all"}


def test_what_is_too_young_counts_among_the_others_so_that_sums_hold() -> None:
    old = _rising()
    young = [20.0] * 40
    total = [*old[:-40], *(a + b for a, b in zip(old[-40:], young, strict=True))]
    found = _forecast(
        _daily(total),
        _daily(old, level="brand", series="Old"),
        _daily(young, level="brand", series="Young"),
    )
    assert str(_reasons(found)["Young"]).startswith("too short: 40 days")
    rows = pd.DataFrame(found.forecasts)
    assert set(rows["series"]) == {"all", "Old", "(other)"}
    sums = rows.groupby(["level", "day"])["expected"].sum().unstack("level")
    assert np.abs(sums["all"] - sums["brand"]).max() < 1e-6
    others = rows[rows["series"] == "(other)"]["expected"]
    assert others.mean() == pytest.approx(20.0, rel=0.3)


def _stub(expected: dict[str, float]) -> Any:
    """Runs models that always expect the same."""

    def run(tasks: Sequence[LocalTask], cuts: Sequence[int], horizon: int) -> list[LocalForecasts]:
        return [
            {name: np.full((len(cuts), horizon), expected[name]) for name in task.names}
            for task in tasks
        ]

    return run


def _forecast_by(expected: dict[str, float], panel: Panel) -> SalesForecast:
    return forecast_panel(
        panel, calendar=Calendar(), settings=SETTINGS, seed=1, run_local=_stub(expected)
    )


@pytest.mark.covers("F3")
@pytest.mark.parametrize(
    ("mean", "theta", "used"), [(120.0, 101.0, THETA), (99.0, 50.0, MEAN), (150.0, 160.0, NAIVE)]
)
def test_the_best_model_of_the_group_is_used_where_it_beats_last_weeks_sales(
    mean: float, theta: float, used: str
) -> None:
    panel = panel_of(_daily(_rising()), as_of=AS_OF)
    found = _forecast_by({NAIVE: 110.0, MEAN: mean, THETA: theta}, panel)
    assert {row["model"] for row in found.forecasts} == {used}
    (row,) = found.backtests
    assert row["mase"] <= row["mase_naive"]
    assert (row["reason"] is None) == (used != NAIVE)


def test_a_model_without_a_number_does_not_compete() -> None:
    panel = panel_of(_daily(_rising()), as_of=AS_OF)
    found = _forecast_by({NAIVE: 110.0, MEAN: 101.0, THETA: float("nan")}, panel)
    assert {row["model"] for row in found.forecasts} == {MEAN}


@pytest.mark.covers("F3")
def test_a_series_that_its_groups_model_fails_on_later_days_says_so() -> None:
    # Two series of a group, whose sum of errors chooses: theta is right for the first one alone.
    near = _daily(_rising(), level="brand", series="near")
    far = _daily([*_rising()[:-49], *(value + 60 for value in _rising()[-49:])], level="brand", series="far")  # fmt: skip
    panel = panel_of(pd.concat([near, far]), as_of=AS_OF)
    found = _forecast_by({NAIVE: 130.0, MEAN: 190.0, THETA: 101.0}, panel)
    models = {row["series"]: row["model"] for row in found.backtests}
    assert models == {"near": THETA, "far": NAIVE}
    assert {row["group_model"] for row in found.backtests} == {THETA}
    reason = str(_reasons(found)["far"])
    assert reason.startswith("optimised theta, the best of its group, does not beat it on")


def test_a_series_without_a_scale_is_forecast_by_last_weeks_sales() -> None:
    found = _forecast(_daily([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0] * 20))
    (row,) = found.backtests
    assert (row["model"], row["mase"], row["mase_naive"]) == (NAIVE, None, None)
    assert "there is no scale" in row["reason"]
    assert [day["expected"] for day in found.forecasts[:7]] == [1, 2, 3, 4, 5, 6, 7]


def test_croston_competes_where_sales_are_intermittent() -> None:
    settings = replace(SETTINGS, models=[NAIVE, ETS, CROSTON])
    rare = [float(value) for value in np.random.default_rng(2).binomial(1, 0.3, 130)]
    found = _forecast(
        _daily(_rising(130)), _daily(rare, measure="units", series="all"), settings=settings
    )
    candidates = {row["measure"]: set(row["errors"]) for row in found.backtests}
    assert candidates == {"revenue": {NAIVE, ETS}, "units": {NAIVE, ETS, CROSTON}}


def test_the_combination_is_the_mean_of_its_parts() -> None:
    settings = replace(SETTINGS, models=[NAIVE, MEAN, THETA, COMBINED])
    panel = panel_of(_daily(_rising()), as_of=AS_OF)
    stub = _stub({NAIVE: 150.0, MEAN: 120.0, THETA: 82.0})
    found = forecast_panel(panel, calendar=Calendar(), settings=settings, seed=1, run_local=stub)
    assert {(row["model"], row["expected"]) for row in found.forecasts} == {(COMBINED, 101.0)}


def test_an_unknown_model_is_refused_and_so_is_a_competition_without_last_weeks_sales() -> None:
    with pytest.raises(ConfigError, match=r"unknown model\n.*prophet"):
        _forecast(_daily(_rising()), settings=replace(SETTINGS, models=[NAIVE, "prophet"]))
    with pytest.raises(ConfigError, match="lacks seasonal naive"):
        _forecast(_daily(_rising()), settings=replace(SETTINGS, models=[THETA]))


def test_no_forecast_changes_when_later_days_do() -> None:
    values = _rising(160)
    known = panel_of(_daily(values).assign(day=lambda rows: rows["day"] - timedelta(20)), as_of=AS_OF)  # fmt: skip
    as_of = AS_OF - timedelta(20)
    early = panel_of(_daily(values[:140]).assign(day=lambda rows: rows["day"] - timedelta(20)), as_of=as_of)  # fmt: skip
    cut = panel_of(_daily(values), as_of=as_of)
    assert known.as_of == AS_OF
    np.testing.assert_array_equal(cut.values[0], np.array(values[:140]))
    assert early.values.shape == cut.values.shape
