"""Which categories are bought again, and how their gaps vary: fitted on grouped sums."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln, psi, zeta

from clarion.prediction.replenishment.settings import ReplenishSettings

Array = NDArray[np.float64]
# 1 is a purchase at random. Above it gaps are regular. Below it purchases come in bursts, or the
# longer a customer is silent, the less they will come.
GAP_SHAPES = (0.5, 0.75, 1.0, 1.4, 2.0)
RATES = "category string, gap_shape double, rate_shape double, rate_scale double"
# Of the logarithms of r and alpha.
_BOUNDS = (np.array([-4.0, -6.0]), np.array([6.0, 20.0]))
_MOST_STEPS = 100
_TOLERANCE = 1e-6  # gain in log-likelihood of the category that gains most


@dataclass(frozen=True, slots=True)
class CategoryGaps:
    """How a category is bought again.

    Args:
        category: its name.
        buyers: customers who bought it.
        repeaters: those of them who did on a second day.
        regularity: the most likely gap shape; none without a fit.
        rates: r and alpha of the customers' rates, by gap shape; empty without a fit.
        reason: why nobody is reminded of it; none where it is repeated.
    """

    category: str
    buyers: int
    repeaters: int
    regularity: float | None = None
    rates: Mapping[float, tuple[float, float]] = field(default_factory=dict)
    reason: str | None = None

    @property
    def repeat_share(self) -> float:
        """Share of the buyers who bought on a second day."""
        return self.repeaters / self.buyers


@dataclass(frozen=True, slots=True)
class GapSums:
    """Grouped pairs of customer and category, for one gap shape.

    Args:
        category: index of the category, shape (n,).
        weight: pairs of the group, shape (n,).
        repeats: purchases after the first, of one pair, shape (n,).
        exposure: Σ gap^k + s^k of one pair, shape (n,).
        categories: number of categories.
    """

    category: NDArray[np.intp]
    weight: Array
    repeats: Array
    exposure: Array
    categories: int

    @classmethod
    def of(cls, rows: pd.DataFrame, categories: "pd.Index[str]") -> "GapSums":
        """The rows of a frame."""
        weight, repeats, exposure = (
            rows[name].to_numpy("float64") for name in ("weight", "repeats", "exposure")
        )
        index = categories.get_indexer(pd.Index(rows["category"]))
        return cls(index, weight, repeats, exposure, len(categories))

    def total(self, values: Array) -> Array:
        """Sums by category."""
        return np.bincount(self.category, values, self.categories).astype(np.float64)

    def log_likelihood(self, theta: Array) -> Array:
        """By category, for the logarithms of r and alpha, shape (categories, 2)."""
        r, alpha = np.exp(theta[self.category]).T
        each = (
            gammaln(r + self.repeats)
            - gammaln(r)
            + r * np.log(alpha)
            - (r + self.repeats) * np.log(alpha + self.exposure)
        )
        return self.total(self.weight * each)

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """The slope, shape (categories, 2), and curvature, (categories, 2, 2), of the same."""
        r, alpha = np.exp(theta[self.category]).T
        n, whole = r + self.repeats, alpha + self.exposure
        by_r = r * (psi(n) - psi(r) + np.log(alpha / whole))
        by_alpha = r - n * alpha / whole
        # The trigamma function is Hurwitz' zeta function at 2.
        twice_r = by_r + r**2 * (zeta(2, n) - zeta(2, r))
        twice_alpha = -n * alpha * self.exposure / whole**2
        mixed = r * self.exposure / whole
        slope = [self.total(self.weight * one) for one in (by_r, by_alpha)]
        second = [self.total(self.weight * one) for one in (twice_r, mixed, mixed, twice_alpha)]
        return np.column_stack(slope), np.column_stack(second).reshape(-1, 2, 2)


def fit_categories(
    grouped: pd.DataFrame, *, settings: ReplenishSettings
) -> tuple[CategoryGaps, ...]:
    """The gaps of each category, by maximum likelihood, or why it is not repeated.

    Of one customer, gap^k is exponential with rate λ; over customers λ ~ gamma(r, alpha). With n
    gaps, silent for s days since, the log-likelihood of a customer is

        n ln k + (k − 1) Σ ln gap + lnΓ(r + n) − lnΓ(r) + r ln alpha
        − (r + n) ln(alpha + Σ gap^k + s^k)

    With k = 1 it is that of the gamma–Poisson model. Customers who bought once count: they are
    silent. r and alpha are fitted for each k of `GAP_SHAPES`.

    Args:
        grouped: as `gaps.grouped_gaps` returns them.
        settings: which categories are repeated.

    Returns:
        One entry per category, in order of their names.
    """
    counted = [_count(str(name), rows, settings) for name, rows in grouped.groupby("category")]
    to_fit = pd.Index([one.category for one in counted if one.reason is None])
    if to_fit.empty:
        return tuple(counted)
    likelihood = np.empty((len(GAP_SHAPES), len(to_fit)))
    theta = np.empty((len(GAP_SHAPES), len(to_fit), 2))
    for index, shape in enumerate(GAP_SHAPES):
        rows = grouped[(grouped["shape"] == shape) & grouped["category"].isin(to_fit)]
        sums = GapSums.of(rows, to_fit)
        theta[index], values = _most_likely(sums)
        repeats = np.bincount(sums.category, sums.weight * sums.repeats, len(to_fit))
        log_gaps = np.bincount(sums.category, rows["log_gaps"].to_numpy("float64"), len(to_fit))
        likelihood[index] = values + repeats * math.log(shape) + (shape - 1) * log_gaps
    best = [GAP_SHAPES[index] for index in likelihood.argmax(axis=0)]
    place_of = {name: place for place, name in enumerate(to_fit)}
    return tuple(
        one
        if one.reason
        else _with_fit(
            one, best[place_of[one.category]], theta[:, place_of[one.category]], settings=settings
        )
        for one in counted
    )


def _count(name: str, rows: pd.DataFrame, settings: ReplenishSettings) -> CategoryGaps:
    """A category with its buyers, and the reason if there are too few of any kind."""
    of_one = rows[rows["shape"] == GAP_SHAPES[0]]
    buyers = int(of_one["weight"].sum())
    repeaters = int(of_one.loc[of_one["repeats"] > 0, "weight"].sum())
    days = int(of_one["age"].max())
    reason = None
    if days < settings.min_history_days:
        reason = f"first bought {days} days before, {settings.min_history_days} are needed"
    elif buyers < settings.min_buyers:
        reason = f"{buyers} buyers, {settings.min_buyers} are needed"
    elif repeaters < settings.min_repeat_share * buyers:
        reason = (
            f"{repeaters / buyers:.0%} of {buyers} buyers bought again, "
            f"{settings.min_repeat_share:.0%} are needed"
        )
    return CategoryGaps(name, buyers, repeaters, reason=reason)


def _with_fit(
    one: CategoryGaps, regularity: float, theta: Array, *, settings: ReplenishSettings
) -> CategoryGaps:
    """A category with its rates, and the reason if it is bought in bursts."""
    reason = None
    if regularity < settings.min_gap_shape:
        reason = f"bought in bursts: gap shape {regularity}, {settings.min_gap_shape} is needed"
    rates = {
        shape: (float(r), float(alpha))
        for shape, (r, alpha) in zip(GAP_SHAPES, np.exp(theta), strict=True)
    }
    return replace(one, regularity=regularity, rates=rates, reason=reason)


def _most_likely(sums: GapSums) -> tuple[Array, Array]:
    """The logarithms of r and alpha of each category, and the log-likelihood there.

    Newton's method for all categories at once. A step that does not help a category is damped the
    next time, and one that helps is trusted more.
    """
    exposure = sums.total(sums.weight * sums.exposure)
    rate = np.maximum(sums.total(sums.weight * sums.repeats), 0.5) / exposure
    theta = np.clip(np.column_stack([np.zeros_like(rate), -np.log(rate)]), *_BOUNDS)
    value = sums.log_likelihood(theta)
    damping = np.ones_like(rate)
    for _ in range(_MOST_STEPS):
        slope, curvature = sums.derivatives(theta)
        steepest = np.abs(curvature[:, [0, 1], [0, 1]]).max(axis=1)
        damped = -curvature + (damping * steepest + 1e-12)[:, None, None] * np.eye(2)
        is_safe = np.linalg.eigvalsh(damped)[:, 0] > 0
        damped[~is_safe] = (steepest[~is_safe] + 1e-12)[:, None, None] * np.eye(2)
        step = np.clip(np.linalg.solve(damped, slope[:, :, None])[:, :, 0], -2.0, 2.0)
        moved = np.clip(theta + step, *_BOUNDS)
        value_there = sums.log_likelihood(moved)
        helps = value_there >= value
        gained = float(np.max(np.where(helps, value_there - value, np.inf)))
        theta[helps], value[helps] = moved[helps], value_there[helps]
        damping = np.where(helps, damping / 10, damping * 10)
        if gained < _TOLERANCE:
            break
    return theta, value


def rate_rows(categories: Iterable[CategoryGaps]) -> list[tuple[str, float, float, float]]:
    """category, gap_shape, rate_shape, rate_scale of the repeated categories, for each shape."""
    return [
        (one.category, shape, *one.rates[shape])
        for one in categories
        if one.reason is None
        for shape in GAP_SHAPES
    ]


def category_rows(
    categories: Iterable[CategoryGaps], *, gap_shape: float, as_of: date, fitted_before: date
) -> list[tuple[Any, ...]]:
    """REPLENISHMENT_CATEGORIES.

    Args:
        categories: as `fit_categories` returns them.
        gap_shape: the one that predicts best.
        as_of: first day that does not count.
        fitted_before: the cut at which they were fitted.
    """
    rows = []
    for one in categories:
        r, alpha = one.rates.get(gap_shape, (None, None))
        is_repeated = one.reason is None
        of_buyers = (one.category, one.buyers, one.repeat_share, is_repeated, one.reason)
        of_gaps = (one.regularity, gap_shape, r, alpha)
        rows.append((as_of, *of_buyers, *of_gaps, fitted_before))
    return rows
