"""What the job says of its run, and the rows of its calibration."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from clarion.prediction.replenishment.calibration import (
    Calibration,
    Judgement,
    fit_calibration,
    judge,
)
from clarion.prediction.replenishment.model import CategoryGaps
from clarion.prediction.replenishment.settings import ReplenishSettings


def calibrate(
    counts: pd.DataFrame, *, horizons: tuple[int, ...], settings: ReplenishSettings
) -> tuple[dict[int, Calibration], dict[int, Judgement]]:
    """The calibration of each horizon on one half of the customers, judged on the other.

    Args:
        counts: as `calibration.outcomes` counts them.
        horizons: days.
        settings: least counts.
    """
    calibrations, judgements = {}, {}
    for days in horizons:
        rows = counts[counts["horizon_days"] == days]
        is_calibration = rows["is_calibration"].astype(bool)
        calibration = fit_calibration(rows[is_calibration], min_outcomes=settings.min_calibration)
        calibrations[days] = calibration
        judgements[days] = judge(rows[~is_calibration], calibration)
    return calibrations, judgements


def notes(
    categories: Iterable[CategoryGaps],
    calibrations: Mapping[int, Calibration],
    judgements: Mapping[int, Judgement],
) -> list[str]:
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
    for days, judged in judgements.items():
        reason = calibrations[days].reason
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
