"""When a model is replaced: the reason to train a challenger, and the gate it has to pass."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of a grouping over today's customers.

    Args:
        silhouette: mean silhouette, squared Euclidean.
        stability: mean adjusted Rand index of the starts with the best of them.
        smallest_share: share of the smallest group.
    """

    silhouette: float
    stability: float
    smallest_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a challenger has to reach.

    Args:
        min_stability: least stability.
        min_share: least share of the smallest group.
        silhouette_slack: how far the silhouette may lie below the champion's.
    """

    min_stability: float
    min_share: float
    silhouette_slack: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger becomes the champion, and why."""

    is_promoted: bool
    reasons: tuple[str, ...]


def age_or_drift_reason(
    *,
    age_days: int,
    feature_drift: Mapping[str, float],
    group_drift: float,
    retrain_days: int,
    drift_limit: float,
) -> str | None:
    """Why a model has to be trained again, in words; None if it continues.

    Args:
        age_days: days since its training.
        feature_drift: population stability index of each input since then.
        group_drift: the same of the groups' shares.
        retrain_days: how long a model serves.
        drift_limit: index above which a model is trained again.
    """
    if age_days >= retrain_days:
        return f"age: {age_days} days"
    worst = max(feature_drift, key=lambda name: feature_drift[name])
    if feature_drift[worst] > drift_limit:
        return f"drift of {worst}: {feature_drift[worst]:.2f}"
    if group_drift > drift_limit:
        return f"drift of the groups' shares: {group_drift:.2f}"
    return None


def missed_limits(stability: float, smallest_share: float, *, limits: Limits) -> list[str]:
    """The limits that a grouping misses, in words.

    Args:
        stability: mean adjusted Rand index of the starts with the best of them.
        smallest_share: share of the smallest group.
        limits: what it has to reach.
    """
    misses = []
    if stability < limits.min_stability:
        misses.append(f"its starts agree by {stability:.2f}, less than {limits.min_stability:.2f}")
    if smallest_share < limits.min_share:
        misses.append(
            f"its smallest group holds {smallest_share:.1%}, less than {limits.min_share:.1%}"
        )
    return misses


def promotion_verdict(champion: Quality | None, challenger: Quality, *, limits: Limits) -> Verdict:
    """Whether a new model replaces the one in force.

    The limits of stability and size hold also where there is no model to compare with.

    Args:
        champion: the model in force, over the same customers and inputs; None if there is none or
            if it compares other inputs.
        challenger: the new model.
        limits: what the challenger has to reach.
    """
    misses = missed_limits(challenger.stability, challenger.smallest_share, limits=limits)
    if champion is None:
        return Verdict(not misses, tuple(misses) or ("there is none to compare with",))
    if challenger.silhouette < champion.silhouette - limits.silhouette_slack:
        misses.append(
            f"its silhouette {challenger.silhouette:.3f} is below the champion's "
            f"{champion.silhouette:.3f}"
        )
    if misses:
        return Verdict(False, tuple(misses))
    passed = (
        f"silhouette {challenger.silhouette:.3f} against {champion.silhouette:.3f}, no limit missed"
    )
    return Verdict(True, (passed,))
