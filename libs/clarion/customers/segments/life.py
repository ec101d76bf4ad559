"""The life of the group model from day to day: decisions over frozen values, without a lake.

Each day the model in force continues, or a challenger is trained. A challenger that passes the
gate is promoted and its groups continue those of the old model; otherwise the old model continues.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Self

import numpy as np

from clarion.customers.segments import model, succession
from clarion.customers.segments.gate import (
    Quality,
    Verdict,
    age_or_drift_reason,
    promotion_verdict,
)
from clarion.customers.segments.grouped_sample import GroupedSample
from clarion.customers.segments.rows import Group, ModelRow
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.errors import UsageError
from clarion.kernel.ids import digest
from clarion.measures.statistics import drift

# Settings that decide when a model is replaced, not what it is fitted on.
_NOT_OF_THE_FIT = ("retrain_days", "retry_days", "drift_limit", "match_within")


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The model in force before today.

    Args:
        row: its last row of SEGMENT_MODELS.
        groups: its groups, in order of their number.
        sample: today's customers in its groups.
        feature_drift: population stability index of each input since the training.
        group_drift: the same of the groups' shares.
    """

    row: ModelRow
    groups: tuple[Group, ...]
    sample: GroupedSample
    feature_drift: Mapping[str, float]
    group_drift: float

    @classmethod
    def over(cls, row: ModelRow, groups: tuple[Group, ...], sample: GroupedSample) -> Self:
        """The model over today's customers, with the drift since its training."""
        shares = np.array([row.group_shares.get(group.segment_id, 0.0) for group in groups])
        return cls(
            row,
            groups,
            sample,
            sample.drift_since(row.baseline),
            drift.population_stability(shares, sample.shares),
        )


@dataclass(frozen=True, slots=True)
class Continue:
    """The next step: the model in force continues."""

    active: ActiveModel


@dataclass(frozen=True, slots=True)
class Train:
    """The next step: a challenger is trained, for a reason in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Challenger:
    """A model trained today.

    Args:
        reason: why it was trained.
        version: its registered version.
        sample: today's customers in its groups.
        fit_metrics: inertia, stability and variance_kept of the fit.
    """

    reason: str
    version: str
    sample: GroupedSample
    fit_metrics: Mapping[str, float]

    @property
    def quality(self) -> Quality:
        """Its quality over today's customers."""
        return Quality(
            self.sample.silhouette, self.fit_metrics["stability"], self.sample.smallest_share
        )

    @property
    def metrics(self) -> dict[str, float]:
        """What was measured of it."""
        return {**self.fit_metrics, **asdict(self.quality)}


@dataclass(frozen=True, slots=True)
class Trial:
    """A challenger, and whether it replaces the model in force."""

    challenger: Challenger
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ModelDay:
    """What a day records: the model in force and its groups.

    Args:
        row: the model.
        groups: its groups, in order of their number.
        renamed: for each group that has another name from this day on, why, in words.
    """

    row: ModelRow
    groups: tuple[Group, ...]
    renamed: tuple[str, ...] = ()


def settings_hash(settings: SegmentSettings) -> str:
    """Fingerprint of the settings that a model is fitted with."""
    of_the_fit = {
        name: value for name, value in asdict(settings).items() if name not in _NOT_OF_THE_FIT
    }
    return digest(of_the_fit)


def is_provisional(active: ActiveModel, settings: SegmentSettings) -> bool:
    """Whether a model has fewer groups than asked for, because no other met the limits."""
    return active.row.groups < settings.fewest_groups


def next_step(
    active: ActiveModel | None, *, settings: SegmentSettings, as_of: date
) -> Continue | Train:
    """Whether the model in force continues or a challenger is trained.

    Args:
        active: the model in force; None before the first training.
        settings: settings of the groups.
        as_of: today.
    """
    if active is None:
        return Train("no model yet")
    if active.row.settings_hash != settings_hash(settings):
        return Train("other settings")
    age_days = (as_of - active.row.trained_on).days
    if is_provisional(active, settings) and age_days >= settings.retry_days:
        return Train(f"fewer groups than {settings.fewest_groups}: {active.row.groups}")
    reason = age_or_drift_reason(
        age_days=age_days,
        feature_drift=active.feature_drift,
        group_drift=active.group_drift,
        retrain_days=settings.retrain_days,
        drift_limit=settings.drift_limit,
    )
    return Train(reason) if reason else Continue(active)


