"""Which group of a new model is which of the old one, and whether the new model may take the old one's place."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from clarion.customers.segments.metrics import Array, Labels


def group_means(points: Array, labels: Labels, groups: int) -> Array:
    """The mean of each group's points, shape (groups, d); not a number where a group has none."""
    return np.stack(
        [
            points[labels == group].mean(0)
            if (labels == group).any()
            else np.full(points.shape[1], np.nan)
            for group in range(groups)
        ]
    )


@dataclass(frozen=True, slots=True)
class Match:
    """A group of a new model that is one of the old: its number there, and how far apart they lie."""

    old: int
    distance: float


def match_groups(old: Array, new: Array, *, within: float) -> dict[int, Match]:
    """The groups of a new model that go on from the old one's, one to one, so that the sum of distances is least (Hungarian method).

    Args:
        old: means of the old model's groups over today's customers, standardised, shape (k, d).
        new: the same of the new model's, over the same customers.
        within: root mean square of the gaps, in deviations, beyond which a group is another.

    Returns:
        By number of the new group; one that is missing is new, an old one that nothing matches is retired.
    """
    gaps = np.sqrt(((new[:, None, :] - old[None, :, :]) ** 2).mean(2))
    far = 1e6
    rows, columns = linear_sum_assignment(np.where(np.isnan(gaps) | (gaps > within), far, gaps))
    return {
        int(row): Match(int(column), float(gaps[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if gaps[row, column] <= within
    }


def retrain_reason(
    age_days: int,
    feature_drift: Mapping[str, float],
    group_drift: float,
    *,
    retrain_days: int,
    limit: float,
) -> str | None:
    """Why a model is to be trained anew, in words; None where it goes on.

    Args:
        age_days: days since its training.
        feature_drift: population stability index of each feature since then.
        group_drift: the same of the groups' shares.
        retrain_days: how long a model serves.
        limit: index from which something has moved too far.
    """
    if age_days >= retrain_days:
        return f"age: {age_days} days"
    worst = max(feature_drift, key=lambda name: feature_drift[name])
    if feature_drift[worst] > limit:
        return f"drift of {worst}: {feature_drift[worst]:.2f}"
    return f"drift of the groups' shares: {group_drift:.2f}" if group_drift > limit else None


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a grouping is, over today's customers.

    Args:
        silhouette: mean silhouette, squared Euclidean.
        stability: mean adjusted Rand of the starts with the best of them.
        smallest_share: share of the smallest group.
    """

    silhouette: float
    stability: float
    smallest_share: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger becomes the champion, and why."""

    promoted: bool
    reasons: tuple[str, ...]


def promotion_verdict(
    champion: Quality | None, challenger: Quality, *, limits: Mapping[str, float]
) -> Verdict:
    """The gate between a new model and the place of the old one.

    Args:
        champion: the model in force, over the same customers and features; None where there is none, or it compares others.
        challenger: the new one.
        limits: min_stability, min_share, silhouette_slack.
    """
    misses = []
    if challenger.stability < limits["min_stability"]:
        misses.append(
            f"its starts agree by {challenger.stability:.2f}, less than {limits['min_stability']:.2f}"
        )
    if challenger.smallest_share < limits["min_share"]:
        misses.append(
            f"its smallest group holds {challenger.smallest_share:.1%}, less than {limits['min_share']:.1%}"
        )
    if champion is None:
        return Verdict(True, ("there is none to compare with", *misses))
    if challenger.silhouette < champion.silhouette - limits["silhouette_slack"]:
        misses.append(
            f"its silhouette {challenger.silhouette:.3f} is below the champion's {champion.silhouette:.3f}"
        )
    return Verdict(
        not misses,
        tuple(misses)
        or (
            f"silhouette {challenger.silhouette:.3f} against {champion.silhouette:.3f}, no limit missed",
        ),
    )
