"""The AdjustmentFactor, compared with the example of the founding document."""

from dataclasses import replace

import pytest

from clarion.campaigns.measurement.adjustment import (
    Measurement,
    adjustment_factor,
    benefit_change,
)
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
    factor = adjustment_factor(TARGETS, ACTUALS, EVEN)
    assert factor.literal == pytest.approx(0.5325, abs=1e-9)
    assert factor.relative == pytest.approx(323 / 1200, abs=1e-9)


def test_one_term_in_money_dominates_the_literal_factor_but_not_the_relative_one() -> None:
    factor = adjustment_factor(TARGETS, ACTUALS, EVEN)
    assert max(term.weight * term.gap for term in factor.terms) / factor.literal > 0.9
    assert factor.dominance() == pytest.approx((0.4 / 4) / (323 / 1200))


def test_opposite_gaps_cancel_in_the_factor_but_not_in_the_absolute_gap() -> None:
    factor = adjustment_factor(
        {"ctr": 0.1, "cr": 0.1, "apu": 100, "rpr": 0.2},
        {"ctr": 0.05, "cr": 0.15, "apu": 100, "rpr": 0.2},
        EVEN,
    )
    assert factor.relative == pytest.approx(0.0)
    assert factor.absolute_gap == pytest.approx(0.25)


@pytest.mark.covers("S2")
@pytest.mark.parametrize("weights", [{**EVEN, "ctr": 0.3}, {**EVEN, "ctr": -0.25, "cr": 0.75}])
def test_weights_that_do_not_sum_to_one_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="sum to 1") as error:
        adjustment_factor(TARGETS, ACTUALS, weights)
    assert "found:" in str(error.value)
    assert "fix:" in str(error.value)


def test_a_target_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="target of ctr is 0"):
        adjustment_factor({**TARGETS, "ctr": 0.0}, ACTUALS, EVEN)


def test_a_strategy_far_short_of_its_targets_moves_by_one_step_at_most(
    settings: AdjustSettings,
) -> None:
    factor = adjustment_factor(TARGETS, {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}, EVEN)
    change = benefit_change(
        factor, Measurement(1.0, delivered=1000, clickers=1, buyers=0), replace(settings, gain=5.0)
    )
    assert change.after == pytest.approx(1 + settings.step)
    assert change.has_changed


def test_too_few_messages_say_nothing(settings: AdjustSettings) -> None:
    change = benefit_change(
        adjustment_factor(TARGETS, ACTUALS, EVEN),
        Measurement(1.2, delivered=10, clickers=0, buyers=0),
        settings,
    )
    assert not change.has_changed
    assert change.after == 1.2


def test_a_gap_that_chance_explains_moves_nothing(settings: AdjustSettings) -> None:
    factor = adjustment_factor(
        {**TARGETS, "ctr": 0.1, "cr": 0.5}, {**ACTUALS, "ctr": 0.09, "cr": 0.5}, EVEN
    )
    counts = Measurement(1.0, delivered=100, clickers=9, buyers=4)
    assert not benefit_change(factor, counts, settings).has_changed


def test_the_benefit_multiplier_stays_within_its_bounds(settings: AdjustSettings) -> None:
    factor = adjustment_factor(TARGETS, {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}, EVEN)
    change = benefit_change(
        factor, Measurement(settings.highest, delivered=1000, clickers=1, buyers=0), settings
    )
    assert change.after == settings.highest
    assert not change.has_changed
