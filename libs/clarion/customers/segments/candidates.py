"""The choice of the number of groups: several starts for each k on a sample in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from clarion.customers.segments import metrics
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.seeds import derive

TOLERANCE = 1e-5  # a start ends when no centre moves farther
_SAME = 1e-4  # results that differ by a smaller part are the same
_ENOUGH = 10  # once so many starts have reached the best result, no more are made


@dataclass(frozen=True, slots=True)
class Candidate:
    """The quality of the best grouping with k groups.

    Args:
        k: number of groups.
        inertia: sum of squared distances of each point to its group's centre.
        silhouette: mean silhouette, squared Euclidean; 0 for a single group.
        stability: mean adjusted Rand index of the other starts with the best one.
        smallest_share: share of the smallest group; 0 if one is empty.
    """

    k: int
    inertia: float
    silhouette: float
    stability: float
    smallest_share: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    Args:
        candidates: the quality of each k, by its first starts.
        chosen: the quality of the best grouping with the chosen k.
        centres: its centres, shape (k, d).
    """

    candidates: tuple[Candidate, ...]
    chosen: Candidate
    centres: metrics.Array


@dataclass(frozen=True, slots=True)
class _Start:
    """The result of one start: each point's group, the centres, and the minimised loss."""

    labels: metrics.Labels
    centres: metrics.Array
    loss: float


def search(
    points: metrics.Array, ks: Sequence[int], *, settings: SegmentSettings, seed: int
) -> Search:
    """The number of groups to use, and the best centres that were found for it.

    Each k has `seeds` starts; their agreement is its stability. The chosen k has more, until its
    best result was reached ten times or `further_starts` were made: where customers lie close
    together, the best of ten starts was 2 % worse than the best of fifty.

    The starts run in memory: one of Spark takes a second however few the customers are.

    Args:
        points: scaled features, shape (n, d).
        ks: numbers of groups.
        settings: model, numbers of starts and limits.
        seed: seed of the fit.
    """
    starts = {
        k: [_run_start(points, k, number, settings, seed) for number in range(settings.seeds)]
        for k in ks
    }
    tried = tuple(_measured(points, k, starts[k]) for k in ks)
    chosen = choose(tried, settings=settings)
    # A grouping with a tiny group is of no use in place of one without.
    least_share = min(chosen.smallest_share, settings.min_share)
    usable = [
        one for one in starts[chosen.k] if _smallest_share(one.labels, chosen.k) >= least_share
    ]
    for number in range(settings.seeds, settings.seeds + settings.further_starts):
        if _times_reached(usable) >= _ENOUGH:
            break
        further = _run_start(points, chosen.k, number, settings, seed)
        if _smallest_share(further.labels, chosen.k) >= least_share:
            usable.append(further)
    best = min(usable, key=_loss)
    found = measure(points, best.labels, best.centres, k=chosen.k, stability=chosen.stability)
    return Search(tried, found, best.centres)


def _measured(points: metrics.Array, k: int, starts: Sequence[_Start]) -> Candidate:
    """The quality of the best of some starts, with the agreement of the others with it."""
    from sklearn.metrics import adjusted_rand_score

    best = min(starts, key=_loss)
    agreements = [
        float(adjusted_rand_score(best.labels, start.labels))
        for start in starts
        if start is not best
    ]
    stability = float(np.mean(agreements)) if agreements else 1.0
    return measure(points, best.labels, best.centres, k=k, stability=stability)


def _smallest_share(labels: metrics.Labels, k: int) -> float:
    """Share of the smallest of k groups; 0 if one is empty."""
    return float(np.bincount(labels, minlength=k).min() / len(labels))


def _loss(start: _Start) -> float:
    return start.loss


def _times_reached(starts: Sequence[_Start]) -> int:
    """How many starts ended within a ten-thousandth of the best."""
    least = min(start.loss for start in starts)
    return sum(start.loss <= least + _SAME * abs(least) for start in starts)


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
    return Candidate(
        k=k,
        inertia=metrics.inertia_of(points, labels, centres),
        silhouette=metrics.silhouette(points, labels) if len(np.unique(labels)) > 1 else 0.0,
        stability=stability,
        smallest_share=_smallest_share(labels, k),
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


def _run_start(
    points: metrics.Array, k: int, number: int, settings: SegmentSettings, seed: int
) -> _Start:
    """The groups of one start, by one thread.

    Beside other work two threads wait for each other: 1,700 customers took 39 ms with two, 7 ms
    with one; on a quiet machine 4.6 and 3.7 ms.
    """
    from sklearn import cluster, mixture  # a second: only this job pays

    own_seed = derive(seed, "segment", str(k), str(number))
    with threadpool_limits(1):
        if settings.algorithm == "mixture":
            gaussians = mixture.GaussianMixture(
                k, max_iter=max(settings.max_iter, 100), random_state=own_seed
            ).fit(points)
            loss = -float(gaussians.lower_bound_)
            return _Start(gaussians.predict(points), gaussians.means_, loss)
        model = cluster.BisectingKMeans if settings.algorithm == "bisecting" else cluster.KMeans
        groups = model(
            k, n_init=1, max_iter=settings.max_iter, tol=TOLERANCE, random_state=own_seed
        ).fit(points)
    return _Start(groups.labels_, groups.cluster_centers_, float(groups.inertia_))
