"""The AdjustmentFactor, against the fixture of the founding document."""

from dataclasses import replace

import pytest

from clarion.campaigns.measurement.adjustment import factor, move
from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.config import Config
from clarion.kernel.errors import ConfigError

TARGETS = {"ctr": 0.05, "cr": 0.03, "apu": 200.0, "rpr": 0.30}
ACTUALS = {"ctr": 0.03, "cr": 0.02, "apu": 198.0, "rpr": 0.20}
EVEN = dict.fromkeys(TARGETS, 0.25)


@pytest.fixture
def settings() -> AdjustSettings:
    return Config.load().section(AdjustSettings)


@pytest.mark.covers("S2")
def test_the_literal_and_the_relative_factor_are_exact() -> None:
    found = factor(TARGETS, ACTUALS, EVEN)
    assert found.literal == pytest.approx(0.5325, abs=1e-9)
    assert found.relative == pytest.approx(323 / 1200, abs=1e-9)


def test_one_term_in_money_dominates_the_literal_factor_but_not_the_relative_one() -> None:
    found = factor(TARGETS, ACTUALS, EVEN)
    assert max(term.weight * term.gap for term in found.terms) / found.literal > 0.9
    assert found.dominance() == pytest.approx((0.4 / 4) / (323 / 1200))


def test_opposite_gaps_cancel_in_the_factor_but_not_in_the_absolute_gap() -> None:
    found = factor(
        {"ctr": 0.1, "cr": 0.1, "apu": 100, "rpr": 0.2},
        {"ctr": 0.05, "cr": 0.15, "apu": 100, "rpr": 0.2},
        EVEN,
    )
    assert found.relative == pytest.approx(0.0)
    assert found.absolute_gap == pytest.approx(0.25)


@pytest.mark.parametrize("weights", [{**EVEN, "ctr": 0.3}, {**EVEN, "ctr": -0.25, "cr": 0.75}])
def test_weights_that_do_not_sum_to_one_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="sum to 1") as error:
        factor(TARGETS, ACTUALS, weights)
    assert "found:" in str(error.value)
    assert "fix:" in str(error.value)


def test_a_target_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="target of ctr is 0"):
        factor({**TARGETS, "ctr": 0.0}, ACTUALS, EVEN)


def test_a_strategy_far_short_of_its_targets_moves_by_one_step_at_most(
    settings: AdjustSettings,
) -> None:
    found = factor(TARGETS, {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}, EVEN)
    decided = move(
        found,
        benefit_multiplier=1.0,
        delivered=1000,
        clickers=1,
        buyers=0,
        settings=replace(settings, gain=5.0),
    )
    assert decided.after == pytest.approx(1 + settings.step)
    assert decided.acted


def test_too_few_messages_say_nothing(settings: AdjustSettings) -> None:
    decided = move(
        factor(TARGETS, ACTUALS, EVEN),
        benefit_multiplier=1.2,
        delivered=10,
        clickers=0,
        buyers=0,
        settings=settings,
    )
    assert not decided.acted
    assert decided.after == 1.2


def test_a_gap_that_chance_explains_moves_nothing(settings: AdjustSettings) -> None:
    found = factor({**TARGETS, "ctr": 0.1, "cr": 0.5}, {**ACTUALS, "ctr": 0.09, "cr": 0.5}, EVEN)
    assert not move(
        found, benefit_multiplier=1.0, delivered=100, clickers=9, buyers=4, settings=settings
    ).acted


def test_the_benefit_multiplier_stays_within_its_bounds(settings: AdjustSettings) -> None:
    found = factor(TARGETS, {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}, EVEN)
    decided = move(
        found,
        benefit_multiplier=settings.highest,
        delivered=1000,
        clickers=1,
        buyers=0,
        settings=settings,
    )
    assert decided.after == settings.highest
    assert not decided.acted
