"""Probabilities as they came true: Platt's calibration, on counts."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.special import expit

from clarion.measures.columns.buckets import bucket
from clarion.measures.statistics.platt import platt_line

Array = NDArray[np.float64]
_STEP = 0.05  # of the log odds, in which predictions are counted
_LEAST, _MOST = 1e-6, 1 - 1e-6
_DECILES = 10


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log odds of a probability as it came true: intercept + slope · log odds.

    Args:
        intercept: 0 where nothing is corrected.
        slope: 1 where nothing is corrected; never below 0.
        reason: why nothing is corrected; none where it is.
    """

    intercept: float = 0.0
    slope: float = 1.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good predictions were, on customers who took no part in the calibration.

    Args:
        pairs: customers and categories.
        bought: those who bought within the horizon.
        auc: area under the ROC curve, ties half; none where all or none bought.
        top_lift: share that bought in the highest tenth of predictions, over the share of all.
        deciles: predicted and true share by tenth of the predictions, the lowest first.
    """

    pairs: int
    bought: int
    auc: float | None
    top_lift: float | None
    deciles: pd.DataFrame


def calibrated(probability: Column, calibration: Calibration) -> Column:
    """A probability, corrected."""
    within = F.least(F.greatest(probability, F.lit(_LEAST)), F.lit(_MOST))
    log_odds = F.log(within / (1 - within))
    return 1 / (1 + F.exp(-(calibration.intercept + calibration.slope * log_odds)))


def outcomes(scored: DataFrame, *, cut: date, horizons: tuple[int, ...]) -> DataFrame:
    """Counts of what came true after a cut, by step of the predicted log odds.

    Args:
        scored: customer_id, days (numbers of days with a purchase), gap_shape, and
            probability_<h>d for each horizon, as of the cut.
        cut: first day of the horizons.
        horizons: days.

    Returns:
        horizon_days, gap_shape, is_calibration (by a hash of the customer: a half), log_odds (mean
        of the step), pairs, bought.
    """
    by_horizon = [
        F.struct(
            F.lit(days).alias("horizon_days"),
            F.col(f"probability_{days}d").alias("probability"),
            _is_bought(cut, days).alias("is_bought"),
        )
        for days in horizons
    ]
    within = F.least(F.greatest("probability", F.lit(_LEAST)), F.lit(_MOST))
    log_odds = F.log(within / (1 - within))
    is_calibration = bucket("replenish", "customer_id") % 2 == 0
    return (
        scored.select(
            "gap_shape", is_calibration.alias("is_calibration"), F.inline(F.array(*by_horizon))
        )
        .withColumn("log_odds", log_odds)
        .groupBy("horizon_days", "gap_shape", "is_calibration", F.floor(F.col("log_odds") / _STEP))
        .agg(
            F.avg("log_odds").alias("log_odds"),
            F.count("*").alias("pairs"),
            F.count_if("is_bought").alias("bought"),
        )
        .select("horizon_days", "gap_shape", "is_calibration", "log_odds", "pairs", "bought")
    )


def _is_bought(cut: date, days: int) -> Column:
    """Whether there was a purchase on one of so many days from a cut on."""
    first = F.unix_date(F.lit(cut))
    return F.exists("days", lambda day: (day >= first) & (day < first + days))


def fit_calibration(counts: pd.DataFrame, *, min_outcomes: int) -> Calibration:
    """Platt's calibration of one horizon: the most likely intercept and slope.

    Args:
        counts: log_odds, pairs, bought.
        min_outcomes: with fewer purchases, or fewer others, nothing is corrected.
    """
    x, n, k = (counts[name].to_numpy("float64") for name in ("log_odds", "pairs", "bought"))
    bought, not_bought = int(k.sum()), int((n - k).sum())
    if min(bought, not_bought) < min_outcomes:
        return Calibration(
            reason=f"{bought} bought and {not_bought} did not, {min_outcomes} of each are needed"
        )
    return Calibration(*platt_line(x, n, k))


def log_loss(counts: pd.DataFrame, calibration: Calibration) -> float:
    """Minus the log-likelihood of what came true, in all.

    Args:
        counts: log_odds, pairs, bought.
        calibration: corrects the probabilities.
    """
    x, n, k = (counts[name].to_numpy("float64") for name in ("log_odds", "pairs", "bought"))
    margin = calibration.intercept + calibration.slope * x
    return float(np.sum(n * np.logaddexp(0, margin) - k * margin))


def judge(counts: pd.DataFrame, calibration: Calibration) -> Judgement:
    """What predictions of one horizon were worth.

    Args:
        counts: log_odds, pairs, bought, of customers who took no part in the calibration.
        calibration: corrects the probabilities.
    """
    rows = counts.sort_values("log_odds")
    x, n, k = (rows[name].to_numpy("float64") for name in ("log_odds", "pairs", "bought"))
    pairs, bought = n.sum(), k.sum()
    others = n - k
    auc = lift = None
    if bought and bought < pairs:
        below = np.cumsum(others) - others
        auc = float(np.sum(k * (below + others / 2)) / (bought * others.sum()))
    predicted = expit(calibration.intercept + calibration.slope * x)
    # A step that a border of tenths crosses is shared between them.
    ends = np.cumsum(n)
    borders = np.arange(_DECILES + 1) * pairs / _DECILES
    parts = []
    for decile in range(_DECILES):
        low, high = borders[decile], borders[decile + 1]
        inside = np.clip(np.minimum(ends, high) - np.maximum(ends - n, low), 0, None)
        of_step = np.divide(inside, n, out=np.zeros_like(inside), where=n > 0)
        size = inside.sum()
        if size > 0:
            parts.append(
                (decile + 1, size, np.sum(inside * predicted) / size, np.sum(k * of_step) / size)
            )
    deciles = pd.DataFrame(parts, columns=["decile", "pairs", "predicted", "bought_share"])
    if bought:
        lift = float(deciles["bought_share"].iloc[-1] * pairs / bought)
    return Judgement(int(pairs), int(bought), auc, lift, deciles)