def judge_challenger(
    active: ActiveModel | None, challenger: Challenger, *, settings: SegmentSettings
) -> Trial:
    """The challenger with the verdict on it.

    Args:
        active: the model in force; None before the first training. One that compares other inputs
            cannot be compared, and one with fewer groups than asked for gives way to more.
        challenger: the model trained today.
        settings: limits of the gate.
    """
    champion = None
    if active is not None and is_provisional(active, settings):
        if challenger.sample.groups <= active.row.groups:
            return Trial(challenger, Verdict(False, ("it has no more groups than the champion",)))
    elif active is not None and active.row.features == _inputs(settings, challenger.sample):
        champion = Quality(active.sample.silhouette, 1.0, active.sample.smallest_share)
    verdict = promotion_verdict(champion, challenger.quality, limits=settings.limits)
    if verdict.is_promoted and challenger.sample.groups < settings.fewest_groups:
        fewer = (
            f"{challenger.sample.groups} of the {settings.fewest_groups} groups asked for: "
            "with more the limits are missed"
        )
        verdict = Verdict(True, (*verdict.reasons, fewer))
    return Trial(challenger, verdict)


def continue_model(active: ActiveModel) -> ModelDay:
    """A day on which the model in force continues, without a challenger."""
    row = replace(
        active.row,
        metrics=_day_metrics(active.sample),
        feature_drift=active.feature_drift,
        group_drift=active.group_drift,
        retired=(),
        retrained_because=None,
        challenger_version=None,
        challenger_metrics=None,
        promoted=False,
        verdict=(),
    )
    return ModelDay(row, active.groups)


def keep_champion(active: ActiveModel | None, trial: Trial) -> ModelDay:
    """A day on which the challenger is rejected and the model in force continues.

    Raises:
        UsageError: there is no model in force.
    """
    if active is None:
        raise UsageError(
            "the first model of groups misses the limits",
            found="; ".join(trial.verdict.reasons),
            fix="train it again: change segment.k, segment.min_share or segment.min_stability",
        )
    day = continue_model(active)
    return ModelDay(_with_trial(day.row, trial), day.groups)


def promote(
    active: ActiveModel | None,
    trial: Trial,
    *,
    settings: SegmentSettings,
    as_of: date,
    highest_number: int,
) -> ModelDay:
    """A day on which the challenger becomes the model in force.

    Args:
        active: the model it replaces; None before the first training.
        trial: the model trained today, and why it is promoted.
        settings: inputs with the words for high and low values, and the largest distance of a
            match.
        as_of: today.
        highest_number: the highest number of a group so far: group names are never used again.
    """
    sample = trial.challenger.sample
    heirs = succession.succeed(
        active.groups if active else (),
        active.sample if active else None,
        sample,
        words=settings.features,
        within=settings.match_within,
        highest_number=highest_number,
    )
    groups = heirs.groups
    shares = {
        group.segment_id: float(share) for group, share in zip(groups, sample.shares, strict=True)
    }
    old_ids = {group.segment_id for group in active.groups} if active else set()
    row = ModelRow(
        model_version=trial.challenger.version,
        trained_on=as_of,
        algorithm=settings.algorithm,
        groups=sample.groups,
        features=_inputs(settings, sample),
        settings_hash=settings_hash(settings),
        metrics=_day_metrics(sample),
        feature_drift={},
        group_drift=None,
        baseline=sample.baseline,
        group_shares=shares,
        retired=tuple(sorted(old_ids - set(shares))),
    )
    return ModelDay(_with_trial(row, trial), groups, heirs.renamed)


def _inputs(settings: SegmentSettings, sample: GroupedSample) -> dict[str, str]:
    """SQL of the inputs that a model uses, by name."""
    if sample.groups == 1:
        return {model.EVERYBODY: model.EVERYBODY_SQL}
    return {name: settings.features[name].sql for name in sample.features}


def _day_metrics(sample: GroupedSample) -> dict[str, float]:
    return {"silhouette": sample.silhouette, "smallest_share": sample.smallest_share}


def _with_trial(row: ModelRow, trial: Trial) -> ModelRow:
    return replace(
        row,
        retrained_because=trial.challenger.reason,
        challenger_version=trial.challenger.version,
        challenger_metrics=trial.challenger.metrics,
        promoted=trial.verdict.is_promoted,
        verdict=trial.verdict.reasons,
    )
