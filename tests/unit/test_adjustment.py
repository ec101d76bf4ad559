"""The AdjustmentFactor, compared with the example of the founding document."""

from dataclasses import replace

import pytest

from clarion.campaigns.measurement.adjustment import Measurement, benefit_change
from clarion.campaigns.measurement.factor import adjustment_factor
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


def test_two_buyers_of_six_clickers_are_chance(settings: AdjustSettings) -> None:
    # Wilson's interval of 2 of 6 (10 % to 70 %) leaves out 8 %; six clickers often have two buyers.
    aims = {"ctr": 0.04, "cr": 0.08, "apu": 100.0, "rpr": 0.2}
    factor = adjustment_factor(aims, {"ctr": 0.044, "cr": 2 / 6, "apu": 100.0, "rpr": 0.2}, EVEN)
    few = benefit_change(factor, Measurement(1.0, delivered=136, clickers=6, buyers=2), settings)
    assert not few.has_changed
    assert "chance alone explains" in few.reason.en
    more = benefit_change(factor, Measurement(1.0, delivered=680, clickers=30, buyers=10), settings)
    assert more.has_changed


def test_the_benefit_multiplier_stays_within_its_bounds(settings: AdjustSettings) -> None:
    factor = adjustment_factor(TARGETS, {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}, EVEN)
    change = benefit_change(
        factor, Measurement(settings.highest, delivered=1000, clickers=1, buyers=0), settings
    )
    assert change.after == settings.highest
    assert not change.has_changed


def test_a_strategy_that_changes_says_which_rate_missed_its_target_by_how_much(
    settings: AdjustSettings,
) -> None:
    aims = {"ctr": 0.04, "cr": 0.08, "apu": 100.0, "rpr": 0.2}
    factor = adjustment_factor(aims, {"ctr": 0.045, "cr": 0.31, "apu": 100.0, "rpr": 0.2}, EVEN)
    counts = Measurement(1.1, delivered=1000, clickers=45, buyers=14)
    change = benefit_change(factor, counts, replace(settings, gain=0.1, step=0.1))
    # Gaps of 0.005 / 0.04 and 0.23 / 0.08, a quarter each: 0.75. Clicks may be chance: 3.4 to 6.0 %.
    assert change.after == pytest.approx(1.1 * (1 - 0.075))
    assert change.reason.en == (
        "14 of 45 customers who clicked ordered (31.0%): 23.0 points above the target of 8.0%, more "
        "than chance explains. Weighed together, click rate, conversion, revenue per buyer and "
        "repurchase rate are 75.0% above their targets. So a smaller benefit is tried: 7.5% less. "
        "A coupon of 110 becomes one of 101.8."
    )
    assert change.reason.zh == (
        "45 位点击的客户中 14 位下单（31.0%），比目标 8.0% 高 23.0 个百分点，差距超出偶然范围。"
        "点击率、转化率、每位买家收入和复购率加权后，比目标高 75.0%。"
        "因此尝试较小的优惠：减少 7.5%，面值 110 的券变为 101.8。"
    )


def test_both_rates_are_named_where_chance_explains_neither(settings: AdjustSettings) -> None:
    aims = {"ctr": 0.1, "cr": 0.5, "apu": 100.0, "rpr": 0.2}
    factor = adjustment_factor(aims, {"ctr": 0.2, "cr": 0.1, "apu": 100.0, "rpr": 0.1}, EVEN)
    counts = Measurement(1.0, delivered=1000, clickers=200, buyers=20)
    change = benefit_change(factor, counts, settings)
    # Above by a whole target, below by 0.8 and 0.5 of one: 0.3 / 4 below together.
    assert change.reason.en.startswith(
        "200 of 1000 messages delivered were clicked (20.0%): 10.0 points above the target of 10.0%, "
        "more than chance explains. 20 of 200 customers who clicked ordered (10.0%): 40.0 points "
        "below the target of 50.0%, more than chance explains. Weighed together, click rate, "
        "conversion, revenue per buyer and repurchase rate are 7.5% below their targets. "
        "So a larger benefit is tried: "
    )
    assert change.reason.zh.startswith(
        "送达的 1000 条消息中 200 条被点击（20.0%），比目标 10.0% 高 10.0 个百分点"
    )
    assert "比目标 50.0% 低 40.0 个百分点" in change.reason.zh


def test_a_strategy_that_does_not_change_says_why(settings: AdjustSettings) -> None:
    far = {"ctr": 0.001, "cr": 0.0, "apu": 1.0, "rpr": 0.0}
    cancelling = {"ctr": 0.05, "cr": 0.15, "apu": 100.0, "rpr": 0.2}
    near = {"ctr": 0.09, "cr": 0.5, "apu": 200.0, "rpr": 0.3}
    cases = [
        (TARGETS, far, (1.0, 10, 0, 0), "10 messages were delivered, and it takes 50 to judge."),
        (TARGETS, far, (settings.highest, 1000, 1, 0), "is at its bound of 1.5."),
        ({**TARGETS, "ctr": 0.1, "cr": 0.5}, near, (1.0, 100, 9, 4), "chance alone explains"),
        (
            {"ctr": 0.1, "cr": 0.1, "apu": 100.0, "rpr": 0.2},
            cancelling,
            (1.0, 1000, 50, 8),
            "the measures above their targets make up for those below.",
        ),
    ]
    for targets, actuals, counts, words in cases:
        change = benefit_change(
            adjustment_factor(targets, actuals, EVEN), Measurement(*counts), settings
        )
        assert not change.has_changed
        assert change.reason.en.startswith("Nothing changes: ")
        assert words in change.reason.en
        assert change.reason.zh.startswith("不调整：")
