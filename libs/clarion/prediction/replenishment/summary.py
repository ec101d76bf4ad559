"""What the job says of its run, and the rows of its calibration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from clarion.prediction.replenishment.calibration import (
    Calibration,
    Judgement,
    fit_calibration,
    judge,
    log_loss,
)
from clarion.prediction.replenishment.model import CategoryGaps
from clarion.prediction.replenishment.settings import ReplenishSettings


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the outcomes after the earlier cut decide.

    Args:
        gap_shape: the one that predicts best.
        calibrations: by horizon.
        judgements: by horizon.
    """

    gap_shape: float
    calibrations: Mapping[int, Calibration]
    judgements: Mapping[int, Judgement]


def calibrate(
    counts: pd.DataFrame, *, horizons: tuple[int, ...], settings: ReplenishSettings
) -> Calibrated:
    """The gap shape that predicts best, and the calibration of each horizon with it.

    Both are chosen on one half of the customers, and judged on the other. The shape is that of the
    lowest log loss at the longest horizon; 1 without outcomes.

    Args:
        counts: as `calibration.outcomes` counts them.
        horizons: days.
        settings: least counts.
    """
    least = settings.min_calibration
    is_calibration = counts["is_calibration"].astype(bool)
    chosen, judged = counts[is_calibration], counts[~is_calibration]
    at_longest = chosen[chosen["horizon_days"] == max(horizons)]
    losses = {}
    for shape in sorted(set(at_longest["gap_shape"].tolist())):
        rows = at_longest[at_longest["gap_shape"] == shape]
        losses[shape] = log_loss(rows, fit_calibration(rows, min_outcomes=least))
    best = min(losses, key=lambda shape: (losses[shape], shape)) if losses else 1.0
    calibrations, judgements = {}, {}
    for days in horizons:
        rows, others = (
            half[(half["horizon_days"] == days) & (half["gap_shape"] == best)]
            for half in (chosen, judged)
        )
        calibrations[days] = fit_calibration(rows, min_outcomes=least)
        judgements[days] = judge(others, calibrations[days])
    return Calibrated(best, calibrations, judgements)


def notes(categories: Iterable[CategoryGaps], calibrated: Calibrated) -> list[str]:
    """How many categories are repeated and why others are not, and how good predictions were."""
    all_of_them = list(categories)
    refused = [one for one in all_of_them if one.reason]
    if not all_of_them:
        return ["nobody is reminded: there is no purchase of a product with a category"]
    repeated = len(all_of_them) - len(refused)
    texts = [f"{repeated} of {len(all_of_them)} categories are repeated"]
    if refused:
        # The one with the most buyers is what a reader will miss.
        largest = max(refused, key=lambda one: (one.buyers, one.category))
        texts[0] += f"; not {largest.category}: {largest.reason}"
    for days, judged in calibrated.judgements.items():
        reason = calibrated.calibrations[days].reason
        if reason and repeated:
            texts.append(f"within {days} days: not calibrated: {reason}")
        if judged.auc is not None and judged.top_lift is not None:
            texts.append(
                f"within {days} days: AUC {judged.auc:.3f} on {judged.pairs} pairs, of which "
                f"{judged.bought / judged.pairs:.1%} bought; lift of the top tenth "
                f"{judged.top_lift:.2f}"
            )
    return texts


def calibration_rows(
    judgements: Mapping[int, Judgement], *, as_of: date, fitted_before: date
) -> list[tuple[Any, ...]]:
    """REPLENISHMENT_CALIBRATION.

    Args:
        judgements: by horizon.
        as_of: first day that does not count.
        fitted_before: the day of the predictions.
    """
    rows = []
    for days, judged in judgements.items():
        for decile, pairs, predicted, share in judged.deciles.itertuples(index=False):
            rows.append((as_of, days, int(decile), pairs, predicted, share, fitted_before))
    return rows
