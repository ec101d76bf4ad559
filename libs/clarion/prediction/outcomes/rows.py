"""Rows of gold.prediction_models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from clarion.measures.statistics.intervals import Interval
from clarion.prediction.outcomes.cuts import Cuts
from clarion.prediction.outcomes.fitting import Chosen
from clarion.prediction.outcomes.quality import Quality
from clarion.prediction.outcomes.settings import Label, PredictSettings

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label on a day.

    Args:
        as_of: the day.
        name: the label's name.
        label: the label.
        settings: settings of predictions.
        settings_hash: digest of what a fit of today is made with.
    """

    as_of: date
    name: str
    label: Label
    settings: PredictSettings
    settings_hash: str

    def _common(self, state: str, reason: str) -> Row:
        return {
            "as_of": self.as_of,
            "label": self.name,
            "kind": self.label.kind,
            "horizon_days": self.settings.horizon_of(self.label),
            "threshold": self.label.threshold,
            "state": state,
            "reason": reason,
        }

    def without_model(self, reason: str) -> Row:
        """The row of a label for which nothing acts."""
        nothing: Row = {"cuts": [], "inputs": [], "calibration": [], "candidates": []}
        return {
            **nothing,
            **self._common("none", reason),
            "tried_on": self.as_of,
            "settings_hash": self.settings_hash,
        }

    def trained(
        self, chosen: Chosen, cuts: Cuts, *, version: str, inputs: Sequence[str], reason: str
    ) -> Row:
        """The row of a label for which a new model acts."""
        return {
            **self._common("trained", reason),
            "model": chosen.model,
            "model_version": version,
            "fitted_on": self.as_of,
            "tried_on": self.as_of,
            "settings_hash": self.settings_hash,
            "cuts": list(cuts.days),
            "history_days": float(cuts.history_days),
            "inputs": list(inputs),
            "candidates": list(chosen.compared.items()),
            "explained": chosen.explained,
            **quality_columns(chosen.quality),
        }

    def continued(self, last: Row, *, state: str, reason: str, tried_on: date) -> Row:
        """The row of a label for which the model of an earlier day still acts.

        Args:
            last: the row of that day.
            state: continues or kept.
            reason: why.
            tried_on: day of the last fit.
        """
        of_today = {**self._common(state, reason), "tried_on": tried_on}
        return {**last, **of_today, "settings_hash": self.settings_hash}


def quality_columns(quality: Quality) -> Row:
    """The columns that say how good a model is."""
    return {
        "customers": quality.customers,
        "base_rate": quality.base_rate,
        "loss": quality.loss,
        "base_loss": quality.base_loss,
        "pr_auc": quality.pr_auc,
        "lift": quality.lift,
        "calibration": [
            (item.predicted, item.observed, item.customers) for item in quality.calibration
        ],
        **_interval_columns("auc", quality.auc),
        **_interval_columns("accuracy", quality.accuracy),
        **_interval_columns("precision", quality.precision),
        **_interval_columns("recall", quality.recall),
    }


def _interval_columns(name: str, found: Interval | None) -> Row:
    values = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
