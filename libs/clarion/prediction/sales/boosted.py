"""One model for many series: gradient boosted trees over lags, the calendar and prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from clarion.prediction.sales.local import SEASON
from clarion.prediction.sales.panel import Array, Panel

_MONTH, _QUARTER, _YEAR = 28, 84, 364  # in whole weeks, so that weekdays meet
_STRIDE = 5  # days between the origins that are learned from; with 7 they would share a weekday
_REDUCED = 0.95  # of the usual price: below it a day counts as promoted
_COLUMNS = 10  # that do not come from the calendar


@dataclass(frozen=True, slots=True)
class Learning:
    """What the trees learn from, beside the series.

    Args:
        calendar: regressors of each day from the first of the panel to the last that is
            forecast, shape (days + horizon, columns).
        horizon: days ahead.
        rows: that are learned from at most.
        seed: of the trees.
    """

    calendar: Array
    horizon: int
    rows: int
    seed: int


@dataclass(frozen=True, slots=True)
class Looks:
    """What is known at some origins about the days ahead.

    Args:
        features: shape (series, origins, horizon, columns).
        base: mean of the weekday in the last four weeks, shape (series, origins, horizon).
        scale: mean of the last four weeks, shape (series, origins).
    """

    features: Array
    base: Array
    scale: Array


def boosted_forecasts(
    panel: Panel, learning: Learning, *, cut: int, origins: Sequence[int]
) -> Array:
    """Forecasts by trees that know the days before `cut`, from origins at or after it.

    The trees learn how a day differs from the mean of its weekday in the four weeks before the
    origin, in units of the mean of all days of those weeks. Series count alike: each is weighed
    by the inverse of its squared error of the seasonal naive model.

    Args:
        panel: all series of a measure.
        learning: calendar, horizon and bounds.
        cut: number of days that are learned from.
        origins: number of days before each forecast.

    Returns:
        Shape (series, origins, horizon); none is below zero.
    """
    inputs, targets, weights = examples(panel, learning, cut=cut)
    seen = looks(panel, learning, origins)
    if len(targets) < _MONTH:
        return np.maximum(np.nan_to_num(seen.base), 0.0)
    is_stated = ~np.isnan(inputs).all(axis=0)
    flat = seen.features.reshape(-1, seen.features.shape[-1])[:, is_stated]
    # One thread: beside other work, several wait for each other many times as long.
    trees = boosted_trees(learning.seed)  # loaded before its threads are limited
    with threadpool_limits(1):
        trees.fit(inputs[:, is_stated], targets, sample_weight=weights)
        change = trees.predict(flat).reshape(seen.base.shape)
    expected = np.nan_to_num(seen.base + change * seen.scale[:, :, None])
    return np.asarray(np.maximum(expected, 0.0))


def boosted_trees(seed: int) -> Any:
    """The regressor of scikit-learn, before it has learned anything."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=100,
        learning_rate=0.06,
        max_leaf_nodes=15,
        max_bins=63,  # with weights, finding bins takes longer than growing trees
        min_samples_leaf=30,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def examples(panel: Panel, learning: Learning, *, cut: int) -> tuple[Array, Array, Array]:
    """Features, targets and weights of days before `cut`, one row for each.

    Args:
        panel: all series.
        learning: calendar, horizon and bounds.
        cut: number of days that are learned from.
    """
    horizon = learning.horizon
    per_origin = max(len(panel.keys) * horizon, 1)
    stride = max(_STRIDE, -(-cut * per_origin // learning.rows))
    stride += stride % SEASON == 0
    starts = list(range(cut - SEASON, _MONTH - 1, -stride))
    seen = looks(panel, learning, starts)
    ahead = np.array(starts)[:, None] + np.arange(horizon)
    actual = panel.values[:, np.minimum(ahead, cut - 1)]
    actual = np.where(ahead < cut, actual, np.nan)  # the days from the cut on are not known
    scale = np.where(seen.scale > 0, seen.scale, np.nan)
    target = (actual - seen.base) / scale[:, :, None]
    steps = panel.values[:, SEASON:cut] - panel.values[:, : cut - SEASON]
    weight = (scale / np.maximum(_mean(steps**2, axis=1), 1e-12)[:, None] ** 0.5) ** 2
    is_usable = ~np.isnan(target)
    columns = seen.features.shape[-1]
    weights = np.broadcast_to(weight[:, :, None], target.shape)[is_usable]
    inputs = seen.features.reshape(-1, columns)[is_usable.reshape(-1)]
    return inputs, target[is_usable], weights


def looks(panel: Panel, learning: Learning, cuts: Sequence[int]) -> Looks:
    """What is known at some origins about the days ahead.

    Args:
        panel: all series.
        learning: calendar and horizon.
        cuts: number of days before each origin.
    """
    shape = (len(panel.keys), len(cuts), learning.horizon)
    features = np.full((*shape, _COLUMNS + learning.calendar.shape[1]), np.nan)
    base = np.full(shape, np.nan)
    scale = np.full(shape[:2], np.nan)
    ahead = np.arange(learning.horizon)
    measures = sorted({key.measure for key in panel.keys})
    measure = np.array([measures.index(key.measure) for key in panel.keys], dtype=np.float64)
    for index, cut in enumerate(cuts):
        month = panel.values[:, max(cut - _MONTH, 0) : cut]
        week = month[:, -SEASON:]
        weekdays = _mean(month.reshape(len(month), -1, SEASON), axis=1)
        scale[:, index] = _mean(month, axis=1)
        base[:, index] = weekdays[:, ahead % SEASON]
        safe = np.where(scale[:, index] > 0, scale[:, index], np.nan)
        quarter = panel.values[:, max(cut - _QUARTER, 0) : cut]
        prices = panel.prices[:, max(cut - _QUARTER, 0) : cut]
        usual = _mean(prices, axis=1)
        of_series = (
            measure,
            _mean(week, axis=1) / safe,
            _mean(quarter, axis=1) / safe,
            _mean((month > 0).astype(np.float64), axis=1),
            _mean(prices[:, -SEASON:], axis=1) / usual,
            _share_reduced(prices[:, -SEASON:], usual),
        )
        for column, values in enumerate(of_series):
            features[:, index, :, column] = values[:, None]
        features[:, index, :, 6] = week[:, ahead % SEASON] / safe[:, None]
        features[:, index, :, 7] = base[:, index] / safe[:, None]
        features[:, index, :, 8] = ahead
        features[:, index, :, 9] = _a_year_ago(panel.values, cut, learning.horizon)
        features[:, index, :, _COLUMNS:] = learning.calendar[cut + ahead]
    return Looks(features, base, scale)


def _a_year_ago(values: Array, cut: int, horizon: int) -> Array:
    """Each day ahead a year ago, in units of the four weeks that were before then."""
    origin = cut - _YEAR
    if origin < _MONTH:
        return np.full((len(values), horizon), np.nan)
    before = _mean(values[:, origin - _MONTH : origin], axis=1)
    days = values[:, origin : origin + horizon]
    return np.asarray(days / np.where(before > 0, before, np.nan)[:, None])


def _share_reduced(prices: Array, usual: Array) -> Array:
    """Share of days on which the price was clearly below the usual one."""
    known = ~np.isnan(prices)
    reduced = known & (np.nan_to_num(prices) < _REDUCED * np.nan_to_num(usual)[:, None])
    share = reduced.sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    return np.asarray(share)


def _mean(values: Array, *, axis: int) -> Array:
    """Mean of what is known; not a number where nothing is."""
    known: npt.NDArray[np.bool_] = ~np.isnan(values)
    number = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.asarray(total / np.where(number > 0, number, np.nan))
