"""The models that compete, against the libraries called directly."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from statsforecast import models

from clarion.measures.calendar import Calendar, Festival
from clarion.prediction.sales.boosted import Learning, boosted_forecasts, examples, looks
from clarion.prediction.sales.local import (
    ADIDA,
    CROSTON,
    ETS,
    IMAPA,
    MEAN,
    NAIVE,
    THETA,
    local_forecasts,
)
from clarion.prediction.sales.panel import Array, Key, Panel

AS_OF = date(2026, 6, 1)
HORIZON = 28
DIRECT: dict[str, Any] = {
    NAIVE: models.SeasonalNaive(season_length=7),
    MEAN: models.SeasonalWindowAverage(season_length=7, window_size=4),
    THETA: models.DynamicOptimizedTheta(season_length=7),
    ETS: models.AutoETS(season_length=7),
    CROSTON: models.CrostonSBA(),
    ADIDA: models.ADIDA(),
    IMAPA: models.IMAPA(),
}


def _weekly(days: int, *, seed: int = 1) -> Array:
    rng = np.random.default_rng(seed)
    week = np.resize([90.0, 80, 85, 95, 120, 160, 140], days)
    return np.asarray(week * rng.gamma(40, 1 / 40, days))


@pytest.mark.covers("F3", partly="values of the models")
@pytest.mark.parametrize("name", DIRECT)
def test_a_forecast_is_the_librarys(name: str) -> None:
    values = _weekly(150)
    if name in (CROSTON, ADIDA, IMAPA):
        values = values * np.random.default_rng(3).binomial(1, 0.3, 150)
    begun_late = np.append([np.nan] * 10, values)
    found = local_forecasts(begun_late, cuts=[120, 160], names=[name], horizon=HORIZON)[name]
    for row, days in enumerate((110, 150)):
        direct = DIRECT[name].forecast(y=values[:days], h=HORIZON)["mean"]
        np.testing.assert_array_equal(found[row], np.maximum(direct, 0.0))


def test_nothing_is_expected_of_a_series_that_has_not_sold_yet() -> None:
    values = np.append(np.zeros(100), 5.0)
    for found in local_forecasts(values, cuts=[100], names=list(DIRECT), horizon=3).values():
        assert (found == 0).all()


@pytest.mark.parametrize("name", DIRECT)
def test_the_same_every_day_is_expected_again(name: str) -> None:
    found = local_forecasts(np.full(100, 5.0), cuts=[100], names=[name], horizon=3)[name]
    assert (found == 5.0).all()


def _panel(*series: Array) -> Panel:
    values = np.stack(series)
    keys = tuple(Key("revenue", "brand", f"b{row}") for row in range(len(series)))
    return Panel(keys, values, np.ones_like(values), AS_OF)


def _learning(panel: Panel, calendar: Calendar, *, rows: int = 100_000) -> Learning:
    days = panel.values.shape[1]
    regressors = calendar.regressors(AS_OF - timedelta(days), days + HORIZON)
    return Learning(calendar=regressors, horizon=HORIZON, rows=rows, seed=7)


def test_the_trees_are_those_of_scikit_learn() -> None:
    panel = _panel(_weekly(150), 3 * _weekly(150, seed=2))
    learning = _learning(panel, Calendar())
    inputs, targets, weights = examples(panel, learning, cut=130)
    stated = ~np.isnan(inputs).all(axis=0)
    trees = HistGradientBoostingRegressor(
        max_iter=100, learning_rate=0.06, max_leaf_nodes=15, max_bins=63, min_samples_leaf=30,
        l2_regularization=1.0, early_stopping=False, random_state=7,
    ).fit(inputs[:, stated], targets, sample_weight=weights)  # fmt: skip
    seen = looks(panel, learning, [140])
    change = trees.predict(seen.features.reshape(-1, inputs.shape[1])[:, stated])
    direct = seen.base + change.reshape(seen.base.shape) * seen.scale[:, :, None]
    found = boosted_forecasts(panel, learning, cut=130, origins=[140])
    np.testing.assert_allclose(found, np.maximum(direct, 0.0), rtol=1e-12)


def test_the_trees_know_no_day_from_their_cut_on() -> None:
    panel = _panel(_weekly(150), 3 * _weekly(150, seed=2))
    other = _panel(*(np.append(row[:120], 1000.0 + row[120:]) for row in panel.values))
    found, changed = (
        boosted_forecasts(given, _learning(given, Calendar()), cut=120, origins=[120])
        for given in (panel, other)
    )
    np.testing.assert_array_equal(found, changed)


def test_a_festival_that_was_seen_is_expected_again() -> None:
    # Sales double on the first two days of each month.
    calendar = Calendar(
        festivals=tuple(
            Festival(name=f"sale {month}", first=f"{month:02d}-01", days=2)
            for month in range(1, 13)
        )
    )
    days = [AS_OF - timedelta(ahead) for ahead in range(300, -HORIZON, -1)]
    factor = np.array([2.0 if day.day <= 2 else 1.0 for day in days])
    whole = [_weekly(len(days), seed=seed) * factor for seed in range(8)]
    panel = _panel(*(series[:300] for series in whole))
    found = boosted_forecasts(panel, _learning(panel, calendar), cut=300, origins=[300])[:, 0]
    actual = np.stack(whole)[:, 300:]
    # June begins on the as-of day: without the calendar its two days would be missed by a half.
    assert np.abs(found[:, :2] / actual[:, :2] - 1).mean() < 0.25
    assert np.abs(found / actual - 1).mean() < 0.2


def test_the_rows_that_are_learned_from_are_bounded() -> None:
    panel = _panel(*(_weekly(300, seed=seed) for seed in range(6)))
    targets = examples(panel, _learning(panel, Calendar(), rows=4000), cut=300)[1]
    assert 2000 < len(targets) <= 4000
