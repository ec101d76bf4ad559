"""How many starts a search for groups makes, and what they find."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans

from clarion.config import Config
from clarion.customers.segments import candidates
from clarion.customers.segments.settings import SegmentSettings

SEEDS, FURTHER = 10, 40


@pytest.fixture
def settings(config: Config) -> SegmentSettings:
    of_base = config.section(SegmentSettings)
    return replace(of_base, algorithm="kmeans", seeds=SEEDS, further_starts=FURTHER)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Number of groups and loss of each start, in their order."""
    starts: list[tuple[int, float]] = []
    real = candidates._run_start

    def run_start(
        points: np.ndarray, k: int, number: int, settings: SegmentSettings, seed: int
    ) -> candidates._Start:
        start = real(points, k, number, settings, seed)
        starts.append((k, start.loss))
        return start

    monkeypatch.setattr(candidates, "_run_start", run_start)
    return starts


def _far_apart() -> np.ndarray:
    centres = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    spread = np.random.default_rng(3).normal(size=(90, 2))
    return np.repeat(centres, 30, axis=0) + spread


def _without_groups() -> np.ndarray:
    return np.random.default_rng(4).uniform(size=(600, 7))


def test_groups_that_every_start_finds_need_no_further_starts(
    settings: SegmentSettings, made: list[tuple[int, float]]
) -> None:
    found = candidates.search(_far_apart(), [2, 3], settings=settings, seed=1)

    assert found.chosen.k == 3
    assert [k for k, _ in made] == [2] * SEEDS + [3] * SEEDS
    assert found.chosen == next(item for item in found.candidates if item.k == 3)


def test_starts_are_added_until_ten_have_reached_the_best(
    settings: SegmentSettings, made: list[tuple[int, float]]
) -> None:
    points = _without_groups()
    found = candidates.search(points, [8], settings=settings, seed=1)

    losses = np.array([loss for _, loss in made])
    reached = (losses <= losses.min() * 1.0001).sum()
    assert SEEDS < len(losses) <= SEEDS + FURTHER
    assert reached == 10 or len(losses) == SEEDS + FURTHER
    assert found.chosen.inertia == pytest.approx(losses.min())
    assert found.chosen.inertia < found.candidates[0].inertia
    assert found.chosen.stability == found.candidates[0].stability
    labels = ((points[:, None] - found.centres) ** 2).sum(2)
    assert labels.min(1).sum() == pytest.approx(found.chosen.inertia)


def test_further_starts_come_close_to_the_best_of_two_hundred(settings: SegmentSettings) -> None:
    points = _without_groups()
    best = KMeans(8, n_init=200, random_state=0).fit(points).inertia_

    few = candidates.search(points, [8], settings=replace(settings, further_starts=0), seed=1)
    many = candidates.search(points, [8], settings=settings, seed=1)
    assert many.chosen.inertia <= 1.005 * best < few.chosen.inertia


def test_a_tiny_group_never_takes_the_place_of_one_that_is_large_enough(
    settings: SegmentSettings,
) -> None:
    # One customer far away: a group of his own lowers the loss, and every third start finds it.
    points = np.vstack([_without_groups()[:, :2], [[3.0, 3.0]]])
    with_limit = replace(settings, seeds=1, min_share=0.01)
    found = [candidates.search(points, [5], settings=with_limit, seed=seed) for seed in range(12)]

    large = [search for search in found if search.candidates[0].smallest_share >= 0.01]
    assert 0 < len(large) < len(found)
    for search in large:
        assert search.chosen.smallest_share >= 0.01
