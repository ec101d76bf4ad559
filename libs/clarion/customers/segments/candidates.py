"""The choice of the number of groups: several starts for each k on a sample in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clarion.customers.segments import metrics
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.seeds import derive

TOLERANCE = 1e-5  # a start ends when no centre moves farther


@dataclass(frozen=True, slots=True)
class Candidate:
    """The quality of the best grouping with k groups.

    Args:
        k: number of groups.
        inertia: sum of squared distances of each point to its group's centre.
        silhouette: mean silhouette, squared Euclidean; 0 for a single group.
        stability: mean adjusted Rand index of the other starts with the best one.
        smallest_share: share of the smallest group; 0 if a group is empty.
    """

    k: int
    inertia: float
    silhouette: float
    stability: float
    smallest_share: float


@dataclass(frozen=True, slots=True)
class _Start:
    """The result of one start: each point's group, the centres, and the minimised loss."""

    labels: metrics.Labels
    centres: metrics.Array
    loss: float


def best_start(
    points: metrics.Array, k: int, *, settings: SegmentSettings, seed: int
) -> tuple[Candidate, metrics.Array]:
    """The best of several starts for one k, and its centres.

    The starts run in memory: a start of Spark takes a second however few the customers are, and
    there are `seeds` of them for each k.

    Args:
        points: scaled features, shape (n, d).
        k: number of groups.
        settings: model and number of starts.
        seed: seed of the fit.

    Returns:
        The candidate and the best centres, shape (k, d).
    """
    from sklearn.metrics import adjusted_rand_score

    starts = [
        _run_start(points, k, settings=settings, seed=derive(seed, "segment", str(k), str(number)))
        for number in range(settings.seeds)
    ]
    best = min(starts, key=lambda start: start.loss)
    agreements = [
        float(adjusted_rand_score(best.labels, start.labels))
        for start in starts
        if start is not best
    ]
    stability = float(np.mean(agreements)) if agreements else 1.0
    return measure(points, best.labels, best.centres, k=k, stability=stability), best.centres


def measure(
    points: metrics.Array,
    labels: metrics.Labels,
    centres: metrics.Array,
    *,
    k: int,
    stability: float,
) -> Candidate:
    """The quality of one grouping.

    Args:
        points: scaled features, shape (n, d).
        labels: group of each point, shape (n,).
        centres: centre of each group, shape (k, d).
        k: number of groups asked for.
        stability: agreement of the starts.
    """
    groups, sizes = np.unique(labels, return_counts=True)
    return Candidate(
        k=k,
        inertia=metrics.inertia_of(points, labels, centres),
        silhouette=metrics.silhouette(points, labels) if len(groups) > 1 else 0.0,
        stability=stability,
        smallest_share=float(sizes.min() / len(points)) if len(groups) == k else 0.0,
    )


def choose(candidates: Sequence[Candidate], *, settings: SegmentSettings) -> Candidate:
    """The candidate to use: the largest stable k whose silhouette is close to the best.

    Candidates with a tiny group are left out, unless all have one. If no candidate is stable, the
    most stable one is chosen.

    Args:
        candidates: one per k.
        settings: smallest share, least stability, slack of the silhouette.
    """
    large_enough = [item for item in candidates if item.smallest_share >= settings.min_share]
    eligible = large_enough or list(candidates)
    stable = [item for item in eligible if item.stability >= settings.min_stability]
    if not stable:
        return max(eligible, key=lambda item: (item.stability, -item.k))
    best = max(item.silhouette for item in stable)
    close = [item for item in stable if item.silhouette >= best - settings.silhouette_slack]
    return max(close, key=lambda item: item.k)


def _run_start(points: metrics.Array, k: int, *, settings: SegmentSettings, seed: int) -> _Start:
    from sklearn import cluster, mixture  # a second: only this job pays

    if settings.algorithm == "mixture":
        gaussians = mixture.GaussianMixture(
            k, max_iter=max(settings.max_iter, 100), random_state=seed
        ).fit(points)
        return _Start(gaussians.predict(points), gaussians.means_, -float(gaussians.lower_bound_))
    model = cluster.BisectingKMeans if settings.algorithm == "bisecting" else cluster.KMeans
    groups = model(k, n_init=1, max_iter=settings.max_iter, tol=TOLERANCE, random_state=seed).fit(
        points
    )
    return _Start(groups.labels_, groups.cluster_centers_, float(groups.inertia_))
