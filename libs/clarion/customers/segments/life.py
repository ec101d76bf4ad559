"""The life of the group model from day to day: decisions over frozen values, without a lake.

Each day the model in force continues, or a challenger is trained. A challenger that passes the
gate is promoted and its groups continue those of the old model; otherwise the old model continues.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Self

import numpy as np

from clarion.customers.segments import matching, naming
from clarion.customers.segments.gate import (
    Limits,
    Quality,
    Verdict,
    age_or_drift_reason,
    promotion_verdict,
)
from clarion.customers.segments.grouped_sample import GroupedSample
from clarion.customers.segments.matching import Match
from clarion.customers.segments.metrics import Array
from clarion.customers.segments.rows import Group, ModelRow, Trait
from clarion.customers.segments.settings import SegmentSettings
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
    """What a day records: the model in force and its groups."""

    row: ModelRow
    groups: tuple[Group, ...]


def settings_hash(settings: SegmentSettings) -> str:
    """Fingerprint of the settings that a model is fitted with."""
    of_the_fit = {
        name: value for name, value in asdict(settings).items() if name not in _NOT_OF_THE_FIT
    }
    return digest(of_the_fit)


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
    reason = age_or_drift_reason(
        age_days=(as_of - active.row.trained_on).days,
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
            cannot be compared.
        challenger: the model trained today.
        settings: limits of the gate.
    """
    champion = None
    if active is not None and active.row.features == _inputs(settings, challenger.sample):
        champion = Quality(active.sample.silhouette, 1.0, active.sample.smallest_share)
    limits = Limits(
        min_stability=settings.min_stability,
        min_share=settings.min_share,
        silhouette_slack=settings.silhouette_slack,
    )
    return Trial(challenger, promotion_verdict(champion, challenger.quality, limits=limits))


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


def keep_champion(active: ActiveModel, trial: Trial) -> ModelDay:
    """A day on which the challenger is rejected and the model in force continues."""
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
    groups = _successors(active, sample, settings=settings, highest_number=highest_number)
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
    return ModelDay(_with_trial(row, trial), groups)


def _successors(
    active: ActiveModel | None,
    sample: GroupedSample,
    *,
    settings: SegmentSettings,
    highest_number: int,
) -> tuple[Group, ...]:
    """The challenger's groups, each under the id of the old group it continues, or a new id."""
    standardised = sample.standardised
    means = matching.group_means(standardised, sample.labels, sample.groups)
    matches: dict[int, Match] = {}
    if active is not None:
        old_means = matching.group_means(standardised, active.sample.labels, active.sample.groups)
        matches = matching.match_groups(old_means, means, within=settings.match_within)

    old_ids = [group.segment_id for group in active.groups] if active else []
    groups = []
    names = naming.group_names(means.tolist(), sample.features, settings.features)
    for cluster, (name_en, name_zh) in enumerate(names):
        match = matches.get(cluster)
        if match is None:
            highest_number += 1
        groups.append(
            Group(
                cluster=cluster,
                segment_id=old_ids[match.old] if match else f"g{highest_number}",
                state="kept" if match else "new",
                distance=round(match.distance, 9) if match else None,
                name_en=name_en,
                name_zh=name_zh,
                traits=_traits(sample.features, means[cluster]),
            )
        )
    return tuple(groups)


def _traits(features: tuple[str, ...], means: Array) -> tuple[Trait, ...]:
    """The inputs of a group, the farthest from the population first."""
    traits = (
        Trait(name, round(float(mean), 6)) for name, mean in zip(features, means, strict=True)
    )
    return tuple(sorted(traits, key=lambda trait: -abs(trait.z)))


def _inputs(settings: SegmentSettings, sample: GroupedSample) -> dict[str, str]:
    """SQL of the inputs that a model uses, by name."""
    return {name: settings.features[name].value for name in sample.features}


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
